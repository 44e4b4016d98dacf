"""One pass over annotations of any number: `Tally`, how often each pattern of values occurs in each dataset.

A pattern is what is known of all closed categories of one example. There are far fewer patterns than examples, and
all counts of values, pairs and combinations follow from them. Letters: U patterns, C closed categories.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from treasure.analysis.annotations import Block, Part, Settled, Status, Vocabulary, settle, status_of
from treasure.taxonomy.taxonomy import Category, Taxonomy

NUM_PROBABILITY_BINS = 20
_MERGE_AT = 500_000


@dataclass(slots=True)
class NumberTally:
    """Numbers of one category: how many, their sum, bounds, and how often each occurs to two significant digits."""

    num: int = 0
    total: float = 0.0
    minimum: float = float("inf")
    maximum: float = float("-inf")
    rounded: Counter[float] = field(default_factory=Counter)

    def add(self, numbers: np.ndarray) -> None:
        """Counts `numbers` (n,) too."""
        if not len(numbers):
            return
        self.num += len(numbers)
        self.total += float(numbers.sum())
        self.minimum = min(self.minimum, float(numbers.min()))
        self.maximum = max(self.maximum, float(numbers.max()))
        size = np.where(numbers == 0, 1.0, np.abs(numbers))
        digits = 10.0 ** (np.floor(np.log10(size)) - 1)
        values, counts = np.unique(np.round(np.rint(numbers / digits) * digits, 12), return_counts=True)
        self.rounded.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))

    def quantile(self, share: float) -> float:
        """The number under which `share` in [0, 1] of all lie, to two significant digits; NaN of no numbers."""
        if not self.num:
            return float("nan")
        values = sorted(self.rounded)
        reached = np.cumsum([self.rounded[value] for value in values])
        found = values[int(np.searchsorted(reached, share * self.num, side="left"))]
        return float(min(max(found, self.minimum), self.maximum))


@dataclass(frozen=True)
class Tally:
    """All that was counted. `codes` (U, C): a number of the category's vocabulary, or a `Status` below 0.

    `outcomes` counts (dataset, category, annotator, status) of every finding, settled or not; `givers` counts
    (category, annotator) of those that settled; `probabilities` holds (category, annotator) -> (20,) answers by
    probability in steps of 0.05.
    """

    categories: tuple[str, ...]
    sets: tuple[tuple[tuple[str, ...], ...], ...]
    datasets: tuple[str, ...]
    dataset: np.ndarray
    codes: np.ndarray
    counts: np.ndarray
    num_examples: Counter[str]
    outcomes: Counter[tuple[str, str, str, Status]]
    givers: Counter[tuple[str, str]]
    probabilities: dict[tuple[str, str], np.ndarray]
    numbers: dict[str, NumberTally]
    number_status: Counter[tuple[str, str, Status]]

    @property
    def total(self) -> int:
        """All examples."""
        return self.num_examples.total()

    @property
    def annotators(self) -> tuple[str, ...]:
        """Who spoke at all, in the order in which they were met."""
        return tuple(dict.fromkeys(annotator for _, _, annotator, _ in self.outcomes))

    def column(self, category: str) -> np.ndarray:
        """The codes of `category`, (U,)."""
        return self.codes[:, self.categories.index(category)]

    def by_dataset(self, category: str, values: tuple[str, ...]) -> np.ndarray:
        """Examples of each dataset with each of `values`, then those in which `category` is known.

        Shape (datasets, values + 1).
        """
        column = self.column(category)
        chosen = column >= 0
        shape = (len(self.datasets), len(self.sets[self.categories.index(category)]))
        held = csr_array((self.counts[chosen], (self.dataset[chosen], column[chosen])), shape=shape)
        members = self.members(category, values)
        return held @ np.hstack([members, np.ones((len(members), 1), dtype=bool)]).astype(np.int64)

    def statuses(self, category: str) -> np.ndarray:
        """Examples of each dataset in each `Status`, (datasets, statuses) in the order of their definition."""
        place = self.dataset * len(Status) - np.minimum(self.column(category), 0)
        size = len(self.datasets) * len(Status)
        return np.bincount(place, weights=self.counts, minlength=size).astype(np.int64).reshape(-1, len(Status))

    def members(self, category: str, values: tuple[str, ...]) -> np.ndarray:
        """Which of `values` each set of `category` holds, (sets, values) bool."""
        held = [set(one) for one in self.sets[self.categories.index(category)]]
        return np.array([[value in one for value in values] for one in held], dtype=bool).reshape(
            len(held), len(values)
        )


def tally(blocks: Iterable[Block], taxonomy: Taxonomy) -> Tally:
    """Counts `blocks` once; memory grows with the number of patterns and datasets alone.

    Categories that the taxonomy lacks are left out.
    """
    counter = _Counter(taxonomy)
    for block in blocks:
        counter.add(block)
    return counter.finish()


class _Counter:
    def __init__(self, taxonomy: Taxonomy) -> None:
        self.closed = tuple(one.name for one in taxonomy.categories if not one.is_numeric)
        self.numeric = tuple(one.name for one in taxonomy.categories if one.is_numeric)
        rules = [one for one in taxonomy.categories if one.applies_when is not None and one.name in self.closed]
        self.rules = [one for one in rules if one.applies_when and one.applies_when.category in self.closed]
        self.vocabularies = {name: Vocabulary() for name in self.closed}
        self.datasets: dict[str, int] = {}
        self.patterns: list[np.ndarray] = []
        self.num_rows = self.num_merged = 0
        self.num_examples: Counter[str] = Counter()
        self.outcomes: Counter[tuple[str, str, str, Status]] = Counter()
        self.givers: Counter[tuple[str, str]] = Counter()
        self.probabilities: dict[tuple[str, str], np.ndarray] = {}
        self.numbers = {name: NumberTally() for name in self.numeric}
        self.number_status: Counter[tuple[str, str, Status]] = Counter()

    def add(self, block: Block) -> None:
        if not len(block.ids):
            return
        self.num_examples[block.dataset] += len(block.ids)
        for part in block.parts:
            if part.category in self.closed or part.category in self.numeric:
                self._count_part(block.dataset, part)
        for name in self.numeric:
            if name in block.categories:
                self._count_numbers(name, block)
            else:
                self.number_status[block.dataset, name, Status.NOT_ASKED] += len(block.ids)
        dataset = np.full(len(block.ids), self.datasets.setdefault(block.dataset, len(self.datasets)))
        columns = [self._codes(name, block) for name in self.closed]
        self._keep(np.column_stack([dataset, *columns, np.ones(len(block.ids), dtype=np.int64)]))

    def finish(self) -> Tally:
        patterns = _merged(self.patterns, 2 + len(self.closed))
        for category in self.rules:
            self._exclude(category, patterns)
        patterns = _merged([patterns], patterns.shape[1])
        return Tally(
            categories=self.closed,
            sets=tuple(tuple(self.vocabularies[name].sets) for name in self.closed),
            datasets=tuple(self.datasets),
            dataset=patterns[:, 0],
            codes=patterns[:, 1:-1].astype(np.int32),
            counts=patterns[:, -1],
            num_examples=self.num_examples,
            outcomes=self.outcomes,
            givers=self.givers,
            probabilities=self.probabilities,
            numbers=self.numbers,
            number_status=self.number_status,
        )

    def _exclude(self, category: Category, patterns: np.ndarray) -> None:
        """An unknown category whose rule is broken by what is known counts as not applicable, as in training."""
        rule = category.applies_when
        assert rule is not None
        own, other = (patterns[:, 1 + self.closed.index(name)] for name in (category.name, rule.category))
        fits = np.array([*(bool(set(rule.values) & set(one)) for one in self.vocabularies[rule.category].sets), True])
        own[(own < Status.NOT_APPLICABLE) & (other >= 0) & ~fits[np.maximum(other, -1)]] = Status.NOT_APPLICABLE

    def _keep(self, patterns: np.ndarray) -> None:
        self.patterns.append(patterns)
        self.num_rows += len(patterns)
        if self.num_rows > _MERGE_AT + self.num_merged:
            self.patterns = [_merged(self.patterns, patterns.shape[1])]
            self.num_rows = self.num_merged = len(self.patterns[0])

    def _codes(self, name: str, block: Block) -> np.ndarray:
        if name not in block.categories:
            return np.full(len(block.ids), Status.NOT_ASKED, dtype=np.int32)
        settled = settle(block, name, self.vocabularies[name])
        self._count_givers(name, block, settled)
        return settled.codes

    def _count_numbers(self, name: str, block: Block) -> None:
        vocabulary = Vocabulary()
        settled = settle(block, name, vocabulary)
        self._count_givers(name, block, settled)
        status = np.minimum(settled.codes, 0)
        for code, count in zip(*np.unique(status, return_counts=True), strict=True):
            self.number_status[block.dataset, name, Status(int(code))] += int(count)
        numbers = np.array([float(one[0]) for one in vocabulary.sets])
        self.numbers[name].add(numbers[settled.codes[settled.codes >= 0]] if len(numbers) else numbers)

    def _count_givers(self, name: str, block: Block, settled: Settled) -> None:
        for place, count in zip(*np.unique(settled.source, return_counts=True), strict=True):
            if place >= 0:
                self.givers[name, block.parts[place].annotator] += int(count)

    def _count_part(self, dataset: str, part: Part) -> None:
        status = status_of(part)
        for code, count in zip(*np.unique(status, return_counts=True), strict=True):
            self.outcomes[dataset, part.category, part.annotator, Status(int(code))] += int(count)
        given = part.probabilities[(status == Status.KNOWN) & ~np.isnan(part.probabilities)]
        if len(given):
            bins = np.minimum((given * NUM_PROBABILITY_BINS).astype(int), NUM_PROBABILITY_BINS - 1)
            held = self.probabilities.setdefault((part.category, part.annotator), np.zeros(NUM_PROBABILITY_BINS, int))
            held += np.bincount(bins, minlength=NUM_PROBABILITY_BINS)


def _merged(parts: Sequence[np.ndarray], width: int) -> np.ndarray:
    """The same patterns, each once: rows of dataset, codes and how many examples, (U, width)."""
    if not parts:
        return np.zeros((0, width), dtype=np.int64)
    frame = pd.DataFrame(np.concatenate(parts))
    merged = pd.DataFrame(frame.groupby(list(range(width - 1)), sort=False, as_index=False).sum())
    return merged.to_numpy().astype(np.int64)
