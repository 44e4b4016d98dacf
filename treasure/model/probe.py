"""What a model does with its last hidden state, found by asking it rather than by its name.

Shapes: B rows, T positions, D width, V vocabulary.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import PreTrainedModel

_LONGEST = 64
"""Tokens that are looked at; as many as the layers that only take whole chunks of a row ask for."""
_LOUDEST = 100.0
"""Size to which the largest logit is raised: what squashes logits hardly moves the small ones of an untrained model."""
_SAME = 1e-3
"""Largest distance of two tensors, as a share of their size, that is put down to rounding."""


@contextmanager
def probing(model: nn.Module) -> Iterator[None]:
    """Runs `model` without dropout or compilation; afterwards each layer has the mode it had."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.compiler.set_stance("force_eager"):
            yield
    finally:
        for module, training in modes:
            module.training = training


def has_bare_head(model: PreTrainedModel, input_ids: Int[Tensor, "B T"]) -> bool:
    """Whether the output layer, applied to the last hidden state, is all there is to the logits.

    It is not where a model squashes, scales or shifts its logits, has further layers before the output layer, or
    gives its hidden states in another way than others. The start of the first row is enough to tell.
    """
    head = model.get_output_embeddings()
    if head is None or model.base_model is model:
        return False
    heard: list[tuple[Tensor, Tensor]] = []

    def raise_logits(_: nn.Module, given: tuple[Any, ...], answer: Tensor) -> Tensor:
        heard.append((given[0], answer * (_LOUDEST / answer.abs().max())))
        return heard[-1][1]

    few = input_ids[:1, :_LONGEST]
    with probing(model), torch.no_grad():
        hidden = getattr(model.base_model(input_ids=few, use_cache=False), "last_hidden_state", None)
        hook = head.register_forward_hook(raise_logits)
        try:
            logits = model(input_ids=few, use_cache=False).logits
        finally:
            hook.remove()
    if hidden is None or len(heard) != 1:
        return False
    given, raised = heard[0]
    return is_close(given, hidden) and is_close(logits, raised)


def is_close(one: Float[Tensor, "..."], other: Float[Tensor, "..."]) -> bool:
    """Whether two tensors differ by no more than rounding, on the whole."""
    if one.shape != other.shape:
        return False
    one, other = one.float(), other.float()
    return bool((one - other).norm() <= _SAME * other.norm())
