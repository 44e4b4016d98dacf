"""The summary of a report: Baseline, inferred and fixed on tail, head and all prompts of every benchmark."""

from collections.abc import Sequence
from dataclasses import dataclass

from treasure.analysis.benchmarks import Metric, benchmark_info, benchmark_order, metric_info
from treasure.analysis.lifts import ALL, HEAD, TAIL, LiftRow, leading_rows
from treasure.analysis.verdicts import Answer, judge
from treasure.analysis.wording import interval, rate, signed
from treasure.evaluation.record import Regime

_KINDS = (TAIL, HEAD, ALL)
SUMMARY_REGIMES = (Regime.INFERRED, Regime.FIXED)


@dataclass(frozen=True, slots=True)
class SummaryCell:
    """A regime's level, its lift and interval in words, and whether it is better than Baseline."""

    level: str
    lift: str
    interval: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class SummaryLine:
    """One line of the summary; `cells` follow `SUMMARY_REGIMES`, None where a regime was not evaluated."""

    benchmark: str
    metric: str
    kind: str
    num_prompts: int
    baseline: str
    cells: tuple[SummaryCell | None, ...]


def summary_lines(lifts: Sequence[LiftRow]) -> tuple[SummaryLine, ...]:
    """Tail, head and all prompts of every benchmark in its primary metric; only all where it has no head or no tail."""
    lines: list[SummaryLine] = []
    for name in sorted({row.benchmark for row in lifts}, key=benchmark_order):
        rows = leading_rows(lifts, name)
        held = {row.slice_kind for row in rows}
        for kind in _KINDS if {HEAD, TAIL} <= held else (ALL,):
            own = {Regime(row.regime): row for row in rows if row.slice_kind == kind and row.regime in SUMMARY_REGIMES}
            if own:
                lines.append(_line(name, kind, own))
    return tuple(lines)


def _line(name: str, kind: str, own: dict[Regime, LiftRow]) -> SummaryLine:
    row = next(iter(own.values()))
    metric = metric_info(row.metric)
    return SummaryLine(
        benchmark=benchmark_info(name, (row.metric,)).label,
        metric=metric.label,
        kind=kind,
        num_prompts=row.num_prompts,
        baseline=rate(row.baseline, metric),
        cells=tuple(_cell(own[regime], metric) if regime in own else None for regime in SUMMARY_REGIMES),
    )


def _cell(row: LiftRow, metric: Metric) -> SummaryCell:
    return SummaryCell(
        level=rate(row.marked, metric),
        lift=signed(row.lift, metric),
        interval=interval(row.low, row.high, metric),
        answer=judge(row.low, row.high, metric.sign),
    )
