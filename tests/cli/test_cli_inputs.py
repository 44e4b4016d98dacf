"""A run's folder is named by all that decides its result, the content of its data included."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from treasure.cli import run, train
from treasure.cli.inputs import check_regimes, open_run_folder
from treasure.config.schema import PathsConfig, RunCommand
from treasure.data.config import DataConfig, DataSource
from treasure.data.readers import DatasetConfig
from treasure.errors import ConfigError
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
    with pytest.raises(ConfigError, match="Held-out examples have no regime 'forced' here"):
        command(marked(tmp_path, markers=MarkersConfig(mode=MarkerMode.TOKENS)))
    assert not list((tmp_path / "outputs").rglob("model"))


def test_regimes_that_are_asked_later_are_refused_where_they_make_no_sense(tmp_path):
    tokens = MarkersConfig(mode=MarkerMode.TOKENS)
    fits = BenchmarkConfig(regimes=["inferred", "fixed"], snapshot_regimes=["oracle"])
    check_regimes(marked(tmp_path, markers=tokens, benchmark=fits))  # no snapshot is asked
    check_regimes(marked(tmp_path, markers=MarkersConfig(mode=MarkerMode.NONE)))
    with pytest.raises(ConfigError, match="no regime 'oracle'"):
        check_regimes(marked(tmp_path, markers=tokens, benchmark=fits, trainer=TrainerConfig(snapshots=[0.5])))
