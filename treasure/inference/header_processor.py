"""Constrained headers for transformers' own `generate`, which asks a processor about the logits of each step."""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import LogitsProcessor

from treasure.inference.decode import Constraint

# B rows, T places, V vocabulary


class HeaderLogitsProcessor(LogitsProcessor):
    """Leaves each row only what its constraint allows, until that is over. Good for one call of `generate`.

    `constraints` are those of the rows in order; `width` is the number of ids that `generate` begins with.
    """

    def __init__(self, constraints: Sequence[Constraint | None], width: int) -> None:
        self._constraints, self._width = list(constraints), width

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """`scores` [B V] with minus infinity for what must not follow `input_ids` [B T]."""
        if input_ids.shape[1] > self._width:
            for row, token in enumerate(input_ids[:, -1].tolist()):
                constraint = self._constraints[row]
                self._constraints[row] = None if constraint is None else constraint.step(token)
        found = scores.clone()
        for row, constraint in enumerate(self._constraints):
            if constraint is not None:
                kept = torch.tensor(sorted(constraint.allowed), device=scores.device)
                found[row] = torch.full_like(scores[row], -torch.inf).index_copy(0, kept, scores[row, kept])
        return found
