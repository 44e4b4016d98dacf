"""The job of `treasure-train`: trains one model and exports it into its run folder."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pandas as pd
from pytorch_lightning.loggers import Logger

from treasure.cli.console import quiet_libraries, say
from treasure.cli.jobs.inputs import Inputs, check_regimes, load_inputs, open_run_folder, prepared_from
from treasure.cli.jobs.trained import FREQUENCY_FILE, SUMMARY_FILE, read_summary
from treasure.config.job_file import job_file
from treasure.config.run_folder import to_plain
from treasure.config.schema import RunCommand
from treasure.data.batches import MicroBatchDataset
from treasure.errors import ConfigError
from treasure.files import sync
from treasure.jsonl import write_json
from treasure.markers.config import MarkerMode
from treasure.model.card import TrainingStory
from treasure.model.checkpoint import save_checkpoint
from treasure.model.frozen import frozen_digest
from treasure.model.tokenizer import pad_id
from treasure.ranks import is_started, rank
from treasure.stopping import deferred_stop
from treasure.training.budget import steps_for_tokens
from treasure.training.fit import FitSummary, fit
from treasure.training.hardware import (
    check_compiler_paths,
    check_devices,
    device_type,
    has_compiler,
    resolve_precision,
)
from treasure.training.keeper import StateKeeper, forget_states
from treasure.training.loggers import finish, make_loggers
from treasure.training.metrics_file import METRICS_FILE, keep_metrics_before
from treasure.training.prepare import Prepared
from treasure.training.processes import leave_together, run_on_processes
from treasure.training.state import layout
from treasure.training.story import tell


def run(config: RunCommand) -> None:
    """Trains what `config` says, unless its run folder already holds that model; `treasure-evaluate` completes it."""
    quiet_libraries()
    check_regimes(config)
    folder = open_run_folder(config)
    with folder.work(whole=False, rank=rank(config.trainer.num_processes)):
        loggers = run_loggers(config, folder.path)
        try:
            train(config, load_inputs(config), folder.path, loggers)
        except BaseException:
            finish(loggers, succeeded=False)
            raise
        finish(loggers, succeeded=True)
    say(f"Model: {folder.path / 'model'}")


def run_loggers(config: RunCommand, folder: Path) -> list[Logger]:
    """The loggers of one run; the folder's name is the run's name. Only the first of several processes has any."""
    if rank(config.trainer.num_processes) != 0:
        return []
    settings = to_plain(config)
    return make_loggers(config.logger, folder, name=folder.name, group=config.group, settings=settings)


def train(
    config: RunCommand,
    inputs: Inputs,
    folder: Path,
    loggers: list[Logger],
    check: Callable[[Prepared], None] = lambda prepared: None,
) -> FitSummary:
    """Trains and exports to `folder/model`; goes on where an earlier start was cut short.

    A model that an earlier start finished is taken as it is. Where several processes are asked for and no launcher
    has started them, they are started here. `check` sees what is prepared before the first step, and may refuse it.

    Raises:
        ConfigError: more processes than this machine has devices or cores; several machines are asked for, but no
            launcher started this process on one of them; or a compiled model, and a path keeps the compiler from it.
        TrainingError: the training cannot go on; the last good state is kept.
        Interrupted: a signal asked to stop, and the state is saved.
    """
    if (folder / SUMMARY_FILE).is_file() and (folder / "model").is_dir():
        say(f"{folder.name}: already trained")
        forget_states(folder)
        return read_summary(folder)
    check_devices(config.trainer.accelerator, config.trainer.devices)
    if config.model.compile and has_compiler():
        check_compiler_paths()
    if config.trainer.num_processes == 1 or is_started(config.trainer.num_processes):
        return train_here(config, inputs, folder, loggers, check)
    if config.trainer.num_nodes > 1:
        raise ConfigError(
            f"trainer.num_nodes={config.trainer.num_nodes}, but nothing started this process as one of "
            f"{config.trainer.num_processes} on several machines. Start the command by srun, or by torchrun on each "
            "machine, with as many processes; see docs/scaling.md."
        )
    check(prepared_from(config, inputs))  # here, so that not every process tokenizes
    with job_file(folder, config):
        run_on_processes("treasure.cli.worker", folder, config.trainer.devices)
    return read_summary(folder)


def train_here(
    config: RunCommand,
    inputs: Inputs,
    folder: Path,
    loggers: list[Logger],
    check: Callable[[Prepared], None] = lambda prepared: None,
) -> FitSummary:
    """Trains in this process, which may be one of several; the first of them writes. `check` is that of `train`."""
    number = rank(config.trainer.num_processes)
    prepared, writes = prepared_from(config, inputs), number == 0
    check(prepared)
    if writes:
        for note in (*inputs.corpus.notes, prepared.dataset.report.describe()):
            say(f"{folder.name}: {note}")
        table = prepared.frequency.table(config.data.tail_threshold)
        pd.DataFrame(table).to_csv(folder / "frequency.csv", index=False)
        write_json(folder / FREQUENCY_FILE, prepared.frequency.to_dict())
        if config.data.tail_upsampling > 1:
            say(
                f"{folder.name}: training draws the {prepared.is_tail.mean():.1%} of examples with a tail value "
                f"{config.data.tail_upsampling:g} times as often as the others; frequency.csv counts the data without"
            )
    checkpoint = prepared.checkpoint

    def batches(num_steps: int, first_step: int = 0) -> MicroBatchDataset:
        return MicroBatchDataset(
            prepared.dataset,
            config.batch,
            num_steps=num_steps,
            seed=config.seed,
            pad_id=pad_id(checkpoint.tokenizer),
            dropout=None if config.markers.mode is MarkerMode.NONE else config.markers.dropout,
            style=checkpoint.style,
            is_tail=prepared.is_tail,
            tail_upsampling=config.data.tail_upsampling,
            first_step=first_step,
            rank=number,
            num_processes=config.trainer.num_processes,
        )

    num_steps = config.trainer.num_steps(len(prepared.dataset), config.batch.global_batch_size)
    if config.trainer.max_tokens is not None:
        num_steps = steps_for_tokens(batches, config.trainer.max_tokens, num_steps)
    identity = {
        "run": folder.name,
        "examples": batches(num_steps).examples_key(),
        "layout": layout(checkpoint.model),
        "precision": resolve_precision(config.trainer.precision, device_type(config.trainer.accelerator)),
        "frozen base": frozen_digest(checkpoint.model),
    }
    keeper = StateKeeper(folder, identity, config.trainer, num_steps, tell=lambda text: say(f"{folder.name}: {text}"))
    if writes and keeper.first_step:
        say(f"{folder.name}: going on at step {keeper.first_step} of {num_steps}")
    if writes:
        keep_metrics_before(folder / METRICS_FILE, keeper.first_step)
    with deferred_stop():
        summary = fit(
            checkpoint.model,
            batches(num_steps, keeper.first_step),
            num_steps,
            batch=config.batch,
            optimizer=config.optimizer,
            scheduler=config.scheduler,
            trainer=config.trainer,
            callbacks=config.callbacks,
            seed=config.seed,
            loggers=loggers,
            keep_snapshot=lambda step: save_checkpoint(
                checkpoint, folder / "snapshots" / f"step-{step}", _story(config, inputs, prepared, step)
            ),
            keeper=keeper,
            attention=config.model.attention,
            gradient_checkpointing=config.model.gradient_checkpointing,
            compile_model=_wants_compile(config),
        )
        if writes:
            with keeper.errors_name_the_state():
                save_checkpoint(checkpoint, folder / "model", _story(config, inputs, prepared, num_steps))
                write_json(folder / SUMMARY_FILE, asdict(summary))
                for path in (folder / SUMMARY_FILE, folder):  # on the disk before the states are gone
                    sync(path)
            forget_states(folder)
        leave_together()
    return summary


def _wants_compile(config: RunCommand) -> bool:
    if config.model.compile and not has_compiler():
        say("model.compile is set, but there is no C++ compiler: training goes on without, more slowly.")
        return False
    return config.model.compile


def _story(config: RunCommand, inputs: Inputs, prepared: Prepared, step: int) -> TrainingStory:
    return tell(
        prepared,
        inputs.corpus,
        markers=config.markers,
        model=config.model,
        batch=config.batch,
        optimizer=config.optimizer,
        trainer=config.trainer,
        datasets=["world"] if inputs.world is not None else config.data.datasets,
        tail_threshold=config.data.tail_threshold,
        seed=config.seed,
        step=step,
    )
