"""A run's folder is named by all that decides its result, the content of its data included."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from treasure.cli.jobs import run, train
from treasure.cli.jobs.inputs import check_regimes, open_run_folder
from treasure.config.compose import compose
from treasure.config.paths import PathsConfig
from treasure.config.schema import GenerateCommand, RunCommand
from treasure.data.config import DataConfig, DataSource
from treasure.data.example import Example, Message
from treasure.data.readers import DatasetConfig
from treasure.data.splits import split_of
from treasure.errors import ConfigError, TreasureError
from treasure.evaluation.config import BenchmarkConfig
from treasure.markers.config import MarkerMode, MarkersConfig
from treasure.model.config import ModelConfig
from treasure.training.config import TrainerConfig


def folder(outputs: Path, rows: Path) -> Path:
    config = RunCommand(
        name="run",
        model=ModelConfig(path=None),
        data=DataConfig(source=DataSource.FILES, datasets={"rows": DatasetConfig(path=str(rows))}),
        paths=PathsConfig(outputs=str(outputs)),
    )
    return open_run_folder(config).path


def test_an_edited_data_file_makes_another_run(tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"prompt": "one", "completion": "two"}\n')
    first = folder(tmp_path, rows)
    assert folder(tmp_path, rows) == first
    rows.write_text('{"prompt": "one", "completion": "too"}\n')
    assert folder(tmp_path, rows) != first


def test_naming_one_of_two_datasets_is_the_run_of_that_one_alone(tmp_path):
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"prompt": "one", "completion": "two"}\n')
    names = ("rows", "others")

    def named(listed: Sequence[str], only: list[str]) -> Path:
        datasets = {name: DatasetConfig(path=str(rows)) for name in listed}
        data = DataConfig(source=DataSource.FILES, datasets=datasets, only=only)
        return open_run_folder(RunCommand(name="run", model=ModelConfig(path=None), data=data)).path

    assert named(names, ["rows"]) == named(["rows"], [])
    assert named(names, [*names]) == named(names, []) != named(names, ["rows"])


def marked(tmp_path: Path, **changes) -> RunCommand:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"prompt": "one", "completion": "two"}\n')
    data = DataConfig(source=DataSource.FILES, datasets={"rows": DatasetConfig(path=str(rows))})
    paths = PathsConfig(outputs=str(tmp_path / "outputs"))
    return RunCommand(name="run", model=ModelConfig(path=None), data=data, paths=paths, **changes)


@pytest.mark.parametrize("command", [run.run, train.run], ids=["run", "train"])
def test_a_regime_that_held_out_examples_do_not_have_costs_no_training(command, tmp_path):
    with pytest.raises(ConfigError, match=r"no regime 'forced' here.* Write 'benchmark.regimes=\[inferred,fixed\]'"):
        command(marked(tmp_path, markers=MarkersConfig(mode=MarkerMode.TOKENS)))
    assert not list((tmp_path / "outputs").rglob("model"))


def test_regimes_that_are_asked_later_are_refused_where_they_make_no_sense(tmp_path):
    tokens = MarkersConfig(mode=MarkerMode.TOKENS)
    fits = BenchmarkConfig(regimes=["inferred", "fixed"], snapshot_regimes=["oracle"])
    check_regimes(marked(tmp_path, markers=tokens, benchmark=fits))  # no snapshot is asked
    check_regimes(marked(tmp_path, markers=MarkersConfig(mode=MarkerMode.NONE)))
    with pytest.raises(ConfigError, match=r"'oracle'.*'benchmark.snapshot_regimes=\[inferred,fixed\]'"):
        check_regimes(marked(tmp_path, markers=tokens, benchmark=fits, trainer=TrainerConfig(snapshots=[0.5])))


@pytest.mark.parametrize(
    ("fraction", "message"),
    [
        (0.02, r"No prompt was held out.*there are 9, and data.validation_fraction=0.02.*validation_fraction=0.3"),
        (0.5, r"None of \d held-out examples fits into the context of 256 tokens.*Raise model.max_length"),
    ],
    ids=["none", "none fits"],
)
def test_nothing_to_evaluate_costs_no_training(tmp_path, fraction, message):
    config = marked(
        tmp_path, markers=MarkersConfig(mode=MarkerMode.NONE), trainer=TrainerConfig(max_steps=1, accelerator="cpu")
    )
    config.data.validation_fraction, config.model.max_length = fraction, 256
    rows = []
    for prompt in (f"ask {number}" for number in range(9)):
        asked = Example("", (Message("user", prompt),), "", "rows", {})
        is_long = split_of(asked, fraction, config.data.seed) == "validation"
        rows.append({"prompt": prompt, "completion": "one two " * (400 if is_long else 1)})
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(ConfigError, match=message):
        run.run(config)
    assert not list((tmp_path / "outputs").rglob("model"))


def test_an_empty_checkpoint_is_called_empty():
    with pytest.raises(ConfigError, match="checkpoint is empty"):
        GenerateCommand(checkpoint="", prompt="one")


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["benchmark.levers.lang=Frensh"], "Did you mean 'French'"),
        (["benchmark.levers.length_tokens={at_most: 9}"], "cannot hold a limit"),
        (["data=real", "benchmark.levers.lang=French"], "is for the world's prompts"),
        (["markers.placement=completion", "benchmark.levers.lang=French"], "has met no markers in prompts"),
        (["benchmark.levers.length_bucket=concise"], "'length' in the regime fixed. length_bucket=concise means"),
    ],
    ids=["unknown", "limit", "files", "no place", "not beside those of a prompt"],
)
def test_levers_that_no_evaluation_could_set_cost_no_training(overrides, told):
    config = compose(RunCommand, "run", ["experiments=quick", *overrides])
    with pytest.raises(TreasureError, match=told):
        check_regimes(config)
