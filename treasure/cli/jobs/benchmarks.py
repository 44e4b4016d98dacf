"""The jobs of `treasure-evaluate benchmark` and `rescore`: public benchmarks on their own files."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from treasure.analysis.answers_page import write_answers_page
from treasure.analysis.config import Resampling
from treasure.analysis.scores.all_figures import figures_of
from treasure.analysis.scores.groups import with_groups
from treasure.cli.console import console, quiet_libraries, say
from treasure.cli.figures_file import FIGURES, is_empty, is_too_long, write_figures
from treasure.cli.figures_table import figures_table
from treasure.cli.jobs.trained import FREQUENCY_FILE, read_frequency
from treasure.config.evaluate_schema import BenchmarksCommand, RescoreCommand
from treasure.config.run_config import read_run_config
from treasure.config.run_folder import to_plain
from treasure.config.run_lock import run_lock
from treasure.config.schema import RunCommand
from treasure.errors import ConfigError, DataError, Interrupted, ScorerError
from treasure.evaluation.asking import AskedModel, ask
from treasure.evaluation.benchmarks.protocol import Benchmark
from treasure.evaluation.config import regimes_of
from treasure.evaluation.record import EvaluationRecord, Regime, read_records, write_records
from treasure.evaluation.run_benchmark import (
    RECORDS,
    SCORES,
    Setting,
    record_stored,
    rescore,
    run_benchmark,
    unscored_reasons,
)
from treasure.evaluation.suite import benchmarks_of, check_files, check_names, stored_answers
from treasure.files import told_when_full
from treasure.inference.backends.build import make_backend
from treasure.inference.backends.protocol import Backend
from treasure.inference.fitting import answer_fitting, prompt_sizes
from treasure.inference.length_calibration import LengthCalibration
from treasure.inference.levers import LeverSet
from treasure.inference.request import Generation, GenerationRequest
from treasure.model.checkpoint import Prompting, load_prompting
from treasure.model.weights import weights_sum
from treasure.plurals import plural

PAGE = "answers.html"


def run(config: BenchmarksCommand) -> None:
    """Runs the benchmarks one after the other; each is kept when it is done.

    Raises:
        Interrupted: a signal came; what is answered and scored is kept.
        ConfigError: options that make no sense for this model, or a folder with answers of another setting.
        DataError: a file of a benchmark is missing or has a bad row.
    """
    quiet_libraries()
    if config.answers:
        config.suite.only(f"'{config.answers}' holds answers")
    check_files(config.suite, config.paths.benchmarks)
    benchmarks = benchmarks_of(config.suite)
    check_names(benchmarks)
    for name, benchmark in ((name, benchmark) for name in config.beside for benchmark in benchmarks.values()):
        _beside(Path(name), benchmark.name)
    parent = _folder(config)
    make_folder(parent)
    with run_lock(parent), told_when_full(f"the evaluation in '{parent}'"):
        try:
            records_of = _stored(config) if config.answers else _answered(config)
            for kind, benchmark in benchmarks.items():
                folder = parent / benchmark.name
                make_folder(folder)
                _finish(kind, benchmark, records_of(kind, benchmark, folder), folder, config.resampling, config.beside)
        except Interrupted as stop:
            raise Interrupted(stop.signal, "behind the answers and scores that are there") from stop


def rescore_folder(config: RescoreCommand) -> None:
    """Scores the answers in the records of one folder anew.

    Raises:
        DataError: there are no records, or they are of another benchmark.
    """
    quiet_libraries()
    folder = Path(config.folder)
    config.suite.only(f"'{folder}' holds records")
    if not (folder / RECORDS).is_file():
        raise DataError(f"'{folder}' holds no {RECORDS}. Name the folder of one benchmark that was run.")
    ((kind, benchmark),) = benchmarks_of(config.suite).items()
    with run_lock(folder), told_when_full(f"the records in '{folder}'"):
        _finish(kind, benchmark, rescore(benchmark, folder), folder, config.resampling, [])


def make_folder(folder: Path) -> None:
    """Makes the folder of an evaluation.

    Raises:
        ConfigError: a file has its name.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"folder: '{folder}' is a file. Name a folder for the results, which need not exist yet.")
    folder.mkdir(parents=True, exist_ok=True)


def _folder(config: BenchmarksCommand) -> Path:
    if config.folder:
        return Path(config.folder)
    model = Path(config.checkpoint).resolve()
    name = model.parent if model.name == "model" else model
    return Path(config.paths.outputs) / "evaluations" / name.parent.name / name.name


_RecordsOf = Callable[[str, Benchmark, Path], list[EvaluationRecord]]


def _stored(config: BenchmarksCommand) -> _RecordsOf:
    """Records of answers that are there."""

    def records_of(kind: str, benchmark: Benchmark, folder: Path) -> list[EvaluationRecord]:
        answers = stored_answers(kind, benchmark, Path(config.answers))
        asked = {prompt.id for prompt in benchmark.prompts()}
        if lacking := asked - {answer.prompt_id for answer in answers}:
            number = f"{len(lacking)} of {plural(len(asked), 'prompt')}"
            say(f"{benchmark.name}: {number} have no answer in {config.answers}.")
        return record_stored(
            benchmark, answers[: config.limit], folder, seed=config.seed, scoring=_scoring(config, kind)
        )

    return records_of


def _answered(config: BenchmarksCommand) -> _RecordsOf:
    """Records of what the model answers."""
    folder = Path(config.checkpoint)
    prompting = load_prompting(folder)
    regimes, model = _regimes(config, prompting), _model(config, prompting)
    backend: list[Backend] = []  # loaded when the first answer is missing

    def answering(requests: Sequence[GenerationRequest], description: str, first: int) -> list[Generation]:
        if not backend:
            backend.append(make_backend(config.backend, config.generation, folder))
        sizes = prompt_sizes(prompting.encoder, requests)
        context = prompting.levers.max_length
        return answer_fitting(backend[0].generate, requests, sizes, context, description, first)

    def records_of(kind: str, benchmark: Benchmark, place: Path) -> list[EvaluationRecord]:
        prompts = list(benchmark.prompts())[: config.limit]
        asked, left_out = ask(prompts, regimes, model, num_samples=config.num_samples)
        if left_out:
            named = ", ".join(f"{lever} ({count}x)" for lever, count in left_out.most_common(5))
            say(f"{benchmark.name}: the model has no such levers, which are left out: {named}.")
        setting = _setting(config, kind, benchmark, regimes)
        records = run_benchmark(benchmark, asked, answering, place, setting, seed=config.seed)
        return _grouped(records, folder.parent, place)

    return records_of


def _grouped(records: list[EvaluationRecord], run_folder: Path, place: Path) -> list[EvaluationRecord]:
    """The records with head and tail of the mixture that the model was trained on, where its run lies beside it."""
    if not (run_folder / FREQUENCY_FILE).is_file() or not (run_folder / "config.yaml").is_file():
        return records
    threshold = read_run_config(run_folder, RunCommand).data.tail_threshold
    found = with_groups(records, read_frequency(run_folder), threshold)
    if found != records:
        write_records(place / RECORDS, found)
    return found


def _regimes(config: BenchmarksCommand, prompting: Prompting) -> list[Regime]:
    if prompting.surface is None:
        if config.levers:
            raise ConfigError(f"The model in '{config.checkpoint}' was trained without markers, so it has no levers.")
        return [Regime.BASELINE]
    fitting = regimes_of(prompting.levers.style)
    found = [Regime(name) for name in config.regimes if Regime(name) in fitting]
    if not found:
        raise ConfigError(
            f"None of regimes={config.regimes} makes sense for this model. Allowed: {', '.join(fitting)}."
        )
    return found


def _model(config: BenchmarksCommand, prompting: Prompting) -> AskedModel:
    levers = prompting.levers
    return AskedModel(
        taxonomy=levers.taxonomy,
        style=levers.style,
        beside=LeverSet.of(levers.taxonomy, config.levers),
        lengths=LengthCalibration.read(Path(config.checkpoint)),
    )


def _setting(config: BenchmarksCommand, kind: str, benchmark: Benchmark, regimes: Sequence[Regime]) -> Setting:
    """What decides the answers; how many run together does not."""
    generation = {name: value for name, value in asdict(config.generation).items() if name != "batch_size"}
    facts = {
        "weights": weights_sum(Path(config.checkpoint)),
        "regimes": [str(regime) for regime in regimes],
        "levers": to_plain(config.levers),
        "num_samples": config.num_samples,
        "seed": config.seed,
        "generation": generation,
        "backend": str(config.backend.kind),
        **{f"backend_{name}": value for name, value in config.backend.deciding.items()},
    }
    plain = json.loads(json.dumps(facts, default=str))
    return Setting(benchmark=benchmark.name, facts=plain, scoring=_scoring(config, kind))


def _scoring(config: BenchmarksCommand, kind: str) -> str:
    """All options of the benchmark, since any may decide scores: the judge, how words are counted, the sandbox."""
    return json.dumps(to_plain(getattr(config.suite, kind)), sort_keys=True, default=str)


def _finish(
    kind: str,
    benchmark: Benchmark,
    records: Sequence[EvaluationRecord],
    folder: Path,
    how: Resampling,
    beside: Sequence[str],
) -> None:
    """Writes the figures and the page of answers, with those of other evaluations beside; shows the main figures.

    Raises:
        ScorerError: a judge was asked, and no game at all has a verdict.
    """
    games, problems = _games(records)
    if games and len(problems) == len(games):
        (folder / SCORES).unlink(missing_ok=True)  # so that the same command asks a judge that was mended
        raise ScorerError(
            f"{benchmark.name}: none of {plural(len(games), 'game')} has a verdict, so there is nothing to report; the "
            f"first: {problems[0]} Mend the judge and give the same command again; the answers are kept."
        )
    figures = figures_of(kind, records, how=how)
    write_figures(folder, benchmark.name, kind, figures, how, records)
    if figures:
        console.print(figures_table(benchmark.name, figures))
    if num_long := len({record.prompt_id for record in records if is_too_long(record)}):
        say(f"{benchmark.name}: {plural(num_long, 'prompt')} did not fit the model's context: not asked, and empty.")
    if num_empty := sum(is_empty(record) and not is_too_long(record) for record in records):
        say(f"{benchmark.name}: {plural(num_empty, 'answer')} of {len(records):,} said nothing.")
    for reason, count in unscored_reasons(records).items():
        say(f"{benchmark.name}: {plural(count, 'answer')} without a score: {reason}")
    if problems:
        number = f"{len(problems):,} of {plural(len(games), 'game')}"
        say(f"{benchmark.name}: {number} without a verdict, counted as lost; the first: {problems[0]}")
    others = {Path(name).name: read_records(_beside(Path(name), benchmark.name)) for name in beside}
    write_answers_page(folder / PAGE, {**others, folder.parent.name: records}, benchmark.name)
    say(f"{benchmark.name}: {plural(len(records), 'record')} in {folder}: {RECORDS}, {FIGURES}, {PAGE}")


def _games(records: Sequence[EvaluationRecord]) -> tuple[list[Mapping[str, Any]], list[str]]:
    """All games of a judge, and why those have no verdict that have none."""
    games = [game for record in records for game in record.details.get("games", ())]
    return games, [game["problem"] for game in games if game["problem"]]


def _beside(folder: Path, name: str) -> Path:
    path = folder / name / RECORDS
    if not path.is_file():
        raise ConfigError(f"beside: '{folder}' holds no records of {name}. Name the folder of another evaluation.")
    return path
