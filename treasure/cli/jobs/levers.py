"""The job of `treasure-evaluate levers`: measures the levers of a finished run and calibrates them."""

from collections.abc import Callable
from pathlib import Path

from treasure.cli.console import quiet_libraries, say
from treasure.cli.jobs.inputs import load_inputs
from treasure.config.run_config import read_run_config
from treasure.config.schema import LeversCommand, RunCommand
from treasure.errors import ConfigError
from treasure.evaluation.sandbox import run_code
from treasure.evaluation.studies.choosing import choosing_rows
from treasure.evaluation.studies.disagreement import disagreement_rows
from treasure.evaluation.studies.guidance import guidance_rows
from treasure.evaluation.studies.lengths import lengths_rows
from treasure.evaluation.studies.posteriors import posteriors_rows
from treasure.evaluation.studies.study import Row, StudyInputs, halves, of_world, write_rows
from treasure.model.checkpoint import load_checkpoint
from treasure.model.levers import ExpectedLevers
from treasure.plurals import plural
from treasure.world.oracle import Oracle

Study = Callable[[StudyInputs, LeversCommand], list[Row]]
_STUDIES: dict[str, Study] = {
    "posteriors": lambda inputs, config: posteriors_rows(inputs, config.posteriors),
    "lengths": lambda inputs, config: lengths_rows(inputs, config.lengths),
    "disagreement": lambda inputs, config: disagreement_rows(inputs, config.disagreement),
    "guidance": lambda inputs, config: guidance_rows(inputs, config.guidance),
    "choosing": lambda inputs, config: choosing_rows(inputs, config.choosing),
}
_WORLD_ONLY = ("guidance", "choosing")
"""Studies whose answers only an oracle can judge."""


def run(config: LeversCommand) -> None:
    """Runs the studies one after the other; each is kept when it is done."""
    quiet_libraries()
    folder = Path(config.run)
    inputs = _inputs(config, folder)
    for name in config.studies.names:
        if inputs.world is None and name in _WORLD_ONLY:
            say(f"{name}: left out, since only the world knows how its answers should be.")
            continue
        path = write_rows(folder, name, rows := _STUDIES[name](inputs, config))
        say(f"{name}: {plural(len(rows), 'row')} in {path}")
    say("treasure-report shows them in the report of this run's group.")


def _inputs(config: LeversCommand, folder: Path) -> StudyInputs:
    """The model of the run and what it never saw.

    Raises:
        ConfigError: the run has no markers, or too few held-out prompts.
        CheckpointError: there is no model, or it was trained with another taxonomy.
    """
    options = read_run_config(folder, RunCommand)
    loaded = load_inputs(options)
    checkpoint = load_checkpoint(folder / "model", ExpectedLevers(loaded.taxonomy, options.markers.mode))
    if checkpoint.surface is None or not checkpoint.style.writes_header:
        raise ConfigError(
            f"The model of '{folder}' writes no header by itself, so there is nothing to measure here. Give a run with "
            "markers whose header is learned."
        )
    world = loaded.world
    if world is not None:
        fit, test = of_world(world, "levers_fit"), of_world(world, "levers_test")
    else:
        first, second = halves(loaded.corpus.validation)
        fit, test = (lambda size: first[:size]), (lambda size: second[:size])
    return StudyInputs(
        checkpoint=checkpoint,
        model_folder=folder / "model",
        generation=config.generation,
        accelerator=options.trainer.accelerator,
        seed=options.seed,
        fit=fit,
        test=test,
        world=world,
        oracle=None if world is None else Oracle(world, run_code),
    )
