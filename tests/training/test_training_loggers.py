"""Weights & Biases, offline: what its own files say of the runs."""

import os

from treasure.training.config import LoggerConfig, WandbMode
from treasure.training.loggers import finish, make_loggers


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
