"""Sweeps in the workers of launchers: real processes that fail, are stopped, and are queued again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import toy_command

from treasure.config.jobs import Jobs
from treasure.config.plan import Plan
from treasure.errors import WorkerError

joblib = pytest.importorskip("joblib")
pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
pytest.importorskip("hydra_plugins.hydra_submitit_launcher")

REPOSITORY = Path(__file__).parents[2]
JOBLIB = ("-m", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
SUBMITIT = ("-m", "hydra/launcher=submitit_local")


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(Path(toy_command.__file__)), *arguments]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, env=environment, start_new_session=True, **pipes)


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err.splitlines()[-1] if err else ""


def pids(toy: Path, *seeds: int) -> list[int]:
    """The processes of the jobs of these seeds, as soon as all have started."""
    files = [toy / f"started-{seed}" for seed in seeds]
    deadline = time.monotonic() + 60
    while not all(file.is_file() and file.stat().st_size for file in files):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return [int(file.read_text()) for file in files]


def marks(toy: Path) -> list[Path]:
    return list(toy.glob("outputs/hydra/.jobs-*"))


@pytest.mark.parametrize(
    "launcher", [JOBLIB, pytest.param(SUBMITIT, marks=pytest.mark.slow)], ids=["joblib", "submitit"]
)
def test_all_failures_are_named(toy, launcher):
    code, _, last = finish(start(*launcher, "seed=1,2,3,4", "fail=No such column."))
    named = "; ".join(f"Job {n} of 4 (seed={n})" for n in range(1, 5))
    assert (code, last) == (2, f"4 of 4 jobs failed: {named}.")
    assert not marks(toy)
    code, _, last = finish(start(*launcher, "seed=1,2,3", "crash_at=2"))
    assert (code, last) == (1, "1 of 3 jobs failed: Job 2 of 3 (seed=2).")


def test_on_error_stop_starts_no_other_job(toy):
    code, out, last = finish(start(*JOBLIB, "seed=1,2,3,4,5,6", "crash_at=1", "on_error=stop"))
    assert code == 1
    assert '"seed": 1' in out and '"seed": 6' not in out
    assert "jobs failed: Job 1 of 6 (seed=1). Stopped there (on_error=stop): " in last
    assert not marks(toy)


@pytest.mark.parametrize("to", ["command", pytest.param("workers", marks=pytest.mark.slow)])
def test_workers_save_and_the_command_can_be_queued_again(toy, to):
    process = start(*JOBLIB, "seed=1,2,3,4", "waits=true")
    workers = pids(toy, 1, 2)
    for pid in [process.pid] if to == "command" else workers:
        os.kill(pid, signal.SIGTERM)
    code, _, last = finish(process)
    assert (code, last) == (75, "toy_command.py: Stopped by SIGTERM. The same command goes on from what is done.")
    assert sorted(file.name for file in toy.glob("saved-*")) == ["saved-1", "saved-2"]
    assert not marks(toy)


def has_ended(pid: int) -> bool:
    try:
        return "Z" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True


def test_no_worker_outlives_a_command_that_was_killed(toy):
    with start(*JOBLIB, "seed=1,2", "waits=true") as process:
        workers = pids(toy, 1, 2)
        process.kill()
    deadline = time.monotonic() + 20
    try:
        while not all(map(has_ended, workers)):
            assert time.monotonic() < deadline, "they hold locks and devices that the next start needs"
            time.sleep(0.05)
    finally:
        for pid in workers:
            if not has_ended(pid):
                os.kill(pid, signal.SIGKILL)
    assert not list(toy.glob("saved-*"))


def test_a_worker_that_was_killed_is_told_in_a_paragraph(toy):
    process = start(*JOBLIB, "seed=1,2", "waits=true")
    workers = pids(toy, 1, 2)
    os.kill(workers[0], signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2 and "Traceback" not in err, err
    assert "memory" in err.splitlines()[-1] and "same command" in err.splitlines()[-1]
    assert all(map(has_ended, workers))
    assert not marks(toy)


class Unreadable:
    def __reduce__(self):
        return int, ("no number",)


def test_workers_that_do_not_understand_each_other_are_not_told_as_killed(tmp_path):
    jobs = Jobs(toy_command.ToyCommand, toy_command.load, Plan(True, 2, frozenset(), tmp_path / "marks"))
    with pytest.raises(WorkerError) as told, jobs.under_way():
        joblib.Parallel(n_jobs=2)(joblib.delayed(id)(Unreadable()) for _ in range(2))
    text = str(told.value)
    assert "un-serialize" in text and "same command" in text and "memory" not in text


@pytest.mark.slow
def test_a_job_of_submitit_saves_too(toy):
    process = start(*SUBMITIT, "seed=1", "waits=true")
    os.kill(pids(toy, 1)[0], signal.SIGTERM)
    assert finish(process)[0] == 75
    assert (toy / "saved-1").exists()


@pytest.mark.slow
def test_submitit_queues_a_job_again_that_has_saved(toy):
    process = start(*SUBMITIT, "seed=1", "waits=true")
    os.kill(pids(toy, 1)[0], signal.SIGUSR2)
    code, _, last = finish(process)
    assert code == 0, last
    assert (toy / "saved-1").exists()
