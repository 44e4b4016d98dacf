"""Real processes with the environment that srun, batch scripts and stray variables give them."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
LAUNCHERS = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "SLURM_", "TORCHELASTIC_")
STEP = {"SLURM_JOB_ID": "1", "SLURM_JOB_NAME": "sweep", "SLURM_NODEID": "0", "SLURM_NODELIST": "localhost"}


def start(outputs: Path, environment: dict[str, str], *options: str) -> subprocess.Popen[str]:
    command = [str(Path(sys.executable).parent / "treasure-train"), "experiments=quick", "trainer.precision=32-true"]
    sizes = ["world.num_train_examples=600", "batch.micro_batch_size=8", "trainer.max_steps=2", "callbacks.log_every=1"]
    own = {name: value for name, value in os.environ.items() if not name.startswith(LAUNCHERS)}
    return subprocess.Popen(
        [*command, *sizes, f"paths.outputs={outputs}", "name=run", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=own | {"PYTHONPATH": str(REPOSITORY)} | environment,
    )


def finish(*processes: subprocess.Popen[str]) -> None:
    texts = [process.communicate(timeout=240)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes), "\n".join(texts)


def check_whole(outputs: Path) -> None:
    (folder,) = outputs.glob("runs/quick/run-*")
    assert len((folder / "metrics" / "metrics.csv").read_text().splitlines()) == 3
    assert (folder / "frequency.csv").is_file() and (folder / "model" / "config.json").is_file()
    assert not (folder / "LOCK").exists()


def srun(number: int, total: int) -> dict[str, str]:
    tasks = {name: str(total) for name in ("SLURM_NTASKS", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS_PER_NODE")}
    return STEP | tasks | {"SLURM_PROCID": str(number), "SLURM_LOCALID": str(number)}


@pytest.mark.slow
@pytest.mark.parametrize("environment", [srun(3, 8), {"RANK": "1", "LOCAL_RANK": "1"}], ids=["srun", "stray rank"])
def test_a_run_of_one_process_writes_whatever_its_number(tmp_path, environment):
    finish(start(tmp_path, environment, "logger=wandb_offline"))
    check_whole(tmp_path)
    assert list(tmp_path.glob("runs/quick/run-*/wandb/offline-run-*"))


@pytest.mark.slow
def test_the_processes_of_srun_share_one_run(tmp_path):
    port = {"MASTER_PORT": str(20000 + os.getpid() % 10000), "MASTER_ADDR": "localhost"}
    finish(*[start(tmp_path, srun(n, 2) | port, "trainer.devices=2", "logger=csv") for n in range(2)])
    check_whole(tmp_path)


@pytest.mark.slow
def test_a_batch_script_starts_its_processes_itself(tmp_path):
    alone = STEP | {"SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "2"}
    finish(start(tmp_path, alone, "trainer.devices=2", "logger=csv"))
    check_whole(tmp_path)


@pytest.mark.slow
def test_no_process_of_a_training_outlives_the_command(tmp_path):
    process = start(tmp_path, {}, "trainer.devices=2", "trainer.max_steps=100000", "logger=csv")
    try:
        wait_until(lambda: list(tmp_path.glob("runs/quick/run-*/metrics/metrics.csv")), process)
        assert len(running(tmp_path)) == 4, "the command, torchrun and two workers"
    finally:
        process.kill()
        process.communicate()
    wait_until(lambda: not running(tmp_path), None)


def running(outputs: Path) -> list[str]:
    """Command lines of the living processes that work below `outputs`."""
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(file.read_text())
        except OSError:
            continue
    return [line for line in lines if str(outputs) in line]


def wait_until(holds: Callable[[], object], process: subprocess.Popen[str] | None) -> None:
    deadline = time.monotonic() + (5 if process is None else 200)
    while not holds():
        assert time.monotonic() < deadline and (process is None or process.poll() is None)
        time.sleep(0.05)
