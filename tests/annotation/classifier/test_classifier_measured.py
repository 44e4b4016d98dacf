"""Recomputes the numbers of docs/annotation.md: the world, FLASK, and the default model.

FLASK and the default model need the real data, beside the repository.
"""

import re
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from treasure.annotation.classifier.config import ClassifierTrainConfig
from treasure.annotation.classifier.labelled import labelled_examples, shot_examples
from treasure.annotation.classifier.report import CategoryReport, Report
from treasure.annotation.classifier.train import train_classifier
from treasure.config.composer import conf_dir, open_composer
from treasure.config.schema import RunCommand
from treasure.config.typed import to_typed
from treasure.data.config import DataConfig
from treasure.data.example import MarkedExample
from treasure.jsonl import read_jsonl
from treasure.taxonomy.load import load_taxonomy
from treasure.world.config import WorldConfig
from treasure.world.world import World

DATA = Path(__file__).parents[4] / "shared" / "data"
PAGE = Path(__file__).parents[3] / "docs" / "annotation.md"
SHOTS = conf_dir() / "shots" / "treasure_hunt"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the public data sets are not on this machine")
pytestmark = pytest.mark.slow


def stated(row: str) -> dict[str, float]:
    """Name of the column -> first number in it, for the row of the page's tables that begins with `row`."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    place = next(i for i, line in enumerate(lines) if line.startswith(f"| {row} |"))
    head = next(lines[i - 1] for i in range(place, 0, -1) if set(lines[i]) <= set("|-"))
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in (head, lines[place])]
    return {
        name: float(found[0]) for name, cell in zip(*cells, strict=True) if (found := re.match(r"-?\d[\d.]*", cell))
    }


def check(row: str, report: CategoryReport) -> None:
    measured: dict[str, Any] = {"κ, prompts unseen": report.prompts, "κ, datasets unseen": report.datasets}
    expected = stated(row)
    for name, trial in measured.items():
        if name in expected:
            assert trial.agreement.kappa.estimate == pytest.approx(expected[name], abs=0.01), (row, name)


def data(names: list[str] | None = None) -> DataConfig:
    with open_composer(RunCommand, "run") as composer:
        config = composer.compose(["data=classifier", f"paths.data={DATA.resolve()}"])
        found = to_typed(config, RunCommand).data
    if names is not None:
        found.datasets = {name: found.datasets[name] for name in names}
    return found


def train(rows, taxonomy, folder: Path, **options) -> Report:
    return train_classifier(rows, taxonomy, ClassifierTrainConfig(**options), folder)


def test_the_world(tmp_path):
    world_taxonomy = load_taxonomy(conf_dir() / "taxonomy" / "world.yaml")
    world = World(WorldConfig(), world_taxonomy)
    rows = (world.example("train", index) for index in range(4000))
    report = train(rows, world_taxonomy, tmp_path / "model", max_per_dataset=4000)
    for name, found in report.categories.items():
        check(f"world, {name}", found)


@needs_data
def test_flask(taxonomy, tmp_path):
    rows = list(labelled_examples(data(["flask"]), taxonomy))
    check("FLASK, domain", train(rows, taxonomy, tmp_path / "prompts", categories=["domain"]).categories["domain"])
    places = {line: row["task"] for line, row in read_jsonl(DATA / "train" / "flask_multi_model.jsonl.gz")}

    def of_benchmark(marked: MarkedExample) -> MarkedExample:
        line = int(marked.example.metadata["place"].rpartition(":")[2])
        return replace(marked, example=replace(marked.example, dataset=places[line], metadata={}))

    report = train(map(of_benchmark, rows), taxonomy, tmp_path / "benchmarks", balance_datasets=False)
    for name, found in report.categories.items():
        check(f"FLASK by benchmark, {name}", found)


@needs_data
def test_the_default_model(taxonomy, tmp_path):
    report = train(labelled_examples(data(), taxonomy), taxonomy, tmp_path / "model", categories=["domain", "task"])
    for name, found in report.categories.items():
        check(f"default without shots, {name}", found)
    assert sum(path.stat().st_size for path in (tmp_path / "model").iterdir()) < 10 * 2**20


@needs_data
def test_the_default_model_with_shots(taxonomy, tmp_path):
    rows = chain(labelled_examples(data(), taxonomy), shot_examples(SHOTS, taxonomy))
    for name, found in train(rows, taxonomy, tmp_path / "model").categories.items():
        check(f"default, {name}", found)


def test_a_language_never_seen(taxonomy, tmp_path):
    rows = (
        replace(marked, example=replace(marked.example, dataset=marked.example.metadata["file"]))
        for marked in shot_examples(SHOTS, taxonomy)
    )
    for name, found in train(rows, taxonomy, tmp_path / "model").categories.items():
        check(f"shots by language, {name}", found)
