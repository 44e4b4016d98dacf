"""Two sources over the same examples, category by category: tables of agreement, confusion and calibration.

Examples count where gold says something and the other was asked. What it was not asked about is counted apart. That a
category makes no sense is an answer like others, `NOT_APPLICABLE`.

Letters: N examples that both sources know.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from treasure.analysis.annotations import Block, Status, Vocabulary, settle
from treasure.analysis.coverage import ALL, LANGUAGE
from treasure.annotation.agreement import NO_ANSWER, Judged, agreement, value_agreements
from treasure.annotation.calibration import calibration
from treasure.intervals import NUM_RESAMPLES, Interval, percentile_interval, resampled_counts
from treasure.taxonomy.taxonomy import Category, Taxonomy

HEAD, TAIL = "head", "tail"
NOT_APPLICABLE = "(not applicable)"
NOTHING = "(no answer)"
LEFT_OUT = "(left out)"
ADDED = "(added)"
DIFFERENCE = "mean_absolute_difference"
FEWEST = 10
"""Languages with fewer examples than this are not told apart."""


@dataclass(frozen=True, slots=True)
class CountRow:
    """One line of `counts.csv`: of the examples that both sources know, what becomes of a category.

    `judged` = `gold_known` - `not_asked`; these are `answered`, `abstained` or `failed`.
    """

    category: str
    common: int
    gold_known: int
    not_asked: int
    judged: int
    answered: int
    abstained: int
    failed: int


@dataclass(frozen=True, slots=True)
class AgreementRow:
    """One line of `agreement.csv`: a measure with its 95 % interval.

    `slice_kind` is all, lang (by the language that gold, or else the other, names) or group (head or tail by the gold
    value). Measures are those of `treasure.annotation.agreement`; numeric categories have abstained, accuracy,
    accuracy_all and mean_absolute_difference.
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


@dataclass(frozen=True)
class Answers:
    """What one source says of every example: `keys` (examples,) uint64, rising, and a column a category.

    `codes` are numbers into `sets`, or a `Status` below 0.
    """

    keys: np.ndarray
    codes: dict[str, np.ndarray]
    probabilities: dict[str, np.ndarray]
    sets: dict[str, tuple[tuple[str, ...], ...]]


@dataclass(frozen=True)
class Comparison:
    """One category of the examples that can be judged; arrays have shape (N,).

    `languages` are names or '', `groups` head, tail or '' (gold says that it makes no sense).
    """

    category: Category
    counts: CountRow
    judged: Judged
    probabilities: np.ndarray
    languages: np.ndarray
    groups: np.ndarray
    differences: np.ndarray = field(default_factory=lambda: np.zeros(0))
    """Absolute differences of numbers, NaN where there is no number; (0,) for names."""


def keys_of(ids: np.ndarray) -> np.ndarray:
    """64-bit keys of example ids, (n,): small in memory, and different ids share one in about 1 of 2^64 pairs."""
    return pd.util.hash_array(np.asarray(ids, dtype=object), categorize=False)


def collect(blocks: Iterable[Block], categories: Sequence[str], annotator: str | None = None) -> Answers:
    """What is settled in `blocks`, or what `annotator` alone says; an example that comes twice counts once."""
    vocabularies = {name: Vocabulary() for name in categories}
    keys: list[np.ndarray] = []
    codes: dict[str, list[np.ndarray]] = {name: [] for name in categories}
    probabilities: dict[str, list[np.ndarray]] = {name: [] for name in categories}
    for whole in blocks:
        block = whole if annotator is None else whole.of(annotator)
        keys.append(keys_of(block.ids))
        for name in categories:
            settled = settle(block, name, vocabularies[name])
            codes[name].append(settled.codes)
            probabilities[name].append(settled.probabilities.astype(np.float32))
    merged = np.concatenate(keys) if keys else np.zeros(0, dtype=np.uint64)
    unique, first = np.unique(merged, return_index=True)

    def column(parts: list[np.ndarray]) -> np.ndarray:
        return np.concatenate(parts)[first] if parts else np.zeros(0)

    return Answers(
        unique,
        {name: column(parts) for name, parts in codes.items()},
        {name: column(parts) for name, parts in probabilities.items()},
        {name: tuple(vocabulary.sets) for name, vocabulary in vocabularies.items()},
    )


def compare(
    found: Answers,
    gold: Answers,
    taxonomy: Taxonomy,
    *,
    threshold: float,
    prompts: tuple[np.ndarray, np.ndarray] | None = None,
) -> list[Comparison]:
    """The categories in which at least one example can be judged, in the order of the taxonomy.

    `threshold` parts head and tail by the share among the gold examples in which the category is known. `prompts`
    holds keys of examples and, for each, the key of its prompt; without it, or for examples it lacks, each example
    is a prompt of its own.
    """
    _, left, right = np.intersect1d(found.keys, gold.keys, assume_unique=True, return_indices=True)
    clusters = _clusters(found.keys[left], prompts)
    languages = _languages(found, gold, left, right)
    comparisons = []
    for category in taxonomy.categories:
        if category.name in found.codes and category.name in gold.codes:
            one = _comparison(category, found, gold, left, right, clusters, languages, threshold)
            if len(one.judged):
                comparisons.append(one)
    return comparisons


def agreement_rows(one: Comparison, num_resamples: int = NUM_RESAMPLES) -> list[AgreementRow]:
    """All examples, then head and tail, then each language with at least `FEWEST` examples, the most frequent first."""
    names, sizes = np.unique(one.languages[one.languages != ""], return_counts=True)
    by_size = [str(names[k]) for k in np.argsort(-sizes, kind="stable") if sizes[k] >= FEWEST]
    slices = [(ALL, ALL, np.ones(len(one.judged), dtype=bool))]
    slices += [("group", group, one.groups == group) for group in (HEAD, TAIL)]
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
    return [
        ConfusionRow(category, rows[r], columns[c], float(matrix[r, c]))
        for r, c in zip(*np.nonzero(matrix), strict=True)
    ]


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


def _comparison(
    category: Category,
    found: Answers,
    gold: Answers,
    left: np.ndarray,
    right: np.ndarray,
    clusters: np.ndarray,
    languages: np.ndarray,
    threshold: float,
) -> Comparison:
    name = category.name
    said, true = found.codes[name][left], gold.codes[name][right]
    has_gold = true >= Status.NOT_APPLICABLE
    chosen = has_gold & (said != Status.NOT_ASKED)
    counts = CountRow(
        category=name,
        common=len(left),
        gold_known=int(has_gold.sum()),
        not_asked=int((has_gold & ~chosen).sum()),
        judged=int(chosen.sum()),
        answered=int((said[chosen] >= Status.NOT_APPLICABLE).sum()),
        abstained=int((said[chosen] == Status.ABSTAINED).sum()),
        failed=int((said[chosen] == Status.FAILED).sum()),
    )
    said, true = said[chosen], true[chosen]
    sets, places = _one_vocabulary(gold.sets[name], found.sets[name])
    # a Status below 0 counts from the end: FAILED, ABSTAINED, NOT_APPLICABLE
    judged = Judged(
        sets,
        gold=np.array([*range(1, len(gold.sets[name]) + 1), 0], dtype=np.int64)[true],
        found=np.array([*places, NO_ANSWER, NO_ANSWER, 0], dtype=np.int64)[said],
        clusters=clusters[chosen],
    )
    return Comparison(
        category,
        counts,
        judged,
        found.probabilities[name][left][chosen],
        languages[chosen],
        np.full(len(true), "") if category.is_numeric else _groups(gold, name, true, threshold),
        _differences(judged) if category.is_numeric else np.zeros(0),
    )


def _one_vocabulary(
    gold: Sequence[tuple[str, ...]], found: Sequence[tuple[str, ...]]
) -> tuple[tuple[frozenset[str], ...], list[int]]:
    """(all sets: not applicable, those of gold, other ones that were found; the place of each found one)."""
    sets = [frozenset((NOT_APPLICABLE,)), *map(frozenset, gold)]
    places = {one: place for place, one in enumerate(sets)}
    numbers = [places.setdefault(frozenset(one), len(places)) for one in found]
    return tuple(places), numbers


def _groups(gold: Answers, name: str, true: np.ndarray, threshold: float) -> np.ndarray:
    """'tail' where any gold value is rare among the gold examples that know the category, '' where it is excluded."""
    codes = gold.codes[name]
    by_set = np.bincount(codes[codes >= 0], minlength=len(gold.sets[name]))
    counts: dict[str, int] = {}
    for one, count in zip(gold.sets[name], by_set.tolist(), strict=True):
        for value in one:
            counts[value] = counts.get(value, 0) + count
    is_tail = [any(counts[value] < threshold * by_set.sum() for value in one) for one in gold.sets[name]]
    return np.array([*(TAIL if rare else HEAD for rare in is_tail), ""])[true]  # -1, not applicable, is the last


def _languages(found: Answers, gold: Answers, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    names = np.full(len(left), "", dtype=object)
    for source, places in ((found, left), (gold, right)):
        if LANGUAGE in source.codes:
            codes = source.codes[LANGUAGE][places]
            known = np.array(["+".join(one) for one in source.sets[LANGUAGE]], dtype=object)
            names[codes >= 0] = known[codes[codes >= 0]]
    return names


def _clusters(keys: np.ndarray, prompts: tuple[np.ndarray, np.ndarray] | None) -> np.ndarray:
    if prompts is None or not len(prompts[0]):
        return np.arange(len(keys))
    order = np.argsort(prompts[0])
    places = np.minimum(np.searchsorted(prompts[0][order], keys), len(order) - 1)
    is_known = prompts[0][order][places] == keys
    return np.unique(np.where(is_known, prompts[1][order][places], keys), return_inverse=True)[1]


def _differences(judged: Judged) -> np.ndarray:
    """|found - gold| of numbers, (N,); NaN where one of the two is none."""
    numbers = np.array([_number(one) for one in judged.sets] + [np.nan])  # -1, no answer, is the last
    return np.abs(numbers[judged.found] - numbers[judged.gold])


def _number(one: frozenset[str]) -> float:
    try:
        return float(next(iter(one)))
    except ValueError:
        return float("nan")


def _rows(one: Comparison, kind: str, name: str, chosen: np.ndarray, num_resamples: int) -> list[AgreementRow]:
    part = one.judged.where(chosen)
    if one.category.is_numeric:
        measures = _numeric_measures(part, one.differences[chosen], num_resamples)
    else:
        measures = agreement(part, num_resamples=num_resamples).measures()
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
        found[name] = percentile_interval(estimate, drawn, num, num)
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
