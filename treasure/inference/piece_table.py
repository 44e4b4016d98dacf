"""The ways to write a marker as token ids, sorted, so that what may follow a beginning is a stretch of rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from treasure.markers.marker_set import Marker

_NOTHING = -1
"""Stands behind the end of a shorter row; sorts before every id."""


@dataclass(frozen=True, slots=True, eq=False)
class PieceTable:
    """Markers and their ids: `ids` int64 [rows, longest], row by row in rising order, filled up behind their ends.

    A place in a piece is (low, high, depth): the rows from `low` to before `high` begin with the same `depth` ids.
    """

    ids: np.ndarray
    markers: tuple[Marker | None, ...]

    @classmethod
    def of(cls, rows: Sequence[tuple[Marker | None, Sequence[int]]]) -> "PieceTable":
        """The table of (marker, ids); a marker is None for what stands for none, as the closing of a header."""
        width = max(len(ids) for _, ids in rows) + 1
        filled = np.full((len(rows), width), _NOTHING, dtype=np.int64)
        for row, (_, ids) in zip(filled, rows, strict=True):
            row[: len(ids)] = ids
        order = np.lexsort(filled.T[::-1])
        return cls(filled[order], tuple(rows[i][0] for i in order.tolist()))

    @property
    def start(self) -> tuple[int, int, int]:
        """The place before the first id."""
        return 0, len(self.ids), 0

    def step(self, low: int, high: int, depth: int, token: int) -> tuple[int, int, int] | None:
        """The place behind `token`; None where no row goes on with it."""
        column = self.ids[low:high, depth]
        first, last = np.searchsorted(column, (token, token + 1)).tolist()
        return (low + first, low + last, depth + 1) if first < last else None

    def following(self, low: int, high: int, depth: int) -> frozenset[int]:
        """The ids that a row goes on with from this place."""
        return _following(self, low, high, depth)

    def ends(self, low: int, depth: int) -> bool:
        """Whether a row is complete at this place; it is the first, `low`."""
        return bool(self.ids[low, depth] == _NOTHING)


@lru_cache(maxsize=4096)
def _following(table: PieceTable, low: int, high: int, depth: int) -> frozenset[int]:
    return frozenset(np.unique(table.ids[low:high, depth]).tolist()) - {_NOTHING}
