"""The job of `treasure-evaluate`: asks a trained model every prompt in every regime and writes `records.jsonl`."""

import time
from dataclasses import asdict
from pathlib import Path

from pytorch_lightning.loggers import Logger

from treasure.cli.console import quiet_libraries, say
from treasure.cli.jobs.inputs import Inputs, levers_beside, load_inputs, open_run_folder
from treasure.cli.jobs.train import run_loggers
from treasure.cli.jobs.trained import read_frequency, read_summary, told_to_train_again
from treasure.config.schema import RunCommand
from treasure.data.frequency import Frequency
from treasure.data.splits import opening
from treasure.errors import CheckpointError, ConfigError, did_you_mean
from treasure.evaluation.benchmarks.heldout import evaluate_heldout, fitting_examples
from treasure.evaluation.benchmarks.world import evaluate_world
from treasure.evaluation.config import fitting_regimes
from treasure.evaluation.record import EvaluationRecord, Regime, write_records
from treasure.evaluation.sandbox import LANGUAGES, available, run_code
from treasure.inference.generate import Generator
from treasure.jsonl import write_json
from treasure.markers.config import MarkerMode
from treasure.model.checkpoint import load_checkpoint
from treasure.model.levers import ExpectedLevers
from treasure.training.fit import FitSummary
from treasure.training.loggers import finish, log_table
from treasure.training.prepare import Prepared, room_encoder
from treasure.world.oracle import Oracle
from treasure.world.world import World, WorldPrompt

RECORDS_FILE = "records.jsonl"
SAMPLE_COLUMNS = ("benchmark", "regime", "levers", "prompt", "header", "content", "scores")


def run(config: RunCommand) -> None:
    """Evaluates the model that `treasure-train` left in the run folder of the same configuration: the run is done."""
    quiet_libraries()
    folder = open_run_folder(config)
    with folder.work():
        loggers = run_loggers(config, folder.path)
        try:
            records = evaluate(config, load_inputs(config), folder.path, loggers)
        except BaseException:
            finish(loggers, succeeded=False)
            raise
        finish(loggers, succeeded=True)
    say(f"{len(records)} records: {folder.path / RECORDS_FILE}")


def evaluate(config: RunCommand, inputs: Inputs, folder: Path, loggers: list[Logger]) -> list[EvaluationRecord]:
    """Evaluates the snapshots in their regimes, then the model in all of its own.

    Raises:
        LeversError: the model in `folder` was trained with another taxonomy.
        CheckpointError: there is none, or something that the training left beside it is missing or damaged.
    """
    started = time.perf_counter()
    if not (folder / "model").is_dir():
        raise CheckpointError(f"'{folder}' holds no model. Run treasure-train (or treasure-run) with the same options.")
    steps = {int(path.name.removeprefix("step-")): path for path in (folder / "snapshots").glob("step-*")}
    frequency = read_frequency(folder)
    records: list[EvaluationRecord] = []
    for step, path in sorted(steps.items()):
        records += _evaluate_model(
            config, inputs, frequency, path, step, config.benchmark.snapshot_regimes, snapshot=True
        )
    step = read_summary(folder).steps
    records += _evaluate_model(
        config, inputs, frequency, folder / "model", step, config.benchmark.regimes, snapshot=False
    )
    write_records(folder / RECORDS_FILE, records)
    _write_summary(config, read_summary(folder), time.perf_counter() - started, folder)
    _tell_unscored(records)
    _log_samples(config, [record for record in records if record.step == step], loggers)
    return records


def _evaluate_model(
    config: RunCommand,
    inputs: Inputs,
    frequency: Frequency,
    path: Path,
    step: int,
    regimes: list[str],
    *,
    snapshot: bool,
) -> list[EvaluationRecord]:
    expected = ExpectedLevers(inputs.taxonomy, config.markers.mode, config.data.template)
    with told_to_train_again(path.parent if path.name == "model" else path.parent.parent):
        checkpoint = load_checkpoint(path, expected)
    generator = Generator(checkpoint, config.generation, config.trainer.accelerator)
    option = "benchmark.snapshot_regimes" if snapshot else "benchmark.regimes"
    chosen = [Regime.BASELINE]
    if config.markers.mode is not MarkerMode.NONE:
        chosen = fitting_regimes(regimes, checkpoint.style, option)
        if left_out := [name for name in regimes if name not in chosen]:
            headers = f"headers of placement {checkpoint.style.placement}"
            say(f"{option}: left out {', '.join(left_out)}, which make no sense for {headers}.")
    shared = {"tail_threshold": config.data.tail_threshold, "seed": config.seed, "step": step}
    stride = config.benchmark.snapshot_stride if snapshot else 1
    if inputs.world is not None:
        oracle = Oracle(inputs.world, lambda jobs: run_code(jobs))
        prompts = selected_prompts(config, inputs.world)[::stride]
        levers = {
            "taxonomy": inputs.taxonomy,
            "style": checkpoint.style,
            "beside": levers_beside(config, inputs.taxonomy),
        }
        return evaluate_world(generator, oracle, prompts, chosen, frequency, **levers, **shared)
    examples = inputs.corpus.validation[::stride]
    room = room_encoder(checkpoint, config.markers)
    return evaluate_heldout(checkpoint, generator, examples, chosen, frequency, room=room, option=option, **shared)


def selected_prompts(config: RunCommand, world: World) -> list[WorldPrompt]:
    """The world's prompts of the benchmarks that are asked for."""
    prompts = world.prompts()
    names = sorted({prompt.benchmark for prompt in prompts})
    unknown = [name for name in config.benchmark.names if name not in names]
    if unknown:
        raise ConfigError(
            f"benchmark.names: the world has no benchmark '{unknown[0]}'.{did_you_mean(unknown[0], names)} "
            f"Allowed: {', '.join(names)}."
        )
    return [prompt for prompt in prompts if not config.benchmark.names or prompt.benchmark in config.benchmark.names]


def check_held_out(config: RunCommand, inputs: Inputs, prepared: Prepared) -> None:
    """Refuses a training after which there would be nothing to evaluate.

    Raises:
        ConfigError: the data are files and no prompt was held out, or no held-out example fits the context.
    """
    if inputs.world is not None:
        return
    examples = inputs.corpus.validation
    if not examples:
        num_prompts = len({opening(marked.example) for marked in inputs.corpus.train})
        raise ConfigError(
            f"No prompt was held out to evaluate on: there are {num_prompts}, and data.validation_fraction="
            f"{config.data.validation_fraction:g} of them. Hold out more, such as data.validation_fraction=0.3, give "
            "more data, or only train, by treasure-train."
        )
    room = room_encoder(prepared.checkpoint, config.markers)
    for stride in {1, config.benchmark.snapshot_stride if config.trainer.snapshots else 1}:
        fitting_examples(prepared.checkpoint, examples[::stride], room)


def _tell_unscored(records: list[EvaluationRecord]) -> None:
    """Says how many answers no tool-chain of this machine could score, and why."""
    unscored = [record for record in records if not record.scores]
    if unscored:
        reasons = {language: reason for language in LANGUAGES if (reason := available(language)) is not None}
        say(f"{len(unscored)} of {len(records)} answers have no score and are left out: {reasons}")


def _log_samples(config: RunCommand, records: list[EvaluationRecord], loggers: list[Logger]) -> None:
    """Sends a table of answers, spread evenly over the records, to W&B."""
    if not config.logger.num_samples:
        return
    chosen = records[:: max(1, len(records) // config.logger.num_samples)][: config.logger.num_samples]
    rows = [
        [r.benchmark, str(r.regime), str(r.levers), r.prompt, str(r.predicted), r.content, str(dict(r.scores))]
        for r in chosen
    ]
    log_table(loggers, "samples", SAMPLE_COLUMNS, rows)


def _write_summary(config: RunCommand, summary: FitSummary, evaluation_seconds: float, folder: Path) -> None:
    """`summary.json`: what the report says of a run beside its records."""
    facts = {
        "name": config.name,
        "group": config.group,
        "markers": config.markers.mode.value,
        "seed": config.seed,
        **asdict(summary),
        "evaluation_seconds": round(evaluation_seconds, 3),
    }
    write_json(folder / "summary.json", facts)
