"""Annotations column by column: blocks of examples with all that annotators say of them, and what is settled.

    Part    one annotator on one category of some examples of one dataset; what a sidecar's part holds
    Block   some examples of one dataset with their parts, the annotator that is trusted most first
    settle  of each example the first part that settles the category, else why it is not known

Letters: n examples of a block or part.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
import pandas as pd

from treasure.annotation.finding import Finding, Outcome
from treasure.taxonomy.taxonomy import Scalar

SEPARATOR = "\x1f"
"""Stands between the values of an example in `Part.values`."""

BLOCK_SIZE = 10_000


class Status(IntEnum):
    """How a category of an example stands; all but the first are below 0, where values are numbered from 0."""

    KNOWN = 0
    NOT_APPLICABLE = -1
    ABSTAINED = -2
    FAILED = -3
    NOT_ASKED = -4


_STATUS = {
    Outcome.FOUND: Status.KNOWN,
    Outcome.NOT_APPLICABLE: Status.NOT_APPLICABLE,
    Outcome.ABSTAINED: Status.ABSTAINED,
    Outcome.FAILED: Status.FAILED,
}


@dataclass(frozen=True, slots=True)
class Part:
    """What `annotator` says of `category` of n examples; all arrays have shape (n,).

    `outcomes` are texts of `Outcome`; `values` are texts, several apart by `SEPARATOR`, '' unless found;
    `probabilities` are NaN where the annotator gives none.
    """

    annotator: str
    category: str
    ids: np.ndarray
    outcomes: np.ndarray
    values: np.ndarray
    probabilities: np.ndarray


@dataclass(frozen=True, slots=True)
class Block:
    """Some examples of one dataset, `ids` (n,), each once, and the parts that speak of them, in order of trust."""

    dataset: str
    ids: np.ndarray
    parts: tuple[Part, ...]

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories that any part speaks of."""
        return tuple(dict.fromkeys(part.category for part in self.parts))

    def of(self, annotator: str) -> "Block":
        """What `annotator` alone says."""
        return Block(self.dataset, self.ids, tuple(part for part in self.parts if part.annotator == annotator))

    def without(self, annotator: str) -> "Block":
        """What all but `annotator` say."""
        return Block(self.dataset, self.ids, tuple(part for part in self.parts if part.annotator != annotator))


Row = tuple[str, str, Mapping[str, Finding | Sequence[Finding]]]
"""Example id, dataset, and category -> one finding, or several in order of trust."""


def blocks_of(rows: Iterable[Row], size: int = BLOCK_SIZE) -> Iterator[Block]:
    """Blocks of up to `size` examples from findings one by one; examples of a dataset that follow each other share one.

    Among annotators those come first that come first for any example of the block.
    """
    held: list[Row] = []
    for row in rows:
        if held and (row[1] != held[0][1] or len(held) == size):
            yield _block(held)
            held = []
        held.append(row)
    if held:
        yield _block(held)


def _block(rows: Sequence[Row]) -> Block:
    found: dict[tuple[str, str], list[tuple[str, Finding]]] = {}
    for key, _, findings in rows:
        for category, given in findings.items():
            for finding in [given] if isinstance(given, Finding) else given:
                found.setdefault((finding.annotator, category), []).append((key, finding))
    parts = tuple(_part(annotator, category, held) for (annotator, category), held in found.items())
    return Block(rows[0][1], np.array([key for key, _, _ in rows], dtype=object), parts)


def _part(annotator: str, category: str, held: Sequence[tuple[str, Finding]]) -> Part:
    findings = [finding for _, finding in held]
    return Part(
        annotator,
        category,
        ids=np.array([key for key, _ in held], dtype=object),
        outcomes=np.array([finding.outcome.value for finding in findings], dtype=object),
        values=np.array([joined(finding.values) for finding in findings], dtype=object),
        probabilities=np.array([np.nan if f.probability is None else f.probability for f in findings], dtype=float),
    )


def joined(values: Iterable[Scalar]) -> str:
    """Values as one text, as `Part.values` holds them."""
    return SEPARATOR.join(map(str, values))


@dataclass(slots=True)
class Vocabulary:
    """Numbers the different value sets of one category from 0, in the order in which they are met."""

    sets: list[tuple[str, ...]] = field(default_factory=list)
    _codes: dict[tuple[str, ...], int] = field(default_factory=dict)

    def encode(self, texts: np.ndarray) -> np.ndarray:
        """The number of each text's set, (n,); the order of values in a text does not matter."""
        places, uniques = pd.factorize(texts)
        codes = np.array([self._code(text) for text in uniques], dtype=np.int32)
        return codes[places] if len(codes) else np.zeros(0, dtype=np.int32)

    def _code(self, text: str) -> int:
        values = tuple(sorted(set(text.split(SEPARATOR))))
        if values not in self._codes:
            self._codes[values] = len(self.sets)
            self.sets.append(values)
        return self._codes[values]


@dataclass(frozen=True, slots=True)
class Settled:
    """What is known of one category of a block; all arrays have shape (n,), in the order of the block's ids.

    `codes` are numbers of the vocabulary where known, else a `Status` below 0. `source` is the place among the
    block's parts of the one that settled it, -1 where none did.
    """

    codes: np.ndarray
    source: np.ndarray
    probabilities: np.ndarray


def settle(block: Block, category: str, vocabulary: Vocabulary) -> Settled:
    """The first part that settles `category` counts; else FAILED goes over ABSTAINED, and both over NOT_ASKED."""
    ids = block.ids
    codes = np.full(len(ids), Status.NOT_ASKED, dtype=np.int32)
    source = np.full(len(ids), -1, dtype=np.int32)
    probabilities = np.full(len(ids), np.nan)
    index: pd.Index | None = None
    for place, part in enumerate(block.parts):
        if part.category != category or not len(part.ids):
            continue
        if part.ids is ids or (len(part.ids) == len(ids) and (part.ids == ids).all()):
            rows = np.arange(len(ids))
        else:
            index = pd.Index(ids) if index is None else index
            rows = index.get_indexer(part.ids)
        said = _encoded(part, vocabulary)
        is_open = codes[rows] < Status.NOT_APPLICABLE
        settles = is_open & (said >= Status.NOT_APPLICABLE)
        # of what does not settle, the worst is told: a failure, then an abstention
        told = is_open & ~settles & ((codes[rows] == Status.NOT_ASKED) | (said == Status.FAILED))
        codes[rows[settles | told]] = said[settles | told]
        source[rows[settles]] = place
        probabilities[rows[settles]] = part.probabilities[settles]
    return Settled(codes, source, probabilities)


def status_of(part: Part) -> np.ndarray:
    """The `Status` of each example of `part`, (n,)."""
    places, uniques = pd.factorize(part.outcomes)
    return np.array([_STATUS[Outcome(text)] for text in uniques], dtype=np.int32)[places]


def _encoded(part: Part, vocabulary: Vocabulary) -> np.ndarray:
    """Numbers of the vocabulary where found, else a `Status` below 0."""
    status = status_of(part)
    is_found = status == Status.KNOWN
    status[is_found] = vocabulary.encode(part.values[is_found])
    return status
