"""Options come back from their file as they were, whatever their texts look like."""

from pathlib import Path

import pytest
from toy_command import Kind, ToyCommand, ToyData

from treasure.config.compose import compose
from treasure.config.job_file import job_file, read_job
from treasure.config.schema import RunCommand
from treasure.errors import ConfigError


@pytest.mark.parametrize("text", ["${x}", "???", "${oc.env:HOME}", "\\${x}", "${", "null", "1e3", "é\n"])
def test_texts_are_not_interpreted(tmp_path: Path, text: str):
    data = ToyData(path=text, rate=1)
    options = ToyCommand(name=text, kind=Kind.SLOW, data=data, extra={"a": [1, text, None]}, more={text: data})
    with job_file(tmp_path, options):
        assert read_job(tmp_path, ToyCommand) == options
    assert list(tmp_path.iterdir()) == []


def test_the_file_goes_after_a_failure_too(tmp_path: Path):
    with pytest.raises(ConfigError), job_file(tmp_path, ToyData(path="a")):
        raise ConfigError("no luck")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("experiment", ["quick", "paper", "real_data", "ctrl"])
def test_every_option_of_a_run_comes_back(tmp_path: Path, experiment: str):
    overrides = [
        f"experiments={experiment}",
        "model.path=m",
        "+markers.dropout.category_dropout.lang=1",
        "trainer.snapshots=[0.5]",
    ]
    options = compose(RunCommand, "run", overrides)
    with job_file(tmp_path, options):
        assert read_job(tmp_path, RunCommand) == options
