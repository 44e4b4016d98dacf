"""The job of `treasure-evaluate markers`: what a model of a finished run knows of prompts that it never saw."""

from dataclasses import replace
from pathlib import Path

from treasure.analysis.scores.marker_prediction import ALL, marker_figures
from treasure.cli.console import console, quiet_libraries, say
from treasure.cli.figures_file import FIGURES, write_figures
from treasure.cli.figures_table import figures_table
from treasure.cli.jobs.benchmarks import make_folder
from treasure.cli.jobs.inputs import load_inputs
from treasure.cli.jobs.trained import read_frequency
from treasure.config.evaluate_schema import MarkersCommand
from treasure.config.run_config import read_run_config
from treasure.config.run_folder import to_plain
from treasure.config.run_lock import run_lock
from treasure.config.schema import RunCommand
from treasure.errors import ConfigError
from treasure.evaluation.asking import AskedModel, ask
from treasure.evaluation.benchmarks.marker_prediction import MarkerPrediction, answer_headers
from treasure.evaluation.record import Regime
from treasure.evaluation.run_benchmark import RECORDS, Setting, run_benchmark
from treasure.evaluation.studies.study import of_world
from treasure.files import told_when_full
from treasure.inference.levers import LeverSet
from treasure.inference.posterior import Posteriors
from treasure.inference.posterior_calibration import read_calibration
from treasure.model.checkpoint import load_checkpoint
from treasure.model.levers import ExpectedLevers
from treasure.model.weights import weights_sum
from treasure.plurals import plural

_DRAWN_PER_PROMPT = 2
"""Examples that are drawn of the world for each prompt: some are dropped, being in the training data."""


def run(config: MarkersCommand) -> None:
    """Asks for the header of each held-out prompt, and writes records and figures.

    Raises:
        ConfigError: the folder is no run, or its model writes no header by itself.
        DataError: nothing was held out.
    """
    quiet_libraries()
    path = Path(config.run)
    options = read_run_config(path, RunCommand)
    inputs = load_inputs(options)
    checkpoint = load_checkpoint(path / "model", ExpectedLevers(inputs.taxonomy, options.markers.mode))
    if checkpoint.surface is None or not checkpoint.style.writes_header:
        raise ConfigError(f"The model of '{path}' writes no header by itself, so it predicts no marker.")
    held_out = inputs.corpus.validation
    if inputs.world is not None:
        held_out = of_world(inputs.world, "levers_test")(_DRAWN_PER_PROMPT * config.marker_prediction.max_prompts)
    benchmark = MarkerPrediction(
        config.marker_prediction,
        inputs.taxonomy,
        list(inputs.corpus.train),
        held_out,
        read_frequency(path),
        options.data.tail_threshold,
    )
    answering = answer_headers(checkpoint, config.generation, options.trainer.accelerator)
    parent = Path(config.folder) if config.folder else _folder(config, path)
    folder = parent / benchmark.name
    make_folder(folder)
    with run_lock(folder), told_when_full(f"the evaluation in '{folder}'"):
        prompts = benchmark.prompts()
        model = AskedModel(taxonomy=inputs.taxonomy, style=checkpoint.style, beside=LeverSet())
        asked, _ = ask(prompts, [Regime.INFERRED], model)
        facts = {"weights": weights_sum(path / "model"), "options": to_plain(config.marker_prediction)}
        setting = Setting(benchmark=benchmark.name, facts=facts)
        records = run_benchmark(benchmark, asked, answering, folder, setting, seed=options.seed)
        calibration = read_calibration(path / "model", checkpoint.taxonomy)
        posteriors = Posteriors(checkpoint, config.generation, options.trainer.accelerator, calibration)
        figures = marker_figures(records, benchmark.beliefs(posteriors, prompts), how=config.resampling)
        write_figures(folder, benchmark.name, "marker_prediction", figures, config.resampling)
    shown = [
        replace(figure, slices={name: value for name, value in figure.slices.items() if name != "group"})
        for figure in figures
        if figure.metric == "accuracy" and figure.slices["group"] == ALL
    ]
    console.print(figures_table(benchmark.name, shown, most=len(shown), failed="not said"))
    say(f"Accuracy for all prompts; {FIGURES} has head and tail, and the other figures.")
    say(f"{benchmark.name}: {plural(len(records), 'record')} in {folder}: {RECORDS}, {FIGURES}")


def _folder(config: MarkersCommand, path: Path) -> Path:
    whole = path.resolve()
    return Path(config.paths.outputs) / "evaluations" / whole.parent.name / whole.name
