"""`treasure-train`: trains one model and exports it into its run folder."""

import json
from dataclasses import asdict
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
from treasure.model.checkpoint import save_checkpoint
from treasure.model.tokenizer import pad_id
from treasure.training.budget import steps_for_tokens
from treasure.training.fit import FitSummary, fit
from treasure.training.hardware import has_compiler
from treasure.training.loggers import finish, make_loggers
from treasure.training.prepare import prepare

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
    """Trains and exports to `folder/model`; a model that an earlier start finished is taken as it is."""
    if (folder / SUMMARY_FILE).is_file() and (folder / "model").is_dir():
        say(f"{folder.name}: already trained")
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
        header_loss_weight=config.batch.header_loss_weight,
        tail_threshold=config.data.tail_threshold,
    )
    for note in (*corpus.notes, prepared.dataset.report.describe()):
        say(f"{folder.name}: {note}")
    pd.DataFrame(prepared.frequency.table(config.data.tail_threshold)).to_csv(folder / "frequency.csv", index=False)
    write_json(folder / FREQUENCY_FILE, prepared.frequency.to_dict())
    if config.data.tail_upsampling > 1:
        say(
            f"{folder.name}: training draws the {prepared.is_tail.mean():.1%} of examples with a tail value "
            f"{config.data.tail_upsampling:g} times as often as the others; frequency.csv counts the data without this"
        )
    checkpoint = prepared.checkpoint

    def batches(num_steps: int) -> MicroBatchDataset:
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
        )

    num_steps = config.trainer.num_steps(len(prepared.dataset), config.batch.global_batch_size)
    if config.trainer.max_tokens is not None:
        num_steps = steps_for_tokens(batches, config.trainer.max_tokens, num_steps)
    summary = fit(
        checkpoint.model,
        batches(num_steps),
        num_steps,
        batch=config.batch,
        optimizer=config.optimizer,
        scheduler=config.scheduler,
        trainer=config.trainer,
        callbacks=config.callbacks,
        seed=config.seed,
        loggers=loggers,
        keep_snapshot=lambda step: save_checkpoint(checkpoint, folder / "snapshots" / f"step-{step}"),
        attention=config.model.attention,
        compile_model=_wants_compile(config),
    )
    save_checkpoint(checkpoint, folder / "model")
    write_json(folder / SUMMARY_FILE, asdict(summary))
    return summary


def _wants_compile(config: RunCommand) -> bool:
    if config.model.compile and not has_compiler():
        say("model.compile is set, but there is no C++ compiler: training goes on without, more slowly.")
        return False
    return config.model.compile


def read_summary(folder: Path) -> FitSummary:
    """What training cost, from the run folder."""
    return FitSummary(**json.loads((folder / SUMMARY_FILE).read_text(encoding="utf-8")))


def read_frequency(folder: Path) -> Frequency:
    """How common each value is among the examples that the run trained on."""
    return Frequency.from_dict(json.loads((folder / FREQUENCY_FILE).read_text(encoding="utf-8")))
