"""Real processes under torch's own launcher: none outlives the command, all have time to save, failures are told."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from treasure.training.processes import failure_told

HERE = Path(__file__).parent
ENVIRONMENT = os.environ | {"PYTHONPATH": f"{HERE.parents[1]}:{HERE}"}


def wait_until(holds: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def is_gone(pid: int) -> bool:
    """Whether the process ran to its end; what nobody waited for counts too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


@pytest.fixture
def command(tmp_path):
    started = []

    def start(does: str) -> subprocess.Popen[str]:
        (tmp_path / "does").write_text(does)
        arguments = [sys.executable, str(HERE / "toy_worker.py"), str(tmp_path), "2"]
        pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        started.append(subprocess.Popen(arguments, text=True, env=ENVIRONMENT, start_new_session=True, **pipes))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def workers(folder: Path) -> list[int]:
    files = [folder / f"beats-{rank}" for rank in range(2)]
    assert wait_until(lambda: all(file.is_file() and file.stat().st_size for file in files), 120)
    return [int((folder / f"pid-{rank}").read_text()) for rank in range(2)]


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@pytest.mark.parametrize("victim", ["command", "torchrun"])
def test_a_kill_takes_all_along(command, tmp_path, victim):
    process = command("beat")
    pids = workers(tmp_path)
    torchrun = parent_of(pids[0])
    assert parent_of(torchrun) == process.pid
    os.kill(process.pid if victim == "command" else torchrun, signal.SIGKILL)
    assert wait_until(lambda: all(map(is_gone, [torchrun, *pids])), 5)


@pytest.mark.slow
def test_a_second_ctrl_c_takes_all_along(command, tmp_path):
    process = command("save slowly")
    pids = workers(tmp_path)
    process.send_signal(signal.SIGINT)
    time.sleep(1)
    assert not any(map(is_gone, pids)), "they save"
    process.send_signal(signal.SIGINT)
    assert process.wait(5) != 0
    assert wait_until(lambda: all(map(is_gone, pids)), 5)
    assert not list(tmp_path.glob("saved-*"))


@pytest.mark.slow
def test_a_save_may_take_longer_than_torchrun_would_wait(command, tmp_path):
    process = command("save slowly")
    workers(tmp_path)
    process.send_signal(signal.SIGTERM)
    _, text = process.communicate(timeout=120)
    assert sorted(file.name for file in tmp_path.glob("saved-*")) == ["saved-0", "saved-1"]
    assert "Stopped by SIGTERM" in text


@pytest.mark.slow
def test_the_reason_of_a_failure_comes_back(command, tmp_path):
    started = time.monotonic()
    _, text = command("fail").communicate(timeout=120)
    assert text.splitlines()[-1] == "treasure.errors.TrainingError: The loss is nan."
    assert time.monotonic() - started < 60
    _, text = command("crash").communicate(timeout=120)
    assert "ended without a word" in text.splitlines()[-1]
    _, text = command("lose one").communicate(timeout=120)
    assert "lost each other: one of them was killed" in text.splitlines()[-1]
    assert text.endswith("The same command goes on from the last saved state.\n")
    assert command("nothing").wait(120) == 0, "an earlier failure is forgotten"


NCCL = "NCCL error in: /pytorch/NCCLUtils.cpp:77, {first}, NCCL version 2.27.5\n{kind}\nLast error:\n{last}"
REMOTE = NCCL.format(
    first="remote process exited or there was a network error",
    kind="ncclRemoteError: A call failed possibly due to a network error or a remote process exiting prematurely.",
    last="socketProgress: Connection closed by remote peer node-2<41234>",
)
CUDA = NCCL.format(
    first="unhandled cuda error (run with NCCL_DEBUG=INFO for details)",
    kind="ncclUnhandledCudaError: Call to CUDA function failed.",
    last="Cuda failure 2 'out of memory'",
)


@pytest.mark.parametrize(
    ("error", "is_lost"),
    [
        (torch.distributed.DistBackendError(REMOTE), True),
        (torch.distributed.DistNetworkError("The client socket has timed out after 600s"), True),
        (RuntimeError("[/pytorch/gloo/transport/tcp/pair.cc:547] Connection closed by peer [::1]:1"), True),
        (RuntimeError("[/pytorch/gloo/transport/tcp/pair.cc:547] Connection reset by peer"), True),
        (torch.distributed.DistBackendError(CUDA), False),
        (RuntimeError("[enforce fail at gloo/types.h:42] op.preamble.length <= op.nbytes. 8 vs 4"), False),
        (RuntimeError("CUDA error: the launch timed out and was terminated"), False),
    ],
)
def test_a_lost_connection_is_known_and_told_with_all_that_is_said_of_it(tmp_path, error, is_lost):
    with pytest.raises(type(error)), failure_told(tmp_path, 0):
        raise error
    told = json.loads((tmp_path / "errors" / "0.json").read_text())["text"]
    assert ("lost each other" in told) is is_lost
    assert " ".join(str(error).split()) in " ".join(told.split())


CHAIN = "from treasure.parent import *; import sys, time\n"


@pytest.mark.parametrize("late", [False, True], ids=["while it lives", "after its end"])
def test_a_child_dies_with_its_parent(tmp_path, late):
    child = CHAIN + f"time.sleep({0.5 if late else 0}); die_with_parent(); print('tied', flush=True); time.sleep(60)"
    parent = CHAIN + f"print(start_tied([sys.executable, '-c', {child!r}], {{}}).pid, flush=True); time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        if not late:
            assert process.stdout.readline() == "tied\n"
        process.kill()
        assert wait_until(lambda: is_gone(pid), 5)
        assert process.stdout.read() == ""


def test_who_was_not_told_of_a_parent_goes_on():
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "TREASURE_PARENT_PID"}
    done = subprocess.run([sys.executable, "-c", CHAIN + "die_with_parent()"], env=environment, check=False)
    assert done.returncode == 0


DIE_WITH = "import treasure.parent as parent, sys; from pathlib import Path\n"


def code_beside(pid: int, proc: Path) -> int:
    """How a process ends that is to live as long as `pid`, which is not its parent."""
    program = DIE_WITH + f"parent._PROC = Path({str(proc)!r}); parent.die_with({pid})"
    return subprocess.run([sys.executable, "-c", program], env=ENVIRONMENT, check=False).returncode


def test_a_worker_dies_with_a_command_that_nobody_waited_for_and_lives_where_nothing_is_known(tmp_path):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert code_beside(process.pid, Path("/proc")) == 0
        process.kill()
        assert wait_until(lambda: is_gone(process.pid), 5)
        assert Path(f"/proc/{process.pid}").exists()
        assert code_beside(process.pid, Path("/proc")) == -signal.SIGKILL
        assert code_beside(process.pid, tmp_path) == 0
    assert code_beside(process.pid, Path("/proc")) == -signal.SIGKILL
