"""Trains on the processes that torchrun starts: `shares.py <strategy> <folder>`; each writes what it kept.

<folder>/<rank>.json: numbers of weights, gradients and entries of Adam's running means that lay in its memory.
"""

import json
import sys
from pathlib import Path

import tiny
from torch.distributed.tensor import DTensor

from treasure.data.config import BatchConfig
from treasure.markers.config import MarkerMode
from treasure.model.causal_lm import num_parameters
from treasure.model.config import OptimizerConfig, SchedulerConfig
from treasure.ranks import rank
from treasure.training.config import CallbacksConfig, Strategy, TrainerConfig
from treasure.training.fit import fit
from treasure.training.keeper import StateKeeper

BATCH = BatchConfig(global_batch_size=8, micro_batch_size=4)


class Counting(StateKeeper):
    """A keeper that counts what this process holds before the last step."""

    counts: dict[str, int]

    def on_before_optimizer_step(self, trainer, pl_module, optimizer):
        parameters = list(pl_module.model.parameters())
        means = [state["exp_avg"] for state in optimizer.state.values()]
        gradients = [parameter.grad for parameter in parameters]
        self.counts = {"weights": _count(parameters), "gradients": _count(gradients), "means": _count(means)}


def _count(tensors) -> int:
    return sum((tensor.to_local() if isinstance(tensor, DTensor) else tensor).numel() for tensor in tensors)


def main() -> None:
    strategy, folder = Strategy(sys.argv[1]), Path(sys.argv[2])
    trainer = TrainerConfig(accelerator="cpu", devices=2, strategy=strategy, save_every_minutes=None)
    found = tiny.checkpoint(MarkerMode.TOKENS)
    total = num_parameters(found.model)
    keeper = Counting(folder, {}, trainer, 2, tell=print)
    dataset = tiny.batches(found, folder / f"cache-{rank(2)}", config=BATCH, num_steps=2)
    dataset._rank, dataset._num_processes = rank(2), 2
    fit(
        found.model,
        dataset,
        2,
        batch=BATCH,
        optimizer=OptimizerConfig(),
        scheduler=SchedulerConfig(),
        trainer=trainer,
        callbacks=CallbacksConfig(progress=False),
        seed=0,
        loggers=[],
        keep_snapshot=print,
        keeper=keeper,
    )
    (folder / f"{rank(2)}.json").write_text(json.dumps({"total": total, **keeper.counts}))


if __name__ == "__main__":
    main()
