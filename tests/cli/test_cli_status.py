"""`treasure-report status` on folders in every state, half-written ones included."""

import json
import os

import pytest
from commands import report
from rich.console import Console

from treasure.cli.status import status_of, statuses
from treasure.config.run_folder import RunFolder
from treasure.config.run_lock import run_lock
from treasure.errors import DataError
from treasure.training.loggers import MetricsFile
from treasure.training.metrics_file import METRICS_FILE


def folder(runs, name, *, group="g"):
    path = runs / group / f"{name}-12345678"
    path.mkdir(parents=True)
    (path / "config.yaml").touch()
    return path


def saved(path, step):
    (path / "state" / f"step-{step}").mkdir(parents=True)
    (path / "state" / f"step-{step}" / "state.json").touch()


def progress(path, **facts):
    (path / "progress.json").write_text(json.dumps(facts))


@pytest.fixture
def runs(tmp_path):
    runs = tmp_path / "runs"
    done = folder(runs, "done")
    (done / "training.json").write_text('{"steps": 40}')
    MetricsFile(done / METRICS_FILE).log_metrics({"loss": 1.25}, 39)
    RunFolder(done, {}).mark_done()
    failed = folder(runs, "failed")
    RunFolder(failed, {}).mark_failed("TrainingError: The loss is nan.\nmore")
    saved(failed, 20)
    waiting = folder(runs, "waiting", group="other")
    (waiting / "INTERRUPTED").write_text("Stopped by SIGTERM.\n")
    saved(waiting, 30)
    folder(runs, "cut")
    return runs


def test_every_state_is_told(runs):
    found = {status.name.split("-")[0]: status for status in statuses(runs)}
    assert [status.group for status in found.values()] == ["g", "g", "g", "other"]
    assert (found["done"].state, found["done"].steps, found["done"].loss) == ("done", 40, 1.25)
    assert found["failed"].state == "failed"
    assert found["failed"].detail == "TrainingError: The loss is nan. (goes on at step 20)"
    assert (found["waiting"].state, found["waiting"].detail) == ("waiting", "to be started again: goes on at step 30")
    assert (found["cut"].state, found["cut"].detail, found["cut"].steps) == ("cut short", "starts at step 0", None)
    assert all(status.age_s is not None and 0 <= status.age_s < 60 for status in found.values())


def test_a_running_one_tells_where_it_is(tmp_path):
    path = folder(tmp_path, "run")
    progress(path, step=9, num_steps=200, first_step=0, seconds=9.0)
    os.utime(path / "progress.json", (0, 0))  # of an earlier start
    with run_lock(path):
        assert status_of(path).detail.endswith("prepares")
        progress(path, step=50, num_steps=200, first_step=40, seconds=20.0)
        os.utime(path / "progress.json")
        found = status_of(path)
        assert (found.state, found.steps) == ("running", 50)
        assert f"process {os.getpid()} on " in found.detail
        assert found.detail.endswith("step 50 of 200 (25%), 5 min left")
        (path / "training.json").write_text('{"steps": 200}')
        assert status_of(path).detail.endswith("evaluates")
    assert status_of(path).state == "cut short"
    assert status_of(path).detail == "trained"


@pytest.mark.parametrize("name", ["progress.json", "training.json", "LOCK", "metrics/metrics.csv"])
def test_half_written_files_do_no_harm(name, tmp_path):
    path = folder(tmp_path, "run")
    (path / "metrics").mkdir()
    (path / name).write_text('{"st')
    assert status_of(path).state == "cut short"
    assert sorted(item.name for item in path.iterdir()) == sorted({"config.yaml", "metrics", name.split("/")[0]})


def test_garbage_does_no_harm_either(tmp_path):
    path = folder(tmp_path, "run")
    (path / "metrics").mkdir()
    (path / "metrics" / "metrics.csv").write_bytes(b"loss,step\n1.5,1\nhalf,2\n\xff\n")
    (path / "FAILED").write_bytes(b"\xff")
    found = status_of(path)
    assert found.state == "failed" and found.loss is None


def test_an_unknown_group_is_refused(runs):
    assert [status.group for status in statuses(runs, "other")] == ["other"]
    with pytest.raises(DataError, match=r"Did you mean 'other'\? Groups: g, other"):
        list(statuses(runs, "othr"))


def test_the_command(runs, monkeypatch, capsys):
    monkeypatch.setattr("treasure.cli.status.console", Console(width=200, highlight=False))
    outputs = f"paths.outputs={runs.parent}"
    code, out, _ = report(capsys, "status", outputs)
    assert code == 0
    assert out.strip().endswith("4 runs: 1 done, 1 failed, 1 waiting, 1 cut short.")
    assert "failed: TrainingError: The loss is nan." in out and "1.250" in out
    code, out, _ = report(capsys, "status", "group=other", outputs)
    assert code == 0 and "1 run: 1 waiting" in out and "done-" not in out
    code, _, err = report(capsys, "status", "grup=other", outputs)
    assert code == 2 and "group" in err
    assert "Usage: treasure-report status [" in report(capsys, "status", "--help")[1]
    code, out, _ = report(capsys, "status", f"paths.outputs={runs.parent / 'none'}")
    assert code == 0 and "0 runs" in out
