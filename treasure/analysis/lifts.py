"""Marked minus Baseline for every benchmark, slice, regime and metric, and the tail's lift minus the head's."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from treasure.analysis.benchmarks import OVERALL, benchmark_info, metric_order
from treasure.analysis.config import Resampling
from treasure.analysis.pairing import Comparison
from treasure.analysis.statistics import DEFAULT, difference_in_differences, paired_lift
from treasure.analysis.tables import read_rows

ALL, HEAD, TAIL, VALUE = "all", "head", "tail", "value"


@dataclass(frozen=True, slots=True)
class LiftRow:
    """One line of `lifts.csv`: means over answers in the metric's own unit, and their paired difference.

    `slice` is 'all', a category (for head and tail) or 'category=value'. `low` and `high` bound the lift at 95 %.
    """

    benchmark: str
    slice_kind: str
    slice: str
    regime: str
    metric: str
    baseline: float
    marked: float
    lift: float
    low: float
    high: float
    num_prompts: int
    num_seeds: int


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """One line of `differences.csv`: the tail's lift minus the head's, `low` and `high` at 95 %."""

    benchmark: str
    category: str
    regime: str
    metric: str
    tail_lift: float
    head_lift: float
    difference: float
    low: float
    high: float
    num_tail_prompts: int
    num_head_prompts: int
    num_seeds: int


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One line of `groups.csv`: whether a value is 'head' or 'tail' of the training mixture."""

    category: str
    value: str
    group: str


def lift_rows(comparisons: Iterable[Comparison], how: Resampling = DEFAULT) -> tuple[LiftRow, ...]:
    """All lifts, by benchmark, regime, slice and metric."""
    return tuple(
        row
        for comparison in comparisons
        for kind, name, part in _slices(comparison)
        for metric in sorted(comparison.metrics, key=metric_order)
        if (row := lift_row(part, kind, name, metric, how)) is not None
    )


def lift_row(part: Comparison, kind: str, name: str, metric: str, how: Resampling = DEFAULT) -> LiftRow | None:
    """The lift of one slice in one metric; None where no pair has the metric."""
    pairs = part.arrays(metric)
    if pairs is None:
        return None
    found = paired_lift(pairs.baseline, pairs.marked, pairs.clusters, pairs.seeds, how=how)
    return LiftRow(
        benchmark=part.benchmark,
        slice_kind=kind,
        slice=name,
        regime=part.regime.value,
        metric=metric,
        baseline=float(pairs.baseline.mean()),
        marked=float(pairs.marked.mean()),
        lift=found.estimate,
        low=found.low,
        high=found.high,
        num_prompts=found.n,
        num_seeds=pairs.num_seeds,
    )


def difference_rows(comparisons: Iterable[Comparison], how: Resampling = DEFAULT) -> tuple[DifferenceRow, ...]:
    """Tail against head for every benchmark, category with both, regime and metric."""
    return tuple(
        row
        for comparison in comparisons
        for category in sorted(comparison.categories)
        for metric in sorted(comparison.metrics, key=metric_order)
        if (row := _difference_row(comparison, category, metric, how)) is not None
    )


def group_rows(comparisons: Iterable[Comparison]) -> tuple[GroupRow, ...]:
    """The group of every value that some prompt is sliced by, by category and value."""
    found = {
        GroupRow(category, value, pair.groups[category])
        for comparison in comparisons
        for pair in comparison.pairs
        for category, value in pair.baseline.slices.items()
        if category in pair.groups
    }
    return tuple(sorted(found, key=lambda row: (row.category, row.group, row.value)))


def read_lifts(report_folder: Path) -> tuple[LiftRow, ...]:
    """The lifts of a report folder."""
    return read_rows(report_folder / "lifts.csv", LiftRow)


def read_differences(report_folder: Path) -> tuple[DifferenceRow, ...]:
    """The tail-against-head differences of a report folder."""
    return read_rows(report_folder / "differences.csv", DifferenceRow)


def select(
    rows: Sequence[LiftRow],
    *,
    benchmark: str | None = None,
    slice_kind: str | None = None,
    slice: str | None = None,
    regime: str | None = None,
    metric: str | None = None,
) -> list[LiftRow]:
    """The rows that agree with all that is given, in their order."""
    wanted = {"benchmark": benchmark, "slice_kind": slice_kind, "slice": slice, "regime": regime, "metric": metric}
    given = {name: value for name, value in wanted.items() if value is not None}
    return [row for row in rows if all(getattr(row, name) == value for name, value in given.items())]


def leading_rows(rows: Sequence[LiftRow], benchmark: str) -> list[LiftRow]:
    """The rows a reader wants first: the primary metric over all prompts, and head and tail of the main category."""
    own = select(rows, benchmark=benchmark)
    grouped = tuple(dict.fromkeys(row.slice for row in own if row.slice_kind in (HEAD, TAIL)))
    info = benchmark_info(benchmark, tuple(dict.fromkeys(row.metric for row in own)), grouped)
    return [r for r in own if r.metric == info.primary and (r.slice_kind == ALL or _leads(r, info.category))]


def _leads(row: LiftRow, category: str) -> bool:
    return row.slice_kind in (HEAD, TAIL) and row.slice == category


def _slices(comparison: Comparison) -> Iterator[tuple[str, str, Comparison]]:
    yield ALL, ALL, comparison
    for category in sorted(comparison.categories):
        for kind in (HEAD, TAIL):
            part = comparison.where(lambda pair, c=category, k=kind: pair.groups.get(c) == k)
            if part.pairs:
                yield kind, category, part
    if comparison.benchmark == OVERALL:
        return
    values = sorted({item for pair in comparison.pairs for item in pair.baseline.slices.items()})
    for category, value in values:
        part = comparison.where(lambda pair, c=category, v=value: pair.baseline.slices.get(c) == v)
        yield VALUE, f"{category}={value}", part


def _difference_row(comparison: Comparison, category: str, metric: str, how: Resampling) -> DifferenceRow | None:
    tail = comparison.where(lambda pair: pair.groups.get(category) == TAIL).arrays(metric)
    head = comparison.where(lambda pair: pair.groups.get(category) == HEAD).arrays(metric)
    if tail is None or head is None:
        return None
    found = difference_in_differences(tail, head, how=how)
    return DifferenceRow(
        benchmark=comparison.benchmark,
        category=category,
        regime=comparison.regime.value,
        metric=metric,
        tail_lift=float((tail.marked - tail.baseline).mean()),
        head_lift=float((head.marked - head.baseline).mean()),
        difference=found.estimate,
        low=found.low,
        high=found.high,
        num_tail_prompts=tail.num_clusters,
        num_head_prompts=head.num_clusters,
        num_seeds=tail.num_seeds,
    )
