"""One training run: Lightning's Trainer over micro-batches, with copies of the model kept along the way."""

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from pytorch_lightning.loggers import Logger
from pytorch_lightning.strategies import ModelParallelStrategy, Strategy
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm
from transformers import PreTrainedModel

from treasure.data.batches import MicroBatchDataset
from treasure.data.config import BatchConfig, Layout
from treasure.model.attention import check_causal, check_packing, check_positions
from treasure.model.causal_lm import num_parameters, num_trainable_parameters
from treasure.model.config import OptimizerConfig, SchedulerConfig
from treasure.model.module import MarkerLM
from treasure.model.sharding import gather, layers_of, model_to_cut
from treasure.ranks import rank
from treasure.seeding import key_to_int
from treasure.training.config import CallbacksConfig, TrainerConfig
from treasure.training.hardware import device_type, keep_freed_memory, resolve_attention, resolve_precision
from treasure.training.keeper import StateKeeper
from treasure.training.state import check_finite


@dataclass(frozen=True, kw_only=True)
class FitSummary:
    """What a run saw and what it cost. Runs with one `examples_key` saw the same examples in each step.

    Tokens leave padding out, which is `padding_share` of all positions. FLOPs are 6 · parameters · tokens
    (arXiv 2001.08361, section 2.1); a frozen parameter counts 4, since its own gradient is never computed.
    """

    steps: int
    num_examples: int
    num_tokens: int
    padding_share: float
    num_parameters: int
    num_trainable_parameters: int
    flops: float
    train_seconds: float
    examples_key: str
    precision: str


class SnapshotCallback(pl.Callback):
    """After each of the given optimizer steps calls `gather()` in all processes, then `keep(step)` in the first."""

    def __init__(self, steps: Sequence[int], keep: Callable[[int], None], gather: Callable[[], None]) -> None:
        self._steps, self._keep, self._gather = frozenset(steps), keep, gather
        self._kept: set[int] = set()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Looks at the step count after each micro-batch; a step is kept once."""
        if trainer.global_step in self._steps - self._kept:
            self._kept.add(trainer.global_step)
            self._gather()
            if trainer.is_global_zero:
                self._keep(trainer.global_step)


class StepProgress(pl.Callback):
    """A bar over optimizer steps, with the loss and how many examples go by in a second."""

    def __init__(self, num_steps: int, examples_per_step: int, description: str, first_step: int = 0) -> None:
        self._bar = tqdm(total=num_steps, initial=first_step, desc=description, unit="step", mininterval=0.5)
        self._examples_per_step, self._first_step = examples_per_step, first_step
        self._started = time.perf_counter()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Moves on whenever an optimizer step is done."""
        done = trainer.global_step - self._bar.n
        if done:
            assert isinstance(pl_module, MarkerLM)
            loss = pl_module.logged.get("loss")
            steps = trainer.global_step - self._first_step
            rate = steps * self._examples_per_step / (time.perf_counter() - self._started)
            self._bar.set_postfix(
                loss="" if loss is None else f"{loss:.3f}", examples_per_s=f"{rate:.0f}", refresh=False
            )
            self._bar.update(done)

    def teardown(self, *_: Any, **__: Any) -> None:
        """Leaves the bar as it stands."""
        self._bar.close()


def snapshot_steps(config: TrainerConfig, num_steps: int) -> list[int]:
    """The optimizer steps after which a copy is kept; never the last, which is the model itself."""
    return sorted({step for share in config.snapshots if 0 < (step := round(share * num_steps)) < num_steps})


def fit(
    model: PreTrainedModel,
    dataset: MicroBatchDataset,
    num_steps: int,
    *,
    batch: BatchConfig,
    optimizer: OptimizerConfig,
    scheduler: SchedulerConfig,
    trainer: TrainerConfig,
    callbacks: CallbacksConfig,
    seed: int,
    loggers: Sequence[Logger],
    keep_snapshot: Callable[[int], None],
    keeper: StateKeeper | None = None,
    attention: str = "auto",
    gradient_checkpointing: bool = False,
    compile_model: bool = False,
) -> FitSummary:
    """Trains `model` in place up to `num_steps` optimizer steps.

    Where weights are cut over processes, the first process alone has all of them in `model` in the end. With a `keeper`
    the training begins at its `first_step`, as `dataset` must, and can go on after a kill.

    Raises:
        ConfigError: `model` sees what it is to predict, counts positions otherwise than from 0, cannot keep apart the
            examples of packed rows, or cannot be cut over processes.
        TrainingError: the loss or a weight is not a number, or (with a keeper) data vanished or the disk is full.
        Interrupted: a signal asked to stop, and the keeper saved.
    """
    device = device_type(trainer.accelerator)
    if device == "cpu":
        keep_freed_memory()
    model.set_attn_implementation(resolve_attention(attention, device, dataset.max_length))
    check_causal(model)
    check_positions(model)
    if batch.layout is Layout.PACKED:
        check_packing(model, dataset.max_length)
    if gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    precision = resolve_precision(trainer.precision, device)
    first_step = keeper.first_step if keeper is not None else 0
    own_rank = rank(trainer.num_processes)
    shows_progress = callbacks.progress and own_rank == 0
    trained = model_to_cut(model, keeps_whole=own_rank == 0) if trainer.is_sharded else model
    module = MarkerLM(trained, optimizer, scheduler, num_steps, dataset.categories, compile_model)
    at_once = compiled_at_once(trained, in_layers=trainer.is_sharded) if compile_model else []
    lightning = pl.Trainer(
        max_steps=num_steps,
        max_epochs=-1,
        accelerator=trainer.accelerator,
        devices=trainer.devices,
        num_nodes=trainer.num_nodes,
        strategy=_strategy(trainer),
        use_distributed_sampler=False,  # the dataset knows the share of its process
        plugins=[LightningEnvironment()] if trainer.num_processes == 1 else None,  # whatever srun says
        precision=precision,  # pyright: ignore[reportArgumentType]
        accumulate_grad_batches=dataset.num_micro_batches,
        logger=list(loggers),
        callbacks=[
            SnapshotCallback(snapshot_steps(trainer, num_steps), keep_snapshot, partial(gather, trained, model)),
            *([keeper] if keeper is not None else []),
            *([StepProgress(num_steps, batch.global_batch_size, "training", first_step)] if shows_progress else []),
        ],
        log_every_n_steps=callbacks.log_every,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
    )
    torch.manual_seed(key_to_int("fit", seed) % 2**63)  # for models that have dropout of their own
    started = time.perf_counter()
    loader = DataLoader(dataset, batch_size=None, shuffle=False, num_workers=0)
    trained.train()
    naming = keeper.errors_name_the_state() if keeper is not None else nullcontext()
    with naming, _compiled(at_once):
        if first_step < num_steps:
            lightning.fit(module, loader)
        elif keeper is not None:
            keeper.take_end(module)
        check_finite(trained, num_steps)
    gather(trained, model)
    parameters, trainable = num_parameters(model), num_trainable_parameters(model)
    return FitSummary(
        steps=num_steps,
        num_examples=num_steps * batch.global_batch_size,
        num_tokens=module.num_tokens_seen,
        padding_share=1 - module.num_tokens_seen / module.num_positions_seen,
        num_parameters=parameters,
        num_trainable_parameters=trainable,
        flops=(4.0 * parameters + 2.0 * trainable) * module.num_tokens_seen,
        train_seconds=time.perf_counter() - started if keeper is None else keeper.train_seconds,
        examples_key=dataset.examples_key(),
        precision=precision,
    )


def _strategy(trainer: TrainerConfig) -> str | Strategy:
    """What Lightning runs the training by."""
    if trainer.is_sharded:
        return ModelParallelStrategy(data_parallel_size=trainer.num_processes, tensor_parallel_size=1)
    return "ddp" if trainer.num_processes > 1 else "auto"


def compiled_at_once(model: PreTrainedModel, *, in_layers: bool = False) -> list[nn.Module]:
    """What of `model` is compiled each on its own.

    That is its layers, where they are alike (one is then compiled for all) and hold most weights; or with `in_layers`,
    since of a model that is cut over processes the weights of one layer are there at a time. Else it is the whole model
    but for its output layer.
    """
    layers = layers_of(model)
    kinds = {(type(layer), *(tuple(weight.shape) for weight in layer.parameters())) for layer in layers}
    others = _num_weights(model.base_model) - _num_weights(model.get_input_embeddings())
    are_most = len(kinds) == 1 and sum(map(_num_weights, layers)) > others / 2
    return layers if in_layers or are_most else [model.base_model]


def _num_weights(module: nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


@contextmanager
def _compiled(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Runs the forward of each of `modules` compiled, meanwhile."""
    forwards = [module.forward for module in modules]
    for module, forward in zip(modules, forwards, strict=True):
        module.forward = torch.compile(forward, dynamic=True)
    try:
        with warnings.catch_warnings():  # torch looks at every attribute of a layer's input when it traces
            warnings.filterwarnings("ignore", message=r"The \.grad attribute of a Tensor that is not a leaf")
            yield
    finally:
        for module, forward in zip(modules, forwards, strict=True):
            module.forward = forward
