"""A model whose weights are cut over the processes of a training (FSDP2), and what makes them whole again.

Each process keeps its share of every weight, of its gradient and of the optimizer's state. The weights of a layer are
whole only while that layer runs; those outside the layers (embedding, output layer, last norm) while a training step
runs, forward and backward. `whole` and whatever calls it must run on all processes at once.
"""

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, distribute_tensor
from transformers import PreTrainedModel

from treasure.errors import ConfigError


def model_to_cut(model: PreTrainedModel, *, keeps_whole: bool) -> PreTrainedModel:
    """The model to hand to `cut`; where `keeps_whole` a copy, so that `model` stays whole in host memory for saving."""
    return copy.deepcopy(model) if keeps_whole else model


def layers_of(model: PreTrainedModel) -> list[nn.Module]:
    """The layers of `model`, first to last; none where the architecture does not name them."""
    names = set(model._no_split_modules or ())
    lists = (module for module in model.modules() if isinstance(module, nn.ModuleList))
    return [layer for found in lists for layer in found if type(layer).__name__ in names]


def decoder_layers(model: PreTrainedModel) -> list[nn.Module]:
    """The layers that `model` is cut at, first to last.

    Raises:
        ConfigError: the architecture does not name them.
    """
    layers = layers_of(model)
    if not layers:
        raise ConfigError(
            f"{type(model).__name__} does not name its layers, so it cannot be cut over processes. Take trainer=ddp."
        )
    return layers


def cut(module: nn.Module, model: PreTrainedModel, mesh: DeviceMesh, *, bfloat16: bool) -> None:
    """Cuts `model` over the processes of `mesh`, in place; `module` holds it, and its `training_step` runs it.

    With `bfloat16`, layers get together and multiply in bfloat16; the shares, and sums of gradients, stay float32.
    """
    dtype = torch.bfloat16 if bfloat16 else None
    policy = MixedPrecisionPolicy(param_dtype=dtype, reduce_dtype=torch.float32, cast_forward_inputs=False)
    for layer in decoder_layers(model):
        fully_shard(layer, mesh=mesh, mp_policy=policy)
    fully_shard(module, mesh=mesh, reshard_after_forward=False)
    register_fsdp_forward_method(module, "training_step")


def own_tensors(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """What training changes: trainable parameters, tied ones once, and all buffers."""
    yield from ((name, tensor) for name, tensor in model.named_parameters() if tensor.requires_grad)
    yield from model.named_buffers()


@torch.no_grad()
def gather(trained: PreTrainedModel, model: PreTrainedModel) -> None:
    """Puts what `trained` learned into its whole twin `model`; where they are one, only helps the other processes."""
    kept = dict(own_tensors(model))
    for name, tensor in own_tensors(trained):
        found = whole(tensor)
        if model is not trained:
            kept[name].copy_(found)


def whole(tensor: Tensor) -> Tensor:
    """`tensor` put together from the shares of all processes; one that is not cut comes back as it is."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def share_of(found: Tensor, like: Tensor) -> Tensor:
    """This process's share of the whole tensor `found`, cut as `like` is; nothing is sent between processes."""
    if not isinstance(like, DTensor):
        return found
    return distribute_tensor(found, like.device_mesh, like.placements, src_data_rank=None)
