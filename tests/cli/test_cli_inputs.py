"""A run's folder is named by all that decides its result, the content of its data included."""

from pathlib import Path

from treasure.cli.inputs import open_run_folder
from treasure.config.schema import PathsConfig, RunCommand
from treasure.data.config import DataConfig, DataSource
from treasure.data.readers import DatasetConfig
from treasure.model.config import ModelConfig


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
