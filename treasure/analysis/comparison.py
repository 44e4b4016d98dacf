"""Brings two sources together over the same examples: what is judged, in which language, of head or tail.

Examples count where gold says something and the other was asked. What it was not asked about is counted apart. That a
category makes no sense is an answer like others, `NOT_APPLICABLE`.

Letters: N examples that can be judged.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from pandas.util import hash_array

from treasure.analysis.annotations import Block, Status, Vocabulary, settle
from treasure.analysis.coverage import LANGUAGE
from treasure.annotation.agreement import NO_ANSWER, Judged
from treasure.taxonomy.taxonomy import Category, Taxonomy

HEAD, TAIL = "head", "tail"
NOT_APPLICABLE = "(not applicable)"


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

    `languages` are names or '', `groups` head, tail or '' (gold says that it makes no sense): tail where any gold value
    is. `values` holds the values that gold knows of each group.
    """

    category: Category
    counts: CountRow
    judged: Judged
    probabilities: np.ndarray
    languages: np.ndarray
    groups: np.ndarray
    values: Mapping[str, frozenset[str]]
    differences: np.ndarray = field(default_factory=lambda: np.zeros(0))
    """Absolute differences of numbers, NaN where there is no number; (0,) for names."""


def keys_of(ids: np.ndarray) -> np.ndarray:
    """64-bit keys of example ids, (n,): small in memory, and different ids share one in about 1 of 2^64 pairs."""
    return hash_array(np.asarray(ids, dtype=object), categorize=False)  # pyright: ignore[reportCallIssue]


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
    """The categories of which gold knows something, in the order of the taxonomy; maybe nobody was asked about them.

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
            if one.counts.gold_known:
                comparisons.append(one)
    return comparisons


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
    values = {} if category.is_numeric else _values_by_group(gold, name, threshold)
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
        np.full(len(true), "") if category.is_numeric else _groups(gold.sets[name], values[TAIL], true),
        values,
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


def _values_by_group(gold: Answers, name: str, threshold: float) -> dict[str, frozenset[str]]:
    """The values of head and tail by their share among the gold examples in which the category is known."""
    codes = gold.codes[name]
    by_set = np.bincount(codes[codes >= 0], minlength=len(gold.sets[name]))
    counts: Counter[str] = Counter()
    for one, count in zip(gold.sets[name], by_set.tolist(), strict=True):
        counts.update(dict.fromkeys(one, count))
    tail = frozenset(value for value, count in counts.items() if count < threshold * by_set.sum())
    return {HEAD: frozenset(counts) - tail, TAIL: tail}


def _groups(sets: Sequence[tuple[str, ...]], tail: frozenset[str], true: np.ndarray) -> np.ndarray:
    """Head or tail of each example by its gold set; '' where the category makes no sense, -1."""
    return np.array([*(TAIL if tail.intersection(one) else HEAD for one in sets), ""])[true]


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
