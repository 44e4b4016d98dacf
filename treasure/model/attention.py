"""Attention that keeps the examples of a packed row apart.

Shapes: B rows, T positions.
"""

import inspect

import torch
from jaxtyping import Int, Shaped
from torch import Tensor
from transformers import PreTrainedModel

from treasure.errors import ConfigError


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
        ConfigError: the model takes no positions or has no such attention, or looks back less than `max_length`.
    """
    name = type(model).__name__
    window = model.config.to_dict().get("sliding_window")
    if "position_ids" not in inspect.signature(model.base_model.forward).parameters or model._is_stateful:
        reason = f"{name} takes no positions from outside"
    elif attention_of(model) not in ("eager", "sdpa"):
        reason = f"its attention is '{attention_of(model)}', and only eager and sdpa take a mask"
    elif isinstance(window, int) and window < max_length:
        reason = f"{name} looks back only {window} tokens, fewer than model.max_length={max_length}"
    else:
        return
    raise ConfigError(f"This model cannot learn from packed rows: {reason}. Set batch.layout=padded.")
