"""Cross-entropy of a linear output layer whose logits are computed once, and never all kept.

The gradient of a cross-entropy by its logits is known as soon as the logits are, so both products of the backward pass
run right after that of the forward pass, chunk by chunk, and only their results wait for the backward pass: no logits
are kept or computed twice. The idea is that of Liger Kernel (arXiv 2410.10989, section 3.2).

Shapes: N predicted tokens, D width, V vocabulary.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable


def linear_cross_entropy(
    hidden: Float[Tensor, "N D"],
    weight: Float[Tensor, "V D"],
    targets: Int[Tensor, " N"],
    token_weights: Float[Tensor, " N"],
    *,
    rows_at_once: int,
    compiled: bool = False,
) -> tuple[Float[Tensor, ""], Float[Tensor, " N"], Bool[Tensor, " N"]]:
    """(sum of weighted losses, losses in nats, whether the target is a likeliest token); the sum alone has gradients.

    Under autocast the products run in its type; losses and their sum are float32 in any case. At most `rows_at_once`
    rows of logits (at least 1) are in memory. `compiled` fuses what is done to them into one pass. Not for float16:
    gradients are computed before a loss scale reaches them, and small ones would be 0 there.
    """
    assert product_dtype(hidden) is not torch.float16
    total, losses, correct = _LinearCrossEntropy.apply(hidden, weight, targets, token_weights, rows_at_once, compiled)
    return total, losses, correct


def product_dtype(hidden: Tensor) -> torch.dtype:
    """The type in which matrices are multiplied with `hidden`: that of autocast where it is on."""
    device = hidden.device.type
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else hidden.dtype


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        targets: Tensor,
        token_weights: Tensor,
        rows_at_once: int,
        compiled: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        device, dtype = hidden.device.type, product_dtype(hidden)
        wants_hidden, wants_weight = ctx.needs_input_grad[:2]
        score = _compiled_score() if compiled else _score
        own_weight = weight.to(dtype)
        losses = torch.empty(len(targets), dtype=torch.float32, device=hidden.device)
        correct = torch.empty(len(targets), dtype=torch.bool, device=hidden.device)
        hidden_slope = torch.empty_like(hidden) if wants_hidden else None
        weight_slope = torch.zeros_like(weight) if wants_weight else None
        with torch.autocast(device, enabled=False):
            for start in range(0, len(targets), rows_at_once):
                rows = slice(start, start + rows_at_once)
                some = hidden[rows].to(dtype)
                losses[rows], correct[rows], slope = score(some @ own_weight.T, targets[rows], token_weights[rows])
                if hidden_slope is not None:
                    hidden_slope[rows] = slope @ own_weight
                if weight_slope is not None:
                    weight_slope += slope.T @ some
        ctx.save_for_backward(hidden_slope, weight_slope)
        ctx.mark_non_differentiable(losses, correct)
        return (losses * token_weights).sum(), losses, correct

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]  # what the decorator makes of it
        ctx: Any, *slopes: Tensor
    ) -> tuple[Tensor | None, ...]:
        of_total = slopes[0]
        hidden_slope, weight_slope = ctx.saved_tensors
        return (
            None if hidden_slope is None else hidden_slope * of_total,
            None if weight_slope is None else weight_slope * of_total,
            None,
            None,
            None,
            None,
        )


def _score(logits: Tensor, targets: Tensor, token_weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Losses [N], whether targets are likeliest [N], and the gradient [N V] of the weighted sum of losses by logits.

    Shapes stand here alone, since what checks them in annotations cannot be compiled.
    """
    at = targets[:, None]
    correct = logits.gather(1, at)[:, 0] >= logits.amax(dim=-1)  # an argmax is ten times slower on CPUs
    shares = F.log_softmax(logits.float(), dim=-1)  # given a dtype instead, it takes eight times as long on CPUs
    losses = -shares.gather(1, at)[:, 0]
    shares.exp_().scatter_add_(1, at, torch.full_like(losses, -1.0)[:, None])
    return losses, correct, shares.mul_(token_weights[:, None]).to(logits.dtype)


@cache
def _compiled_score() -> Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]:
    return torch.compile(_score, dynamic=True)
