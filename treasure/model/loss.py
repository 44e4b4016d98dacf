"""The training loss, token by token, told apart by what kind of token is predicted.

Shapes: B rows, T positions, D width, V vocabulary, N predicted tokens (those with a loss weight above 0), S slots.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from treasure.data.layout import Batch
from treasure.data.template import SegmentKind
from treasure.model.attention import segment_mask
from treasure.model.linear_cross_entropy import linear_cross_entropy

LOGITS_AT_ONCE = {"cpu": 2**22, "other": 2**26}
"""Logits that are in memory at a time: on CPUs so few that they stay in the cache (16 MiB in float32). Where there are
more, the output layer runs chunk by chunk; layers other than a plain linear one then run again in the backward pass."""


@dataclass(frozen=True)
class TokenLosses:
    """Negative log-likelihoods in nats of the N tokens that are learned, before any weighting.

    `weighted_sum` is what is minimised, up to the division by the global batch's weight, and has gradients; the losses
    themselves may have none.
    """

    weighted_sum: Float[Tensor, ""]
    losses: Float[Tensor, " N"]
    weights: Float[Tensor, " N"]
    kinds: Int[Tensor, " N"]
    correct: Bool[Tensor, " N"]
    slots: Int[Tensor, " N"]

    def of_kind(self, kind: SegmentKind) -> tuple[Float[Tensor, ""], Int[Tensor, ""]]:
        """(sum of losses, number of tokens) of one kind, unweighted."""
        chosen = self.kinds == int(kind)
        return (self.losses * chosen).sum(), chosen.sum()

    def by_slot(self, num_slots: int) -> Float[Tensor, "S 3"]:
        """Sums over the tokens of each slot: losses, tokens and right predictions, unweighted and without gradient.

        Nothing is read back from the device.
        """
        losses = self.losses.detach().float()
        columns = torch.stack([losses, torch.ones_like(losses), self.correct.float()], dim=1)
        return torch.zeros(num_slots, 3, device=losses.device).index_add_(0, self.slots, columns)


def token_losses(model: PreTrainedModel, batch: Batch, *, compiled: bool = False) -> TokenLosses:
    """Runs the model and scores each token that has a loss weight.

    Rows are padded on the right, so under causal attention no token of a row's only example ever sees padding and no
    mask is needed; where examples share a row, a mask keeps them apart. Logits are computed only where there is loss:
    the vocabulary is by far the widest layer of a small model. `compiled` compiles what is done to the logits.
    """
    after = batch.predicted + 1
    targets, weights = batch.input_ids.flatten()[after], batch.loss_weights.flatten()[after]
    weighted_sum, losses, correct = _scores(model, batch, targets, weights, compiled)
    return TokenLosses(
        weighted_sum=weighted_sum,
        losses=losses,
        weights=weights,
        kinds=batch.kinds.flatten()[after].long(),
        correct=correct,
        slots=batch.slots,
    )


def _scores(
    model: PreTrainedModel, batch: Batch, targets: Int[Tensor, " N"], weights: Float[Tensor, " N"], compiled: bool
) -> tuple[Float[Tensor, ""], Float[Tensor, " N"], Bool[Tensor, " N"]]:
    inputs = {"input_ids": batch.input_ids, "use_cache": False}
    if batch.is_packed:
        mask = segment_mask(batch.segments, model)
        inputs |= {"position_ids": batch.positions, "attention_mask": mask}
    head = model.get_output_embeddings()
    if not _head_is_linear(model) or head is None:
        losses, correct = _score(model(**inputs).logits.flatten(0, 1).index_select(0, batch.predicted), targets)
        return (losses * weights).sum(), losses, correct
    hidden = model.base_model(**inputs).last_hidden_state.flatten(0, 1).index_select(0, batch.predicted)  # [N, D]
    at_once = LOGITS_AT_ONCE["cpu" if hidden.device.type == "cpu" else "other"]
    size = max(1, at_once // model.config.get_text_config().vocab_size)
    if type(head) is nn.Linear and head.bias is None:
        return linear_cross_entropy(hidden, head.weight, targets, weights, rows_at_once=size, compiled=compiled)
    parts = [
        checkpoint(_score_hidden, head, some, of_some, use_reentrant=False)
        for some, of_some in zip(hidden.split(size), targets.split(size), strict=True)
    ]
    losses, correct = (torch.cat(found) for found in zip(*parts, strict=True))
    return (losses * weights).sum(), losses, correct


def _score_hidden(
    head: nn.Module, hidden: Float[Tensor, "N D"], targets: Int[Tensor, " N"]
) -> tuple[Float[Tensor, " N"], Bool[Tensor, " N"]]:
    return _score(head(hidden), targets)


def _score(logits: Float[Tensor, "N V"], targets: Int[Tensor, " N"]) -> tuple[Float[Tensor, " N"], Bool[Tensor, " N"]]:
    losses = F.cross_entropy(logits.float(), targets, reduction="none")
    found = logits.detach()
    correct = found.gather(1, targets[:, None])[:, 0] >= found.amax(dim=-1)  # an argmax is ten times slower on CPUs
    return losses, correct


_RESHAPING = ("final_logit_softcapping", "logit_scale", "logits_scaling", "lm_head_multiplier", "mup_width_scale")
"""Settings by which architectures scale or squash their logits."""


def _head_is_linear(model: PreTrainedModel) -> bool:
    """Whether the output layer applied to the last hidden state is all there is to the logits.

    Models that reshape their logits, or are adapted from outside, run their own forward.
    """
    reshaped = any(getattr(model.config, name, None) for name in _RESHAPING)
    return type(model.base_model) is not type(model) and not reshaped
