"""Attention that keeps the examples of a packed row apart.

Shapes: B rows, T positions.
"""

import inspect
from typing import Any

import torch
from jaxtyping import Int, Shaped
from torch import Tensor, nn
from transformers import PreTrainedModel

from treasure.errors import ConfigError
from treasure.model.causal_lm import num_rows
from treasure.model.probe import is_close, probing

_FEW = 8
"""Tokens of the examples that tell whether a model keeps them apart."""
_MANY = 64
"""Tokens that tell whether a model sees later ones; some layers take whole chunks of so many."""


def segment_mask(segments: Int[Tensor, "B T"], model: PreTrainedModel) -> Shaped[Tensor, "B 1 T T"]:
    """Lets each position see itself and what stands before it in its own segment.

    The kind that the model's attention adds or selects by: bool for fused kernels, else 0 and the lowest number of the
    type that attention scores have.
    """
    width = segments.shape[1]
    same = segments[:, :, None] == segments[:, None, :]
    seen = (same & torch.ones(width, width, dtype=torch.bool, device=segments.device).tril())[:, None]
    if attention_of(model) != "eager":
        return seen
    kind = segments.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else model.dtype
    return torch.zeros(seen.shape, dtype=dtype, device=segments.device).masked_fill_(~seen, torch.finfo(dtype).min)


def attention_of(model: PreTrainedModel) -> str:
    """The name of the attention implementation that `model` runs, such as sdpa."""
    return str(model.config._attn_implementation)


def check_packing(model: PreTrainedModel, max_length: int) -> None:
    """Refuses to pack rows for a model whose layers would see across examples.

    Raises:
        ConfigError: the model takes no positions or has no such attention, looks back less than `max_length`, or was
            asked and let two short examples in one row change each other.
    """
    reason = _known_reason(model, max_length) or _found_reason(model)
    if reason is not None:
        raise ConfigError(f"This model cannot learn from packed rows: {reason}. Set batch.layout=padded.")


def check_causal(model: PreTrainedModel) -> None:
    """Refuses a model that sees the tokens it is to predict, as encoders do.

    Raises:
        ConfigError: it was asked, and a later token changed what it says of an earlier one.
    """
    ids = torch.linspace(num_rows(model) // 4, 3 * num_rows(model) // 4, _MANY, device=model.device).long()[None]
    try:
        slope = _slope(model, {"input_ids": ids, "use_cache": False}, slice(None, _MANY // 2))[1]
    except (IndexError, RuntimeError, TypeError, ValueError):
        return  # a question it cannot take tells nothing of rows of a batch
    if slope[:, _MANY // 2 :].any():
        raise ConfigError(
            f"{type(model).__name__} sees the tokens that it is to predict, so it cannot learn to write. Take a causal "
            "model; an encoder that can be one says is_decoder=true in its config.json."
        )


def check_positions(model: PreTrainedModel) -> None:
    """Refuses a model that counts positions otherwise than from 0, as RoBERTa does.

    Generation tells positions from 0, ours and that of transformers: it would be asked elsewhere than it learned.

    Raises:
        ConfigError: it was asked, and says other things when it is told positions from 0 than when it is told none.
    """
    if "position_ids" not in inspect.signature(model.forward).parameters:
        return
    ids = torch.linspace(num_rows(model) // 4, 3 * num_rows(model) // 4, _FEW, device=model.device).long()[None]
    positions = torch.arange(_FEW, device=model.device)[None]
    try:
        with probing(model), torch.no_grad():
            own = model(input_ids=ids, use_cache=False).logits
            told = model(input_ids=ids, position_ids=positions, use_cache=False).logits
    except (IndexError, RuntimeError, TypeError, ValueError):
        return  # a question it cannot take tells nothing of rows of a batch
    if not is_close(own, told):
        raise ConfigError(
            f"{type(model).__name__} counts positions otherwise than from 0, and generation tells it positions from 0, "
            "so its answers would not be those that it learned. Take a model that counts from 0."
        )


def _slope(model: PreTrainedModel, inputs: dict[str, Any], places: slice) -> tuple[Tensor, Tensor]:
    """Logits for `inputs`, and how those at `places` move with the embedding [B T D] of each token."""
    embedded: list[Tensor] = []

    def keep(_: nn.Module, __: tuple[Any, ...], found: Tensor) -> Tensor:
        embedded.append(found.detach().requires_grad_())
        return embedded[-1]

    with probing(model), torch.enable_grad():
        hook = model.get_input_embeddings().register_forward_hook(keep)
        try:
            logits = model(**inputs).logits
        finally:
            hook.remove()
        (slope,) = torch.autograd.grad(logits[:, places].float().square().sum(), embedded)
    return logits.detach(), slope


def _known_reason(model: PreTrainedModel, max_length: int) -> str | None:
    """What its configuration tells; masks replace windows and chunks, so these must not be shorter than examples."""
    name, config = type(model).__name__, model.config.get_text_config()
    if "position_ids" not in inspect.signature(model.base_model.forward).parameters or model._is_stateful:
        return f"{name} takes no positions from outside"
    if attention_of(model) not in ("eager", "sdpa"):
        return f"its attention is '{attention_of(model)}', and only eager and sdpa take a mask"
    for setting in ("sliding_window", "attention_chunk_size"):
        window = getattr(config, setting, None)
        if isinstance(window, int) and window < max_length:
            return f"{name} looks back only {window} tokens, fewer than model.max_length={max_length}"
    return None


def _found_reason(model: PreTrainedModel) -> str | None:
    """What two short examples in one row tell; what only shows in longer ones, `_known_reason` has to know."""
    name, rows = type(model).__name__, num_rows(model)
    first, second = torch.linspace(rows // 4, 3 * rows // 4, 2 * _FEW, device=model.device).long().view(2, _FEW)
    try:
        with probing(model), torch.no_grad():
            alone = [model(input_ids=ids[None], use_cache=False).logits for ids in (first, second)]
        together, slope = _slope(model, _packed(model, first, second), slice(_FEW, None))
    except (IndexError, RuntimeError, TypeError, ValueError) as error:  # as layers fail on masks unknown to them
        return f"{name} failed on one ({str(error).strip() or type(error).__name__})"
    if slope[:, :_FEW].any():  # not even the smallest influence: it may grow in training
        return f"layers of {name} look from one example of a row into the one before it"
    if not is_close(together, torch.cat(alone, dim=1)):
        return f"{name} gives examples in one row other logits than alone"
    return None


def _packed(model: PreTrainedModel, *examples: Int[Tensor, " T"]) -> dict[str, Any]:
    """Inputs with all `examples`, each of `_FEW` tokens, in one row."""
    segments = torch.arange(len(examples), device=model.device).repeat_interleave(_FEW)[None]
    positions = torch.arange(_FEW, device=model.device).repeat(len(examples))[None]
    mask = segment_mask(segments, model)
    return {
        "input_ids": torch.cat(examples)[None],
        "position_ids": positions,
        "attention_mask": mask,
        "use_cache": False,
    }
