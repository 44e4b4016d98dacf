"""How well the header that the model writes agrees with the truth, and with the markers that were fixed for it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from treasure.analysis.collect import RunTable
from treasure.analysis.config import Resampling
from treasure.analysis.lifts import ALL, HEAD, TAIL
from treasure.analysis.statistics import DEFAULT, mean, rate
from treasure.analysis.tables import read_rows
from treasure.evaluation.record import EvaluationRecord, Regime
from treasure.intervals import Interval

ACCURACY, DIFFERENCE, OBEYED = "accuracy", "mean_absolute_difference", "obeyed"


@dataclass(frozen=True, slots=True)
class AccuracyRow:
    """One line of `marker_accuracy.csv`.

    `measure` is 'accuracy' (share of headers in regime inferred that hold just the true values; for numbers: the exact
    number), 'mean_absolute_difference' (numeric categories, over the headers that hold a number) or 'obeyed' (share of
    headers that repeat the marker fixed in the prompt). `group` is 'all', 'head' or 'tail' by the true value. Intervals
    count prompts, not answers, and several seeds are a second level.
    """

    category: str
    group: str
    regime: str
    measure: str
    value: float
    low: float
    high: float
    num_prompts: int
    num_seeds: int


@dataclass(frozen=True, slots=True)
class _Header:
    cluster: str
    seed: int
    group: str | None
    written: Any
    expected: Any


def accuracy_rows(runs: RunTable, how: Resampling = DEFAULT) -> tuple[AccuracyRow, ...]:
    """Accuracy in regime inferred for every category that truth knows, then obedience in regime fixed."""
    records = [record for run in runs.marked for record in run.at()]
    inferred = [record for record in records if record.regime is Regime.INFERRED]
    fixed = [record for record in records if record.regime is Regime.FIXED]
    rows: list[AccuracyRow] = []
    for category, headers in _by_category(inferred, "truth").items():
        rows += _rows(category, headers, Regime.INFERRED, ACCURACY, how)
    for category, headers in _by_category(fixed, "levers").items():
        rows += _rows(category, headers, Regime.FIXED, OBEYED, how)
    return tuple(rows)


def read_accuracy(report_folder: Path) -> tuple[AccuracyRow, ...]:
    """The marker accuracy of a report folder."""
    return read_rows(report_folder / "marker_accuracy.csv", AccuracyRow)


def _by_category(records: Iterable[EvaluationRecord], field: str) -> dict[str, list[_Header]]:
    """Under each category what was written and expected there, in the order in which truth names the categories."""
    found: dict[str, list[_Header]] = {}
    for record in sorted(records, key=lambda r: (r.benchmark, r.prompt_id, r.seed)):
        expected: Mapping[str, Any] = record.truth if field == "truth" else record.levers
        for category, value in expected.items():
            header = _Header(
                f"{record.benchmark}/{record.prompt_id}",
                record.seed,
                record.groups.get(category),
                record.predicted.get(category),
                value,
            )
            found.setdefault(category, []).append(header)
    return dict(sorted(found.items()))


def _rows(
    category: str, headers: Sequence[_Header], regime: Regime, measure: str, how: Resampling
) -> list[AccuracyRow]:
    rows: list[AccuracyRow] = []
    numeric = all(_is_number(header.expected) for header in headers)
    for group in (ALL, HEAD, TAIL):
        chosen = [header for header in headers if group in (ALL, header.group)]
        if not chosen:
            continue
        rows.append(_row(category, group, regime, measure, chosen, _share(chosen, how)))
        numbers = [header for header in chosen if numeric and _is_number(header.written)]
        if numbers and measure == ACCURACY:
            rows.append(_row(category, group, regime, DIFFERENCE, numbers, _mean_difference(numbers, how)))
    return rows


def _row(
    category: str, group: str, regime: Regime, measure: str, headers: Sequence[_Header], found: Interval
) -> AccuracyRow:
    num_seeds = len({header.seed for header in headers})
    return AccuracyRow(
        category, group, regime.value, measure, found.estimate, found.low, found.high, found.n, num_seeds
    )


def _share(headers: Sequence[_Header], how: Resampling) -> Interval:
    right = np.array([float(_as_set(header.written) == _as_set(header.expected)) for header in headers])
    return rate(right, *_drawn_by(headers), how=how)


def _mean_difference(headers: Sequence[_Header], how: Resampling) -> Interval:
    differences = np.array([abs(float(header.written) - float(header.expected)) for header in headers])
    return mean(differences, *_drawn_by(headers), how=how)


def _drawn_by(headers: Sequence[_Header]) -> tuple[np.ndarray, np.ndarray]:
    """(prompts, seeds) of the headers."""
    return np.array([header.cluster for header in headers]), np.array([header.seed for header in headers])


def _as_set(value: Any) -> frozenset[str]:
    """The values as texts; a header that lacks the category holds the empty set."""
    if value is None:
        return frozenset()
    return frozenset(map(_canonical, value)) if isinstance(value, list | tuple) else frozenset({_canonical(value)})


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _canonical(value: Any) -> str:
    return f"{value:g}" if _is_number(value) else str(value)
