"""How the rows of a micro-batch are laid out as tensors: several short examples share a row, and never see each other.

    examples -> rows as wide as the longest of them (first fit, longest first) -> positions that restart, segments

Shapes: B rows of a micro-batch, T positions, N predicted tokens (those with a loss weight above 0).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from jaxtyping import Float32, Int64, UInt8
from torch import Tensor

from treasure.data.config import Layout
from treasure.data.template import SegmentKind

PADDING = -1
"""Segment of positions that hold no example."""


_WIDTH_OF_EQUAL_COST = 512
"""Width of a row at which attention costs as much as all else: measured on CPUs with 1.5 M parameters. It is more for
larger models, but by no more than a few per cent of padding."""
_NUM_WIDTHS = 6
"""Widths of packed rows that are tried."""


@dataclass(frozen=True, slots=True, eq=False)
class Composed:
    """One composed example: ids int32 [T], kinds uint8 [T] and slots int16 [T] of treasure/data/slots.py."""

    ids: np.ndarray
    kinds: np.ndarray
    slots: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """One micro-batch.

    `segments[b, t]` numbers the example that a position belongs to within its row, `PADDING` where there is none;
    `positions` count from 0 in each segment. `loss_weights[b, t]` is the weight of predicting token t from the tokens
    before it: 0 in the prompt, its header and the padding. `predicted` holds the places b * T + t whose next token
    has a weight, and `slots` what that token is counted under. `global_weight` is the sum of the loss weights over the
    whole global batch, by which each micro-batch divides, so that their losses add up to the mean. `num_useful_tokens`
    leaves padding out.
    """

    input_ids: Int64[Tensor, "B T"]
    positions: Int64[Tensor, "B T"]
    segments: Int64[Tensor, "B T"]
    kinds: UInt8[Tensor, "B T"]
    loss_weights: Float32[Tensor, "B T"]
    predicted: Int64[Tensor, " N"]
    slots: Int64[Tensor, " N"]
    global_weight: float
    num_examples: int
    num_useful_tokens: int
    is_packed: bool

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch with its tensors on `device`."""
        return replace(self, **{name: tensor.to(device) for name, tensor in self.tensors().items()})

    def tensors(self) -> dict[str, Tensor]:
        """The tensors by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, Tensor)}


def fill_rows(lengths: Sequence[int], width: int) -> list[list[int]]:
    """Indices into `lengths` for each row: the longest first, each into the first row of `width` that has room.

    Raises:
        ValueError: a length is above `width`.
    """
    rows: list[list[int]] = []
    room: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda index: (-lengths[index], index)):
        length = lengths[index]
        if length > width:
            raise ValueError(f"A sequence of {length} tokens does not fit a row of {width}.")
        place = next((row for row, left in enumerate(room) if left >= length), None)
        if place is None:
            place = len(rows)
            rows.append([])
            room.append(width)
        rows[place].append(index)
        room[place] -= length
    return rows


def pack_rows(lengths: Sequence[int], multiple: int, max_length: int) -> tuple[list[list[int]], int]:
    """Rows of indices into `lengths`, and the width at which they cost least.

    Wider rows leave less padding, but each position is compared with all of its row.
    """
    found = [(fill_rows(lengths, width), width) for width in _widths(lengths, multiple, max_length)]
    return min(found, key=lambda rows: len(rows[0]) * rows[1] * (_WIDTH_OF_EQUAL_COST + rows[1]))


def _widths(lengths: Sequence[int], multiple: int, max_length: int) -> list[int]:
    """The longest length, rounded up to a `multiple` that does not exceed `max_length`, and some more multiples."""
    longest = max(lengths)
    wider = (math.ceil(longest / multiple + extra) * multiple for extra in range(_NUM_WIDTHS))
    return sorted({max(longest, min(width, max_length)) for width in wider})


def lay_out(
    sequences: Sequence[Composed],
    layout: Layout,
    weights: np.ndarray,
    *,
    pad_id: int,
    multiple: int,
    max_length: int,
    global_weight: float,
) -> Batch:
    """A micro-batch of `sequences`; `weights` float32 [kinds] is what a token of each `SegmentKind` weighs.

    Padded rows are as wide as the longest sequence, packed ones as `pack_rows` says, in multiples of `multiple` that do
    not exceed `max_length`.
    """
    lengths = [len(sequence) for sequence in sequences]
    if layout is Layout.PACKED:
        rows, width = pack_rows(lengths, multiple, max_length)
    else:
        rows, width = [[index] for index in range(len(lengths))], _widths(lengths, multiple, max_length)[0]
    shape = (len(rows), width)
    ids, positions = np.full(shape, pad_id, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    segments = np.full(shape, PADDING, dtype=np.int64)
    kinds, slots = np.full(shape, SegmentKind.PAD, dtype=np.uint8), np.zeros(shape, dtype=np.int16)
    for row, indices in enumerate(rows):
        start = 0
        for segment, index in enumerate(indices):
            stop = start + lengths[index]
            ids[row, start:stop], kinds[row, start:stop] = sequences[index].ids, sequences[index].kinds
            slots[row, start:stop] = sequences[index].slots
            positions[row, start:stop], segments[row, start:stop] = np.arange(lengths[index]), segment
            start = stop
    loss_weights = weights[kinds]
    learned = np.flatnonzero(loss_weights)
    return Batch(
        input_ids=torch.from_numpy(ids),
        positions=torch.from_numpy(positions),
        segments=torch.from_numpy(segments),
        kinds=torch.from_numpy(kinds),
        loss_weights=torch.from_numpy(loss_weights),
        predicted=torch.from_numpy(learned - 1),
        slots=torch.from_numpy(slots.ravel()[learned].astype(np.int64)),
        global_weight=global_weight,
        num_examples=len(sequences),
        num_useful_tokens=sum(lengths),
        is_packed=layout is Layout.PACKED,
    )
