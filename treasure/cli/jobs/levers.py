"""The job of `treasure-evaluate levers`: measures the levers of a finished run and calibrates them."""

from collections.abc import Callable
from pathlib import Path

from treasure.cli.console import quiet_libraries, say
from treasure.cli.jobs.inputs import load_inputs
from treasure.config.evaluate_schema import LeverStudiesCommand
from treasure.config.run_config import read_run_config
from treasure.config.run_lock import run_lock
from treasure.config.schema import RunCommand
from treasure.errors import ConfigError, DataError, Interrupted, LeverError, TaxonomyError, TreasureError
from treasure.evaluation.sandbox import run_code
from treasure.evaluation.studies.choosing import choosing_rows
from treasure.evaluation.studies.disagreement import disagreement_rows
from treasure.evaluation.studies.entanglement import entanglement_rows
from treasure.evaluation.studies.guidance import guidance_rows
from treasure.evaluation.studies.lengths import lengths_rows
from treasure.evaluation.studies.posteriors import posteriors_rows
from treasure.evaluation.studies.rows import Row
from treasure.evaluation.studies.study import StudyInputs, halves, of_world, write_rows
from treasure.files import told_when_full
from treasure.model.checkpoint import load_checkpoint
from treasure.model.levers import ExpectedLevers
from treasure.plurals import plural
from treasure.world.oracle import Oracle

Study = Callable[[StudyInputs, LeverStudiesCommand], list[Row]]
_STUDIES: dict[str, Study] = {
    "posteriors": lambda inputs, config: posteriors_rows(inputs, config.posteriors),
    "lengths": lambda inputs, config: lengths_rows(inputs, config.lengths),
    "disagreement": lambda inputs, config: disagreement_rows(inputs, config.disagreement),
    "guidance": lambda inputs, config: guidance_rows(inputs, config.guidance),
    "choosing": lambda inputs, config: choosing_rows(inputs, config.choosing),
    "entanglement": lambda inputs, config: entanglement_rows(inputs, config.entanglement),
}
_WORLD_ONLY = ("guidance", "choosing")
"""Studies whose answers only an oracle can judge."""


def run(config: LeverStudiesCommand) -> None:
    """Runs the studies one after the other; each is kept when it is done.

    Raises:
        Interrupted: a signal came; it tells which studies are left.
        ConfigError: as `_inputs` does, another process works in the run, or a study cannot be made with this model;
            the others are made first.
    """
    quiet_libraries()
    folder = Path(config.run)
    inputs = _inputs(config, folder)
    failed: dict[str, TreasureError] = {}
    with run_lock(folder), told_when_full(f"the studies of the run '{folder}'"):
        for place, name in enumerate(config.studies.names):
            try:
                _measure(name, inputs, config, folder)
            except (ConfigError, DataError, LeverError, TaxonomyError) as error:
                failed[name] = error
                say(f"{name}: not measured.")
            except Interrupted as stop:
                left = ",".join(config.studies.names[place:])
                raise Interrupted(
                    stop.signal, f"from the first study; with studies.names=[{left}] from '{name}'"
                ) from stop
    if failed:
        reasons = " ".join(f"{name}: {error}" for name, error in failed.items())
        raise ConfigError(f"Not measured: {', '.join(failed)}; what is done is kept. {reasons}")
    say("treasure-report shows them in the report of this run's group.")


def _measure(name: str, inputs: StudyInputs, config: LeverStudiesCommand, folder: Path) -> None:
    if inputs.world is None and name in _WORLD_ONLY:
        say(f"{name}: left out, since only the world knows how its answers should be.")
        return
    path = write_rows(folder, name, rows := _STUDIES[name](inputs, config))
    say(f"{name}: {plural(len(rows), 'row')} in {path}")


def _inputs(config: LeverStudiesCommand, folder: Path) -> StudyInputs:
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
