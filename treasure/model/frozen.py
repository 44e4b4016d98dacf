"""Tells whether the weights that a training leaves alone are still the same."""

import hashlib

import torch
from torch import nn

_NUM_LOOKED_AT = 4096
"""Numbers of each tensor that are looked at, evenly spread: a base that was trained further differs in nearly all."""


def frozen_digest(model: nn.Module) -> str:
    """16 hex digits of names, shapes, types and some numbers of all parameters without gradient; empty without any."""
    frozen = [(name, parameter) for name, parameter in model.named_parameters() if not parameter.requires_grad]
    if not frozen:
        return ""
    digest = hashlib.blake2b(digest_size=8)
    for name, parameter in frozen:
        flat = parameter.detach().flatten()
        some = flat[:: max(1, len(flat) // _NUM_LOOKED_AT)].contiguous().cpu()
        digest.update(f"{name}{tuple(parameter.shape)}{parameter.dtype}".encode())
        digest.update(some.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
