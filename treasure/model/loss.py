"""The training loss, token by token, told apart by what kind of token is predicted.

Shapes: B rows, T positions, N predicted tokens (those with a loss weight above 0).
"""

import inspect
from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor
from transformers import PreTrainedModel

from treasure.data.batches import Batch
from treasure.data.template import SegmentKind


@dataclass(frozen=True)
class TokenLosses:
    """Negative log-likelihoods in nats of the N tokens that are learned, before any weighting."""

    losses: Float[Tensor, " N"]
    weights: Float[Tensor, " N"]
    kinds: Int[Tensor, " N"]
    correct: Bool[Tensor, " N"]

    def weighted_sum(self) -> Float[Tensor, ""]:
        """What is minimised, up to the division by the global batch's weight."""
        return (self.losses * self.weights).sum()

    def of_kind(self, kind: SegmentKind) -> tuple[Float[Tensor, ""], Int[Tensor, ""]]:
        """(sum of losses, number of tokens) of one kind, unweighted."""
        chosen = self.kinds == int(kind)
        return self.losses[chosen].sum(), chosen.sum()


def token_losses(model: PreTrainedModel, batch: Batch) -> TokenLosses:
    """Runs the model and scores each token that has a loss weight.

    Rows are padded on the right, so under causal attention no real token ever sees padding and no mask is needed.
    Logits are computed only for positions at which some row has loss.
    """
    predicted = batch.loss_weights[:, 1:] > 0  # [B, T-1]: position t predicts token t+1
    positions = predicted.any(dim=0).nonzero().squeeze(1)  # [K]
    logits = _logits_at(model, batch.input_ids, positions)  # [B, K, V]
    chosen = predicted[:, positions]  # [B, K]
    targets = batch.input_ids[:, positions + 1][chosen]
    logits = logits[chosen].float()
    return TokenLosses(
        losses=F.cross_entropy(logits, targets, reduction="none"),
        weights=batch.loss_weights[:, positions + 1][chosen],
        kinds=batch.kinds[:, positions + 1][chosen].long(),
        correct=logits.detach().argmax(dim=-1) == targets,
    )


def _logits_at(
    model: PreTrainedModel, input_ids: Int[Tensor, "B T"], positions: Int[Tensor, " K"]
) -> Float[Tensor, "B K V"]:
    if _takes_logits_to_keep(type(model)):
        return model(input_ids=input_ids, logits_to_keep=positions, use_cache=False).logits
    return model(input_ids=input_ids, use_cache=False).logits[:, positions]


@cache
def _takes_logits_to_keep(model_class: type[PreTrainedModel]) -> bool:
    return "logits_to_keep" in inspect.signature(model_class.forward).parameters
