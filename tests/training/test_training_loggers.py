"""Weights & Biases, offline: what its own files say of the runs."""

import os
import subprocess
import sys

import pytest

from treasure.errors import ConfigError, LoggerError
from treasure.training.config import LoggerConfig, WandbMode
from treasure.training.loggers import finish, log_table, make_loggers


def run_ids(folder, starts=1):
    """The ids in the names of the folders that W&B writes."""
    for number in range(starts):
        loggers = make_loggers(LoggerConfig(wandb=WandbMode.OFFLINE), folder, name="r", group="g", settings={})
        for logger in loggers:
            logger.log_metrics({"loss": 1.0}, step=number)
        finish(loggers, succeeded=True)
    # offline-run-<time>-<id>, and a number behind where two starts fall into one second
    return {path.name.split("-")[3] for path in folder.glob("wandb/offline-run-*")}


def test_a_run_that_was_cut_short_goes_on_in_its_own_wandb_run(tmp_path):
    one, other = run_ids(tmp_path / "one", starts=2), run_ids(tmp_path / "other")
    assert len(one) == len(other) == 1
    assert one != other


def test_an_id_that_a_kill_or_a_full_disk_left_empty_is_drawn_again(tmp_path):
    (tmp_path / "wandb_id").touch()
    config = LoggerConfig(wandb=WandbMode.OFFLINE)
    found = [make_loggers(config, tmp_path, name="r", group="g", settings={})[-1].version for _ in range(2)]
    assert found[0] and found == [(tmp_path / "wandb_id").read_text()] * 2


def test_loggers_that_told_nothing_leave_no_run(tmp_path):
    finish(
        make_loggers(LoggerConfig(wandb=WandbMode.OFFLINE), tmp_path, name="r", group="g", settings={}), succeeded=True
    )
    assert not list(tmp_path.glob("wandb/offline-run-*"))


def test_an_offline_run_leaves_the_environment_to_the_runs_after_it(tmp_path, monkeypatch):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    assert run_ids(tmp_path)
    assert "WANDB_MODE" not in os.environ


def test_the_variable_of_wandb_has_its_say_before_the_configuration(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert not run_ids(tmp_path)


def test_an_empty_variable_of_wandb_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "")
    assert run_ids(tmp_path)


def test_a_variable_of_wandb_that_makes_no_sense_is_refused_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "ofline")
    with pytest.raises(ConfigError, match=r"WANDB_MODE is 'ofline'.* Did you mean 'offline'\?"):
        make_loggers(LoggerConfig(wandb=WandbMode.OFFLINE), tmp_path, name="r", group="g", settings={})
    make_loggers(LoggerConfig(wandb=WandbMode.DISABLED), tmp_path, name="r", group="g", settings={})


ONLINE = """
import sys
from pathlib import Path
from treasure.errors import LoggerError
from treasure.training.config import LoggerConfig, WandbMode
from treasure.training.loggers import make_loggers

loggers = make_loggers(LoggerConfig(wandb=WandbMode.ONLINE), Path(sys.argv[1]), name="r", group="g", settings={})
try:
    loggers[-1].log_metrics({"loss": 1.0}, step=0)
except LoggerError as error:
    print(error)
"""


def test_a_run_that_wandb_does_not_open_is_told_in_words(tmp_path):
    names = ("WANDB_MODE", "WANDB_API_KEY")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    environment |= {"HOME": str(tmp_path), "NETRC": str(tmp_path / "netrc"), "WANDB_BASE_URL": "http://127.0.0.1:9"}
    command = [sys.executable, "-c", ONLINE, str(tmp_path)]
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.startswith("W&B could not do its part: "), done.stderr[-2000:]
    assert "logger=wandb_offline" in done.stdout


def test_a_folder_that_wandb_may_not_use_is_told_in_words(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path / "file" / "data"))  # as a HOME where nobody may write
    loggers = make_loggers(LoggerConfig(wandb=WandbMode.OFFLINE), tmp_path, name="r", group="g", settings={})
    try:
        with pytest.raises(LoggerError, match="WANDB_DATA_DIR"):
            log_table(loggers, "samples", ["a"], [[1]])
    finally:
        finish(loggers, succeeded=False)
