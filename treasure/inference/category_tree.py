"""What the next piece of a header says of one category, found id by id among all that may come next.

Every id that goes on with a valid header leads to one of: a value of the category, a piece of a later one or the
closing (the category is not written), a piece of an earlier one (which was passed by, so this is set aside), or a
branch that is not decided yet and grows by another id. Probabilities are those of sampling under the grammar: at each
id the model's own, shared out among the ids that are allowed.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from treasure.inference.header_grammar import HeaderState
from treasure.inference.piece_table import PieceTable
from treasure.markers.header_style import MarkerOrder
from treasure.markers.marker_set import Marker, MarkerSet
from treasure.taxonomy.taxonomy import Scalar, Taxonomy

PRUNED = 1e-4
"""Branches of numbers with less than this share are not followed; their mass goes to `Outside.OTHER_NUMBER`."""


class Outside(Enum):
    """What a posterior holds beside values. OTHER_NUMBER: the numbers that are too improbable to be told apart."""

    NOT_WRITTEN = "not written"
    OTHER_NUMBER = "other numbers"


Outcome = Scalar | Outside


class _Way(Enum):
    PASSED_BY = "passed by"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class _Options:
    """The ids that may follow a state, and where each leads."""

    ids: np.ndarray
    outcomes: tuple["Outcome | _Way", ...]

    @property
    def only(self) -> "Outcome | _Way":
        """Where all of them lead; OPEN where that differs."""
        first = self.outcomes[0]
        return first if all(other == first for other in self.outcomes[1:]) else _Way.OPEN


@dataclass(frozen=True, slots=True)
class _Branch:
    """A beginning of a piece: its ids, its share, and the probability that the free model gives to it."""

    path: tuple[int, ...]
    options: _Options
    state: HeaderState
    share: float
    raw: float


class CategoryTree:
    """Grows by `questions` and `grow` in turn until there are no questions.

    `shares` are those of the outcomes so far, `passed_by` what is set aside, `invalid` the probability that the model
    gives to ids that no valid header goes on with, at those ids where there is a choice.
    """

    def __init__(self, taxonomy: Taxonomy, category: str, order: MarkerOrder, root: HeaderState) -> None:
        self._taxonomy, self._category, self._order = taxonomy, category, order
        self._is_numeric = taxonomy.category(category).is_numeric
        self._num_written = max(len(written) for written, _, _ in root.begun())
        self.shares: dict[Outcome, float] = defaultdict(float)
        self.passed_by = self.invalid = 0.0
        self._open: list[_Branch] = []
        self._follow((), root, 1.0, 1.0)

    def questions(self) -> list[tuple[tuple[int, ...], np.ndarray]]:
        """(ids behind the root, ids whose log probability is wanted there) for each branch that is open."""
        return [(branch.path, branch.options.ids) for branch in self._open]

    def grow(self, answers: Sequence[np.ndarray]) -> None:
        """Takes the log probabilities that `questions` asked for, in their order."""
        branches, self._open = self._open, []
        undecided: list[tuple[_Branch, int, float, float]] = []
        for branch, log_probabilities in zip(branches, answers, strict=True):
            raw = np.exp(log_probabilities)
            self.invalid += branch.raw * max(0.0, 1.0 - float(raw.sum()))
            local = np.exp(log_probabilities - log_probabilities.max())
            shares = branch.share * local / local.sum()
            for token, outcome, share, own in zip(
                branch.options.ids.tolist(), branch.options.outcomes, shares.tolist(), raw.tolist(), strict=True
            ):
                if outcome is _Way.OPEN:
                    undecided.append((branch, token, share, branch.raw * own))
                else:
                    self._add(outcome, share)
        for branch, token, share, own in undecided:
            if self._is_numeric and share < PRUNED * (1 - self.passed_by):
                self.shares[Outside.OTHER_NUMBER] += share
                continue
            state = branch.state.step(token)
            assert state is not None, "a header that is over leaves nothing undecided"
            self._follow((*branch.path, token), state, share, own)

    def _add(self, outcome: "Outcome | _Way", share: float) -> None:
        if outcome is _Way.PASSED_BY:
            self.passed_by += share
        else:
            assert not isinstance(outcome, _Way)
            self.shares[outcome] += share

    def _follow(self, path: tuple[int, ...], state: HeaderState, share: float, raw: float) -> None:
        """Goes on to the next id that is a choice; where only one way is left the model is not asked."""
        while True:
            options = self._options(state)
            if (outcome := options.only) is not _Way.OPEN:
                self._add(outcome, share)
                return
            if len(options.ids) > 1:
                self._open.append(_Branch(path, options, state, share, raw))
                return
            token = int(options.ids[0])
            following = state.step(token)
            assert following is not None, "a header that is over leaves nothing undecided"
            path, state = (*path, token), following

    def _options(self, state: HeaderState) -> _Options:
        found: dict[int, Outcome | _Way] = {}
        for written, table, place in state.begun():
            sure = self._sure(written, table.markers[place[0]])
            for token in table.following(*place):
                outcome = _value_behind(table, table.step(*place, token)) if sure is None else sure
                found[token] = outcome if found.get(token, outcome) == outcome else _Way.OPEN
        ids = np.array(sorted(found), dtype=np.int64)
        return _Options(ids, tuple(found[token] for token in ids.tolist()))

    def _sure(self, written: MarkerSet, under_way: Marker | None) -> "Outcome | _Way | None":
        """Where a reading leads, whatever comes next; None where that decides the value.

        `under_way` is the first marker that its piece may be, None for the closing.
        """
        if len(written) < self._num_written:
            return _Way.PASSED_BY  # a number of an earlier category goes on
        if len(written) > self._num_written:
            marker = written.markers[self._num_written]
            return self._outcome(marker.category, marker.value)
        if under_way is None or under_way.category != self._category:
            return self._outcome(None if under_way is None else under_way.category, None)
        return None

    def _outcome(self, category: str | None, value: Scalar | None) -> "Outcome | _Way":
        """What a piece of `category`, or the closing (None), says of ours."""
        if category == self._category:
            assert value is not None
            return value
        if self._order is MarkerOrder.SHUFFLED:
            return _Way.PASSED_BY
        is_earlier = category is not None and self._taxonomy.index(category) < self._taxonomy.index(self._category)
        return _Way.PASSED_BY if is_earlier else Outside.NOT_WRITTEN


def _value_behind(table: PieceTable, place: tuple[int, int, int] | None) -> "Outcome | _Way":
    """The value of the one piece that is left at `place`; OPEN where there are several."""
    assert place is not None, "only ids that follow are asked about"
    low, high, _ = place
    marker = table.markers[low]
    assert marker is not None, "the closing has a table of its own"
    return marker.value if high - low == 1 else _Way.OPEN
