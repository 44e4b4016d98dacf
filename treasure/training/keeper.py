"""Keeps a training alive through kills: saves its state along the way, and goes on from the newest one.

Everything happens where a whole optimizer step is over and the next one has not begun: its row is in metrics.csv, its
snapshot is taken, and nothing is half added up.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl

from treasure.errors import DataError, Interrupted, TrainingError, TreasureError
from treasure.files import remove_folder, told_when_full
from treasure.jsonl import write_json
from treasure.model.module import MarkerLM
from treasure.ranks import rank
from treasure.stopping import listen_again, stop_asked
from treasure.training.config import TrainerConfig
from treasure.training.loggers import MetricsFile
from treasure.training.processes import leave_together
from treasure.training.saved_steps import PROGRESS_FILE, saved_steps, state_path
from treasure.training.state import capture, put_weights, restore
from treasure.training.state_folder import StateFolder

_PROGRESS_EVERY_S = 2.0
_LEAST_PAUSE = 100
"""A save that took a second is followed by at least this many seconds of training: saving costs under 1 %."""


class StateKeeper(pl.Callback):
    """Saves the state of the training in `run_folder`, and puts a new start where the newest one was taken.

    Ends the training with `Interrupted` at the first whole step after a signal asked for it.

    Raises:
        CheckpointError: the saved state belongs to a training with another `identity`.
    """

    def __init__(
        self,
        run_folder: Path,
        identity: Mapping[str, str | int],
        trainer: TrainerConfig,
        num_steps: int,
        tell: Callable[[str], None],
    ) -> None:
        self._states = StateFolder(state_path(run_folder), identity)
        self._found = self._states.newest(tell)
        self._progress_file = run_folder / PROGRESS_FILE
        self._every_steps, self._every_s = trainer.save_every_steps, _seconds(trainer.save_every_minutes)
        self._num_steps, self._is_sharded = num_steps, trainer.is_sharded
        self._seconds_before = 0.0 if self._found is None else float(self._found.values["train_seconds"])
        self.first_step = 0 if self._found is None else self._found.step
        """The optimizer step, from 0, with which this start begins."""
        self._saved_step = self.first_step
        self._started = self._saved_at = time.perf_counter()
        self._told_at = -_PROGRESS_EVERY_S
        self._save_s = 0.0
        self._tells = rank(trainer.num_processes) == 0

    @property
    def train_seconds(self) -> float:
        """Time of training up to now that the result is made of, over all starts, in seconds."""
        return self._seconds_before + time.perf_counter() - self._started

    @contextmanager
    def errors_name_the_state(self) -> Iterator[None]:
        """Adds to the errors of a training what is kept of it.

        Raises:
            TrainingError: what stopped the training, and from where it can go on.
        """
        try:
            with told_when_full("the training's files"):
                yield
        except TreasureError as error:
            raise TrainingError(f"{error} {self._kept()}") from error

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Goes on from the newest state, if there is one."""
        listen_again()  # Lightning's own handler would end the training within a step
        if self._found is not None:
            assert isinstance(pl_module, MarkerLM)
            restore(self._found, trainer, pl_module)
            self._found = None  # its memory is needed
        self._started = self._saved_at = time.perf_counter()

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Saves when it is time to, or when a signal asks to stop."""
        if batch_idx % trainer.accumulate_grad_batches:
            return
        self._tell_progress(trainer.global_step)
        due = trainer.is_global_zero and self._is_due(trainer.global_step)  # one clock decides for all processes
        if not _anywhere(trainer, due or bool(stop_asked())):
            return
        self._save(trainer, pl_module)
        if asked := _asked_anywhere(trainer):
            leave_together()
            raise Interrupted(asked, f"from step {trainer.global_step} of {self._num_steps}")

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Saves once more, so that nothing is lost where the model cannot be written."""
        self._save(trainer, pl_module)

    def take_end(self, module: MarkerLM) -> None:
        """Puts what an earlier start had learned to the end into `module`."""
        assert self._found is not None and self._found.step == self._num_steps
        put_weights(self._found, module)
        self._found = None  # its memory is needed

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Saves what was learned before data went missing, which happens while a step is fetched.

        A model that is cut over processes is left as it was last saved: the others may not have met the exception.
        """
        if isinstance(exception, DataError) and not self._is_sharded:
            self._save(trainer, pl_module)

    def _is_due(self, step: int) -> bool:
        if step == self._saved_step:
            return False
        if self._every_steps is not None and step % self._every_steps == 0:
            return True
        return is_due(time.perf_counter() - self._saved_at, every_s=self._every_s, save_s=self._save_s)

    def _save(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Saves the state unless this very one is saved or nothing is learned yet; the first process writes."""
        if trainer.global_step == self._saved_step:
            return
        assert isinstance(module, MarkerLM)
        started = time.perf_counter()
        for logger in trainer.loggers:
            if isinstance(logger, MetricsFile):
                logger.sync()
        state = capture(trainer, module, train_seconds=self.train_seconds)
        if trainer.is_global_zero:
            self._states.save(state)
        self._saved_step, self._saved_at = trainer.global_step, time.perf_counter()
        self._save_s = self._saved_at - started

    def _tell_progress(self, step: int) -> None:
        now = time.perf_counter()
        if self._tells and now - self._told_at >= _PROGRESS_EVERY_S:
            self._told_at = now
            facts = {"step": step, "num_steps": self._num_steps, "first_step": self.first_step}
            write_json(self._progress_file, {**facts, "seconds": round(now - self._started, 3)})

    def _kept(self) -> str:
        steps = saved_steps(self._states.path)
        if not steps:
            return "No state was saved yet, so the same command starts at the first step."
        folder = self._states.path / f"step-{steps[0]}"
        return f"The last good state is that of step {steps[0]}, kept in '{folder}'; the same command goes on from it."


def _asked_anywhere(trainer: pl.Trainer) -> str:
    """The signal that some process of the training got: all of them stop after the same step."""
    asked = stop_asked()
    return (asked or "SIGTERM") if _anywhere(trainer, bool(asked)) else ""


def _anywhere(trainer: pl.Trainer, here: bool) -> bool:
    """Whether it is so in some process; all of them ask at once."""
    return trainer.strategy.reduce_boolean_decision(here, all=False)


def is_due(waited_s: float, *, every_s: float | None, save_s: float) -> bool:
    """Whether to save `waited_s` seconds after the last save, which took `save_s`; never without `every_s`."""
    return every_s is not None and waited_s >= max(every_s, _LEAST_PAUSE * save_s)


def forget_states(run_folder: Path) -> None:
    """Removes what only an unfinished training needs."""
    remove_folder(state_path(run_folder))
    (run_folder / PROGRESS_FILE).unlink(missing_ok=True)


def _seconds(minutes: float | None) -> float | None:
    return None if minutes is None else 60 * minutes
