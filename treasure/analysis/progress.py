"""How the primary metric and its lift move along training, from the checkpoints that were evaluated."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from treasure.analysis.benchmarks import benchmark_info
from treasure.analysis.collect import RunTable
from treasure.analysis.config import Resampling
from treasure.analysis.lifts import ALL, HEAD, TAIL, lift_row
from treasure.analysis.pairing import Comparison, compare
from treasure.analysis.statistics import DEFAULT
from treasure.analysis.tables import read_rows
from treasure.evaluation.record import Regime


@dataclass(frozen=True, slots=True)
class ProgressRow:
    """One line of `progress.csv`: a regime's mean after `step` optimizer steps; lift and interval against Baseline.

    Rows of regime 'baseline' hold its own mean and no lift.
    """

    benchmark: str
    slice_kind: str
    slice: str
    regime: str
    metric: str
    step: int
    value: float
    lift: float
    low: float
    high: float
    num_prompts: int
    num_seeds: int


def progress_rows(runs: RunTable, how: Resampling = DEFAULT) -> tuple[ProgressRow, ...]:
    """The primary metric over all, head and tail prompts at every step that Baseline and marked runs share."""
    baseline_steps = {record.step for run in runs.baselines for record in run.records}
    marked_steps = {record.step for run in runs.marked for record in run.records}
    return tuple(
        row for step in sorted(baseline_steps & marked_steps) for row in _rows_at(compare(runs, step), step, how)
    )


def read_progress(report_folder: Path) -> tuple[ProgressRow, ...]:
    """The progress of a report folder."""
    return read_rows(report_folder / "progress.csv", ProgressRow)


def _rows_at(comparisons: Iterable[Comparison], step: int, how: Resampling) -> list[ProgressRow]:
    rows: list[ProgressRow] = []
    with_baseline: set[tuple[str, str]] = set()
    for comparison in comparisons:
        info = benchmark_info(comparison.benchmark, comparison.metrics, comparison.categories)
        for kind in (ALL, HEAD, TAIL):
            part = comparison.where(lambda pair, k=kind, c=info.category: k == ALL or pair.groups.get(c) == k)
            name = ALL if kind == ALL else info.category
            found = lift_row(part, kind, name, info.primary, how)
            if found is None:
                continue
            row = ProgressRow(
                found.benchmark, kind, name, found.regime, found.metric, step, found.marked, found.lift, found.low,
                found.high, found.num_prompts, found.num_seeds,
            )  # fmt: skip
            if (found.benchmark, kind) not in with_baseline:
                with_baseline.add((found.benchmark, kind))
                rows.append(_baseline_row(row, found.baseline))
            rows.append(row)
    return rows


def _baseline_row(row: ProgressRow, value: float) -> ProgressRow:
    nan = math.nan
    return ProgressRow(
        row.benchmark, row.slice_kind, row.slice, Regime.BASELINE.value, row.metric, row.step, value, nan, nan, nan,
        row.num_prompts, row.num_seeds,
    )  # fmt: skip
