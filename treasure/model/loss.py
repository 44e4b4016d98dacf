"""The training loss, token by token, told apart by what kind of token is predicted.

Shapes: B rows, T positions, N predicted tokens (those with a loss weight above 0).
"""

from dataclasses import dataclass

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
    Logits are computed only where there is loss: the vocabulary is by far the widest layer of a small model.
    """
    predicted = batch.loss_weights[:, 1:] > 0  # [B, T-1]: position t predicts token t+1
    targets = batch.input_ids[:, 1:][predicted]
    logits = _logits_at(model, batch.input_ids, predicted).float()  # [N, V]
    return TokenLosses(
        losses=F.cross_entropy(logits, targets, reduction="none"),
        weights=batch.loss_weights[:, 1:][predicted],
        kinds=batch.kinds[:, 1:][predicted].long(),
        correct=logits.detach().argmax(dim=-1) == targets,
    )


def _logits_at(
    model: PreTrainedModel, input_ids: Int[Tensor, "B T"], predicted: Bool[Tensor, "B T-1"]
) -> Float[Tensor, "N V"]:
    head = model.get_output_embeddings()
    if not _head_is_linear(model) or head is None:
        return model(input_ids=input_ids, use_cache=False).logits[:, :-1][predicted]
    hidden = model.base_model(input_ids=input_ids, use_cache=False).last_hidden_state  # [B, T, D]
    return head(hidden[:, :-1][predicted])


def _head_is_linear(model: PreTrainedModel) -> bool:
    """Whether the output layer applied to the last hidden state is all there is to the logits.

    Some architectures scale or squash their logits, or adapt the model from outside; those run their own forward.
    """
    settings = model.config.to_dict()
    reshaping = ("final_logit_softcapping", "logit_scale", "logits_scaling", "lm_head_multiplier", "mup_width_scale")
    return type(model.base_model) is not type(model) and not any(settings.get(name) for name in reshaping)
