"""How well two sources agree, category by category: tables of agreement, confusion, values and calibration."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from treasure.analysis.comparison import HEAD, TAIL, Comparison
from treasure.analysis.coverage import ALL, LANGUAGE
from treasure.annotation.agreement import NO_ANSWER, Judged, agreement, value_agreements
from treasure.annotation.calibration import calibration
from treasure.intervals import NUM_RESAMPLES, Interval, percentile_interval, resampled_counts

GROUP = "group"
NOTHING = "(no answer)"
LEFT_OUT = "(left out)"
ADDED = "(added)"
DIFFERENCE = "mean_absolute_difference"
FEWEST = 10
"""Languages with fewer examples than this are not told apart."""


@dataclass(frozen=True, slots=True)
class AgreementRow:
    """One line of `agreement.csv`: a measure with its 95 % interval.

    `slice_kind` is all, lang (by the language that gold, or else the other, names) or group (head or tail by the gold
    value). Measures are those of `treasure.annotation.agreement`; macro_f1 of a group is over its values and all
    examples, so that false alarms count, and a group has no kappa, as its examples are chosen by gold. Numeric
    categories have abstained, accuracy, accuracy_all and mean_absolute_difference.
    """

    category: str
    slice_kind: str
    slice: str
    measure: str
    value: float
    low: float
    high: float
    num_examples: int
    num_prompts: int


@dataclass(frozen=True, slots=True)
class ConfusionRow:
    """One line of `confusion.csv`: examples whose gold value was answered by the found one.

    With several values an example, those in common stand on the diagonal; each that is missed is spread evenly over
    the wrong ones given, or is (left out); wrong ones where none is missed are (added).
    """

    category: str
    gold: str
    found: str
    count: float


@dataclass(frozen=True, slots=True)
class ValueRow:
    """One line of `values.csv`: how well one value is found."""

    category: str
    value: str
    num_gold: int
    num_found: int
    num_both: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class CalibrationRow:
    """One line of `calibration.csv`; see `treasure.annotation.calibration`."""

    category: str
    num_answers: int
    ece: float
    ece_low: float
    ece_high: float
    chance_ece: float
    brier: float
    brier_low: float
    brier_high: float


@dataclass(frozen=True, slots=True)
class ReliabilityRow:
    """One line of `reliability.csv`: answers with a probability from `low` to under `high`, and how many were right."""

    category: str
    low: float
    high: float
    num_answers: int
    mean_probability: float
    right: float
    right_low: float
    right_high: float


def agreement_rows(one: Comparison, num_resamples: int = NUM_RESAMPLES) -> list[AgreementRow]:
    """All examples, then head and tail, then each language with at least `FEWEST` examples, the most frequent first."""
    names, sizes = np.unique(one.languages[one.languages != ""], return_counts=True)
    by_size = [str(names[k]) for k in np.argsort(-sizes, kind="stable") if sizes[k] >= FEWEST]
    slices = [(ALL, ALL, np.ones(len(one.judged), dtype=bool))]
    slices += [(GROUP, group, one.groups == group) for group in (HEAD, TAIL)]
    slices += [(LANGUAGE, name, one.languages == name) for name in by_size if one.category.name != LANGUAGE]
    rows: list[AgreementRow] = []
    for kind, name, chosen in slices:
        if chosen.any():
            rows += _rows(one, kind, name, chosen, num_resamples)
    return rows


def confusion(judged: Judged, values: Sequence[str]) -> tuple[list[str], list[str], np.ndarray]:
    """(gold values, found values, examples (R, C)); values in the order of `values`, then what is no value."""
    kinds = judged.kinds
    counts = np.bincount(kinds.of_example, minlength=len(kinds))
    cells: dict[tuple[str, str], float] = {}
    for gold, found, count in zip(kinds.gold, kinds.found, counts, strict=True):
        answer = None if found == NO_ANSWER else judged.sets[found]
        for cell, weight in _cells(judged.sets[gold], answer):
            cells[cell] = cells.get(cell, 0.0) + weight * int(count)
    order = [*values, *sorted({name for cell in cells for name in cell} - {*values})]
    rows = [name for name in order if any(name == row for row, _ in cells)]
    columns = [name for name in order if name in rows or any(name == column for _, column in cells)]
    columns = [name for name in columns if name != ADDED]
    columns.sort(key=lambda name: name in (NOTHING, LEFT_OUT))
    rows.sort(key=lambda name: name == ADDED)
    matrix = np.array([[cells.get((row, column), 0.0) for column in columns] for row in rows])
    return rows, columns, matrix


def confusion_rows(
    category: str, rows: Sequence[str], columns: Sequence[str], matrix: np.ndarray
) -> list[ConfusionRow]:
    """The cells that hold something."""
    return [ConfusionRow(category, rows[r], columns[c], float(matrix[r, c])) for r, c in np.argwhere(matrix).tolist()]


def value_rows(one: Comparison) -> list[ValueRow]:
    """The values of a closed category that gold or answers hold, in its order."""
    rows = [
        ValueRow(
            one.category.name, row.value, row.num_gold, row.num_found, row.num_both, row.precision, row.recall, row.f1
        )
        for row in value_agreements(one.judged)
    ]
    order = {name: place for place, name in enumerate(one.category.value_names)}
    return sorted(rows, key=lambda row: (order.get(row.value, len(order)), row.value))


def calibration_rows(
    one: Comparison, num_resamples: int = NUM_RESAMPLES
) -> tuple[list[CalibrationRow], list[ReliabilityRow]]:
    """Of the answers with a probability; none without any."""
    chosen = one.judged.answered & ~np.isnan(one.probabilities)
    if not chosen.any():
        return [], []
    part = one.judged.where(chosen)
    got = calibration(
        np.clip(one.probabilities[chosen].astype(float), 0, 1), part.right, part.clusters, num_resamples=num_resamples
    )
    name = one.category.name
    row = CalibrationRow(
        name,
        got.num_answers,
        got.ece.estimate,
        got.ece.low,
        got.ece.high,
        got.chance_ece,
        got.brier.estimate,
        got.brier.low,
        got.brier.high,
    )
    return [row], [
        ReliabilityRow(
            name, b.low, b.high, b.num_answers, b.mean_probability, b.right.estimate, b.right.low, b.right.high
        )
        for b in got.bins
    ]


def _rows(one: Comparison, kind: str, name: str, chosen: np.ndarray, num_resamples: int) -> list[AgreementRow]:
    part = one.judged.where(chosen)
    if one.category.is_numeric:
        measures = _numeric_measures(part, one.differences[chosen], num_resamples)
    else:
        measures = agreement(part, num_resamples=num_resamples).measures()
    if kind == GROUP:
        whole = agreement(one.judged, values=one.values[name], num_resamples=num_resamples)
        measures = {**measures, "macro_f1": whole.macro_f1}
        measures = {key: got for key, got in measures.items() if key not in ("kappa", "kappa_all")}
    prompts = len(np.unique(part.clusters))
    return [
        AgreementRow(one.category.name, kind, name, measure, got.estimate, got.low, got.high, len(part), prompts)
        for measure, got in measures.items()
    ]


def _numeric_measures(judged: Judged, differences: np.ndarray, num_resamples: int) -> dict[str, Interval]:
    """Numbers are right where they are equal; a kind is a difference, with whether it was answered and right."""
    sizes = np.where(np.isnan(differences), -1.0, differences)
    codes = pd.factorize(pd.MultiIndex.from_arrays([sizes, judged.answered, judged.right]))
    kinds = pd.DataFrame(list(codes[1]), columns=["size", "answered", "right"])
    size, answered, right = (kinds[name].to_numpy(dtype=float) for name in kinds)
    is_number = (size >= 0).astype(float)
    num = len(np.unique(judged.clusters))
    counts = np.bincount(codes[0], minlength=len(kinds)).astype(float)[None]
    draws = np.concatenate(
        list(resampled_counts(codes[0], judged.clusters, num_kinds=len(kinds), num_resamples=num_resamples))
    )
    everyone = np.ones(len(kinds))
    parts = {
        "abstained": (1 - answered, everyone),
        "accuracy": (right * answered, answered),
        "accuracy_all": (right * answered, everyone),
        DIFFERENCE: (np.maximum(size, 0) * is_number, is_number),
    }
    found = {}
    for name, (above, below) in parts.items():
        with np.errstate(invalid="ignore"):
            estimate, drawn = float((counts @ above / (counts @ below))[0]), (draws @ above) / (draws @ below)
        found[name] = percentile_interval(estimate, drawn, num, num, None if name == DIFFERENCE else (0.0, 1.0))
    return found


def _cells(gold: frozenset[str], found: frozenset[str] | None) -> list[tuple[tuple[str, str], float]]:
    """(gold value, found value) -> weight of one example."""
    if found is None:
        return [((value, NOTHING), 1.0) for value in gold]
    missed, wrong = gold - found, found - gold
    cells = [((value, value), 1.0) for value in gold & found]
    cells += [((value, other), 1.0 / len(wrong)) for value in missed for other in wrong]
    cells += [((value, LEFT_OUT), 1.0) for value in missed if not wrong]
    return cells + [((ADDED, value), 1.0) for value in wrong if not missed]
