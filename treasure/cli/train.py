"""`treasure-train`: trains one model and exports it into its run folder."""

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path

import pandas as pd
from pytorch_lightning.loggers import Logger

from treasure.cli.console import quiet_libraries, say
from treasure.cli.inputs import Inputs, load_inputs, open_run_folder
from treasure.config.launch import launch
from treasure.config.run_folder import to_plain
from treasure.config.schema import RunCommand
from treasure.data.batches import MicroBatchDataset
from treasure.data.frequency import Frequency
from treasure.jsonl import write_json
from treasure.markers.config import MarkerMode
from treasure.model.card import TrainingStory
from treasure.model.checkpoint import save_checkpoint
from treasure.model.tokenizer import pad_id
from treasure.stopping import deferred_stop
from treasure.training.fit import FitSummary, fit
from treasure.training.hardware import has_compiler
from treasure.training.keeper import StateKeeper, forget_states
from treasure.training.loggers import finish, make_loggers
from treasure.training.metrics_file import METRICS_FILE, keep_metrics_before
from treasure.training.prepare import Prepared, prepare
from treasure.training.state import layout
from treasure.training.story import tell

SUMMARY_FILE = "training.json"
FREQUENCY_FILE = "frequency.json"


def main() -> None:
    """Entry point of `treasure-train`."""
    launch(RunCommand, "run", run)


def run(config: RunCommand) -> None:
    """Trains what `config` says, unless its run folder already holds that model; `treasure-evaluate` completes it."""
    quiet_libraries()
    folder = open_run_folder(config)
    with folder.work(whole=False):
        loggers = run_loggers(config, folder.path)
        try:
            train(config, load_inputs(config), folder.path, loggers)
        except BaseException:
            finish(loggers, succeeded=False)
            raise
        finish(loggers, succeeded=True)
    say(f"Model: {folder.path / 'model'}")


def run_loggers(config: RunCommand, folder: Path) -> list[Logger]:
    """The loggers of one run; the folder's name is the run's name."""
    settings = to_plain(config)
    return make_loggers(config.logger, folder, name=folder.name, group=config.group, settings=settings)


def train(config: RunCommand, inputs: Inputs, folder: Path, loggers: list[Logger]) -> FitSummary:
    """Trains and exports to `folder/model`; goes on where an earlier start was cut short.

    A model that an earlier start finished is taken as it is.

    Raises:
        TrainingError: the training cannot go on; the last good state is kept.
        Interrupted: a signal asked to stop, and the state is saved.
    """
    if (folder / SUMMARY_FILE).is_file() and (folder / "model").is_dir():
        say(f"{folder.name}: already trained")
        forget_states(folder)
        return read_summary(folder)
    corpus = inputs.corpus
    prepared = prepare(
        corpus,
        inputs.taxonomy,
        markers=config.markers,
        model=config.model,
        template=config.data.template,
        overflow=config.data.overflow,
        seed=config.seed,
        cache=Path(config.paths.outputs) / "cache",
    )
    for note in (*corpus.notes, prepared.dataset.report.describe()):
        say(f"{folder.name}: {note}")
    pd.DataFrame(prepared.frequency.table(config.data.tail_threshold)).to_csv(folder / "frequency.csv", index=False)
    write_json(folder / FREQUENCY_FILE, prepared.frequency.to_dict())
    num_steps = config.trainer.num_steps(len(prepared.dataset), config.batch.global_batch_size)
    checkpoint = prepared.checkpoint
    batches = partial(
        MicroBatchDataset,
        prepared.dataset,
        config.batch,
        num_steps=num_steps,
        seed=config.seed,
        pad_id=pad_id(checkpoint.tokenizer),
        dropout=None if config.markers.mode is MarkerMode.NONE else config.markers.dropout,
    )
    identity = {"run": folder.name, "examples": batches().examples_key(), "layout": layout(checkpoint.model)}
    keeper = StateKeeper(folder, identity, config.trainer, num_steps, tell=lambda text: say(f"{folder.name}: {text}"))
    if keeper.first_step:
        say(f"{folder.name}: going on at step {keeper.first_step} of {num_steps}")
    keep_metrics_before(folder / METRICS_FILE, keeper.first_step)
    with deferred_stop():
        summary = fit(
            checkpoint.model,
            batches(first_step=keeper.first_step),
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
            compile_model=_wants_compile(config),
        )
        with keeper.errors_name_the_state():
            save_checkpoint(checkpoint, folder / "model", _story(config, inputs, prepared, num_steps))
            write_json(folder / SUMMARY_FILE, asdict(summary))
        forget_states(folder)
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
        tail_threshold=config.data.tail_threshold,
        seed=config.seed,
        step=step,
    )


def read_summary(folder: Path) -> FitSummary:
    """What training cost, from the run folder."""
    return FitSummary(**json.loads((folder / SUMMARY_FILE).read_text(encoding="utf-8")))


def read_frequency(folder: Path) -> Frequency:
    """How common each value is among the examples that the run trained on."""
    return Frequency.from_dict(json.loads((folder / FREQUENCY_FILE).read_text(encoding="utf-8")))
