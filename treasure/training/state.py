"""What a training is made of between two optimizer steps: taken out as tensors and plain values, and put back exactly.

Tensors are whole, however the training cuts them over processes, so that any number of these can go on. Frozen weights
stay out: they are those of the base model, which each start loads. Nothing here is pickled.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from treasure.errors import TrainingError
from treasure.model.module import MarkerLM
from treasure.model.sharding import own_tensors, share_of, whole
from treasure.training.state_folder import TrainingState


def capture(trainer: pl.Trainer, module: MarkerLM, *, train_seconds: float) -> TrainingState:
    """The training as it stands after `trainer.global_step` whole optimizer steps; tensors are on the CPU.

    All processes call it at once; only the first gets tensors.

    Raises:
        TrainingError: a weight is not finite, so that there is nothing worth keeping.
    """
    check_finite(module.model, trainer.global_step)
    optimizer = trainer.optimizers[0].state_dict()
    tensors = {f"model.{name}": tensor for name, tensor in own_tensors(module.model)}
    plain: dict[str, Any] = {}
    for index, entries in optimizer["state"].items():
        for key, value in entries.items():
            if isinstance(value, Tensor):
                tensors[f"optimizer.{index}.{key}"] = value
            else:
                plain[f"{index}.{key}"] = value
    tensors |= {f"random.{name}": tensor for name, tensor in _random_states().items()}
    values = {
        "optimizer": plain,
        "optimizer_groups": [_without_params(group) for group in optimizer["param_groups"]],
        "scheduler": trainer.lr_scheduler_configs[0].scheduler.state_dict(),
        "precision": trainer.precision_plugin.state_dict(),
        "counters": module.counters(),
        "train_seconds": train_seconds,
    }
    return TrainingState(trainer.global_step, _gathered(tensors, keeps=trainer.is_global_zero), values)


def restore(state: TrainingState, trainer: pl.Trainer, module: MarkerLM) -> None:
    """Puts `trainer` and `module`, freshly set up for the same run, where `state` was taken."""
    put_weights(state, module)
    optimizer = trainer.optimizers[0]
    found = optimizer.state_dict()
    groups = [
        {**group, **saved} for group, saved in zip(found["param_groups"], state.values["optimizer_groups"], strict=True)
    ]
    optimizer.load_state_dict({"state": _optimizer_state(state, optimizer), "param_groups": groups})
    trainer.lr_scheduler_configs[0].scheduler.load_state_dict(dict(state.values["scheduler"]))
    trainer.precision_plugin.load_state_dict(dict(state.values["precision"]))
    loop = trainer.fit_loop.epoch_loop
    loop.automatic_optimization.optim_progress.optimizer.step.total.completed = state.step
    _set_random_states(state.tensors)  # last, since nothing may draw in between


def put_weights(state: TrainingState, module: MarkerLM) -> None:
    """Puts weights and counters alone of `state` into `module`."""
    with torch.no_grad():
        for name, tensor in own_tensors(module.model):
            tensor.copy_(share_of(state.tensors[f"model.{name}"], tensor))
    module.load_counters(state.values["counters"])


def check_finite(model: nn.Module, step: int) -> None:
    """Looks at every weight that is trained; all processes that share the weights call it at once.

    Raises:
        TrainingError: one is infinite or not a number.
    """
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and not torch.isfinite(parameter).all():
            raise TrainingError(
                f"The weight '{name}' is no longer finite after step {step}. Lower optimizer.learning_rate, or take "
                "trainer.precision=32-true."
            )


def layout(model: nn.Module) -> str:
    """16 hex digits over names, shapes and types of the tensors that a state of `model` holds."""
    lines = (f"{name} {tuple(tensor.shape)} {tensor.dtype}" for name, tensor in own_tensors(model))
    return hashlib.blake2b("\n".join(lines).encode(), digest_size=8).hexdigest()


def _gathered(tensors: Mapping[str, Tensor], *, keeps: bool) -> dict[str, Tensor]:
    """The whole tensors on the CPU; where not `keeps`, one after the other is put together and let go."""
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        together = whole(tensor.detach())
        if keeps:
            found[name] = together.cpu()
    return found


def _optimizer_state(state: TrainingState, optimizer: Optimizer) -> dict[int, dict[str, Any]]:
    """The saved entries by the number of their parameter, cut as that is."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    entries: dict[int, dict[str, Any]] = {}
    parts = {k.removeprefix("optimizer."): v for k, v in state.tensors.items() if k.startswith("optimizer.")}
    for name, value in {**parts, **state.values["optimizer"]}.items():
        index, _, key = name.partition(".")
        like = parameters[int(index)]
        is_alike = isinstance(value, Tensor) and value.shape == like.shape  # AdamW's count of steps has no shape
        entries.setdefault(int(index), {})[key] = share_of(value, like) if is_alike else value
    return entries


def _without_params(group: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in group.items() if key != "params"}


def _random_states() -> dict[str, Tensor]:
    """The generators of torch; data and dropout of markers draw from keyed streams that need no state."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return {"cpu": torch.get_rng_state(), **{f"cuda.{index}": state for index, state in enumerate(cuda)}}


def _set_random_states(tensors: Mapping[str, Tensor]) -> None:
    torch.set_rng_state(tensors["random.cpu"])
    saved = (tensors[f"random.cuda.{index}"] for index in range(len(tensors)) if f"random.cuda.{index}" in tensors)
    for index, state in enumerate(saved):
        if index < torch.cuda.device_count():
            torch.cuda.set_rng_state(state, index)
