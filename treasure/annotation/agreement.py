"""How well what was found agrees with gold: accuracy, macro-F1, Cohen's kappa, each with an interval over prompts.

Every judgement is a set of values, so that one rule serves categories with one value and with several:

    accuracy   the sets are equal
    jaccard    common values / all values of both, averaged over examples
    macro-F1   each value present or not, F1 a value, averaged over the values that gold or answers hold
    kappa      Cohen's, with each different set as a label of its own; with one value a label this is the usual one

Letters: N examples, K values, C kinds (different pairs of gold set and found set), L different sets, B resamples.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

from treasure.intervals import NUM_RESAMPLES, Interval, percentile_interval, resampled_counts

Answer = str | Collection[str] | None
"""One value, several values, or None for no answer."""

NO_ANSWER = -1


@dataclass(frozen=True)
class Judged:
    """What gold and an annotator say of one category of the same N examples.

    `gold` and `found` (N,) are places in `sets`; `found` is `NO_ANSWER` where it abstained or failed. Examples of one
    prompt share a number in `clusters` (N,).
    """

    sets: tuple[frozenset[str], ...]
    gold: np.ndarray
    found: np.ndarray
    clusters: np.ndarray

    @classmethod
    def of(cls, gold: Iterable[Answer], found: Iterable[Answer], clusters: Sequence[object] | None = None) -> "Judged":
        """From values as they are written, in the same order; examples without `clusters` stand each for itself."""
        places: dict[frozenset[str], int] = {}
        rows = [_place(places, answer) for answer in gold]
        columns = [_place(places, answer) for answer in found]
        assert len(rows) == len(columns), (len(rows), len(columns))
        assert NO_ANSWER not in rows, "gold without an answer cannot be judged: leave the example out"
        numbers: dict[object, int] = {}
        prompts = range(len(rows)) if clusters is None else [numbers.setdefault(key, len(numbers)) for key in clusters]
        return cls(tuple(places), *(np.array(list(column), dtype=np.int64) for column in (rows, columns, prompts)))

    def __len__(self) -> int:
        return len(self.gold)

    @property
    def right(self) -> np.ndarray:
        """Whether it found exactly the gold values, (N,) bool."""
        return self.gold == self.found

    @property
    def answered(self) -> np.ndarray:
        """Whether it gave an answer, (N,) bool."""
        return self.found != NO_ANSWER

    @property
    def is_multiple(self) -> bool:
        """Whether any gold or found set has another size than one."""
        used = set(np.unique(self.gold).tolist()) | set(np.unique(self.found[self.answered]).tolist())
        return any(len(self.sets[place]) != 1 for place in used)

    def where(self, chosen: np.ndarray) -> "Judged":
        """Only the examples that `chosen` (N,) bool marks."""
        return Judged(self.sets, self.gold[chosen], self.found[chosen], self.clusters[chosen])

    @cached_property
    def kinds(self) -> "Kinds":
        """The examples by what they add to a statistic."""
        return Kinds.of(self)


@dataclass(frozen=True)
class Kinds:
    """The C different pairs of gold set and found set, and which example is of which kind (`of_example` (N,))."""

    of_example: np.ndarray
    gold: np.ndarray
    found: np.ndarray
    values: tuple[str, ...]
    hits: np.ndarray = field(repr=False)
    """(C, K): 1 where both hold the value."""
    extras: np.ndarray = field(repr=False)
    """(C, K): 1 where only the answer holds it."""
    misses: np.ndarray = field(repr=False)
    """(C, K): 1 where only gold holds it; no answer misses all."""

    @classmethod
    def of(cls, judged: Judged) -> "Kinds":
        """The kinds of `judged`, with the values that occur, by name."""
        num = len(judged.sets) + 1
        codes, of_example = np.unique(judged.gold * num + judged.found + 1, return_inverse=True)
        gold, found = codes // num, codes % num - 1
        used = set(gold.tolist()) | set(found[found != NO_ANSWER].tolist())
        values = tuple(sorted({value for place in used for value in judged.sets[place]}))
        members = np.array([[value in one for value in values] for one in (*judged.sets, frozenset())], dtype=bool)
        members = members.reshape(num, len(values))
        in_gold, in_found = members[gold], members[found]  # -1 is the empty set at the end
        return cls(of_example, gold, found, values, in_gold & in_found, ~in_gold & in_found, in_gold & ~in_found)

    def __len__(self) -> int:
        return len(self.gold)


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement over all examples of one category or slice; all but `abstained` come in one or two readings.

    Plain names count the answers that were given; names with `_all` count no answer as wrong (kappa: as a label that
    gold never holds). `macro_f1` counts no answer as a miss.
    """

    num_examples: int
    num_prompts: int
    abstained: Interval
    accuracy: Interval
    accuracy_all: Interval
    macro_f1: Interval
    kappa: Interval
    kappa_all: Interval
    jaccard: Interval

    def measures(self) -> dict[str, Interval]:
        """Name -> interval, in the order above."""
        return {name: getattr(self, name) for name in MEASURES}


MEASURES = tuple(one.name for one in fields(Agreement) if one.type is Interval)


def agreement(
    judged: Judged, *, values: Collection[str] | None = None, num_resamples: int = NUM_RESAMPLES, seed: int = 0
) -> Agreement:
    """All measures of `judged`, which holds at least one example, with intervals from prompts drawn again.

    Macro-F1 is over `values` if they are given. Give them rather than `where` to ask of the rare values alone: examples
    chosen by their gold value hold no false alarms for it.
    A measure that is not defined is NaN: accuracy without any answer, kappa where both always say the same one thing.
    """
    kinds, num_prompts = judged.kinds, len(np.unique(judged.clusters))
    assert len(judged), "no example to judge"
    counts = np.bincount(kinds.of_example, minlength=len(kinds)).astype(float)[None]
    averaged = np.array([values is None or value in values for value in kinds.values], dtype=bool)
    exact = _measures(counts, kinds, averaged)
    parts = [
        _measures(block, kinds, averaged)
        for block in resampled_counts(
            kinds.of_example, judged.clusters, num_kinds=len(kinds), num_resamples=num_resamples, seed=seed
        )
    ]
    draws = {name: np.concatenate([np.full(1, np.nan), *(part[name] for part in parts)]) for name in MEASURES}
    found = {
        name: percentile_interval(
            float(exact[name][0]), draws[name], num_prompts, num_prompts, (-1.0, 1.0) if "kappa" in name else (0.0, 1.0)
        )
        for name in MEASURES
    }
    return Agreement(len(judged), num_prompts, **found)


@dataclass(frozen=True, slots=True)
class ValueAgreement:
    """How one value is found: in how many examples gold and answers hold it, and both; shares in [0, 1] or NaN."""

    value: str
    num_gold: int
    num_found: int
    num_both: int

    @property
    def precision(self) -> float:
        """Share of the answers with this value that gold shares."""
        return self.num_both / self.num_found if self.num_found else float("nan")

    @property
    def recall(self) -> float:
        """Share of the gold examples with this value that were found."""
        return self.num_both / self.num_gold if self.num_gold else float("nan")

    @property
    def f1(self) -> float:
        """The harmonic mean of both, 0 where nothing is common."""
        return 2 * self.num_both / (self.num_gold + self.num_found)


def value_agreements(judged: Judged) -> tuple[ValueAgreement, ...]:
    """One line for each value that gold or answers hold, by name."""
    kinds = judged.kinds
    counts = np.bincount(kinds.of_example, minlength=len(kinds))
    both, only_found, only_gold = (counts @ part.astype(int) for part in (kinds.hits, kinds.extras, kinds.misses))
    return tuple(
        ValueAgreement(value, int(both[k] + only_gold[k]), int(both[k] + only_found[k]), int(both[k]))
        for k, value in enumerate(kinds.values)
    )


def _place(places: dict[frozenset[str], int], answer: Answer) -> int:
    if answer is None:
        return NO_ANSWER
    key = frozenset((answer,)) if isinstance(answer, str) else frozenset(answer)
    return places.setdefault(key, len(places))


def _measures(counts: np.ndarray, kinds: Kinds, averaged: np.ndarray) -> dict[str, np.ndarray]:
    """Each measure in each resample, (B,), from how often each kind was drawn, (B, C).

    `averaged` (K,) bool marks the values of macro-F1.
    """
    answered = (kinds.found != NO_ANSWER).astype(float)
    right = (kinds.gold == kinds.found).astype(float)
    union = (kinds.hits | kinds.extras | kinds.misses).sum(axis=1)
    jaccard = np.where(union == 0, right, kinds.hits.sum(axis=1) / np.maximum(union, 1)) * answered
    total, num_answered, num_right = counts.sum(axis=1), counts @ answered, counts @ right
    return {
        "abstained": _ratio(total - num_answered, total),
        "accuracy": _ratio(num_right, num_answered),
        "accuracy_all": _ratio(num_right, total),
        "macro_f1": _macro_f1(counts, kinds, averaged),
        "kappa": _kappa(counts * answered, kinds),
        "kappa_all": _kappa(counts, kinds),
        "jaccard": _ratio(counts @ jaccard, num_answered),
    }


def _macro_f1(counts: np.ndarray, kinds: Kinds, averaged: np.ndarray) -> np.ndarray:
    """Values that a resample does not hold are left out of its mean."""
    hits, others = counts @ kinds.hits[:, averaged], counts @ (kinds.extras | kinds.misses)[:, averaged]
    f1 = _ratio(2 * hits, 2 * hits + others)
    is_held = ~np.isnan(f1)
    return _ratio(np.where(is_held, f1, 0).sum(axis=1), is_held.sum(axis=1).astype(float))


def _kappa(counts: np.ndarray, kinds: Kinds) -> np.ndarray:
    """Agreement beyond chance: (observed - expected) / (1 - expected).

    Source: Cohen, 'A coefficient of agreement for nominal scales', Educational and Psychological Measurement 1960.
    """
    total = counts.sum(axis=1)
    observed = _ratio(counts[:, kinds.gold == kinds.found].sum(axis=1), total)
    num = int(max(kinds.gold.max(), kinds.found.max())) + 2
    marginals = [_by_label(counts, places % num, num) for places in (kinds.gold, kinds.found)]
    expected = _ratio((marginals[0] * marginals[1]).sum(axis=1), total**2)
    return _ratio(observed - expected, np.where(expected > 1 - 1e-12, 0.0, 1 - expected))


def _by_label(counts: np.ndarray, places: np.ndarray, num: int) -> np.ndarray:
    """How often each label was drawn, (B, L), from how often each kind was, (B, C)."""
    one_hot = csr_array((np.ones(len(places)), (places, np.arange(len(places)))), shape=(num, len(places)))
    return np.asarray((one_hot @ counts.T).T)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """`above / below`, NaN where there is nothing below."""
    return np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below != 0)
