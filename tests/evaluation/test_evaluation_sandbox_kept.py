"""Nothing of a program stays: no memory of the kernel that outlives processes, and no server whose owner was killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from treasure.evaluation.program import single_file
from treasure.evaluation.sandbox_config import SandboxConfig
from treasure.evaluation.sandbox_local import run_program
from treasure.evaluation.sandbox_worker import Worker, mode
from treasure.evaluation.toolchains.kits import local_kit
from treasure.evaluation.toolchains.toolchain import Kit

# Names what it gets hold of; limits of addresses do not bound these, and the kernel keeps them when processes end.
TAKER = """
import ctypes, platform
libc = ctypes.CDLL(None, use_errno=True)
calls = {
    'shared memory': lambda: libc.shmget(0, 1 << 20, 0o1600),
    'messages': lambda: libc.msgget(0, 0o1600),
    'semaphores': lambda: libc.semget(0, 4, 0o1600),
    'a queue': lambda: ctypes.CDLL('librt.so.1').mq_open(b'/kept', 0o102, 0o600, None),
    'a key': lambda: libc.syscall({'x86_64': 248, 'aarch64': 217}[platform.machine()], b'user', b'kept', b'x', 1, -4),
}
print('took', *[name for name, call in calls.items() if call() >= 0])
"""


def test_a_program_takes_nothing_that_outlives_it():
    kit = local_kit("python", SandboxConfig())
    assert isinstance(kit, Kit)
    worker = Worker(mode()[0], kit.readable)
    try:
        result = run_program(worker, single_file("python", TAKER, timeout_s=30.0), kit)
    finally:
        worker.close()
    assert (result.reason, result.stdout) == ("ok", "took\n"), result.stderr


def test_one_that_is_not_shut_in_takes_some_of_them():
    """Otherwise the test above would show nothing. What it takes is removed: the user's keys apart, by its end."""
    took = TAKER + "libc.shmctl(libc.shmget(7, 1, 0o1600), 0, None)\n"
    once = took.replace("shmget(0,", "shmget(7,").replace("'messages'", "#").replace("'sem", "#").replace("'a ", "#")
    found = subprocess.run([sys.executable, "-c", once], capture_output=True, text=True, timeout=60, check=False)
    assert found.stdout == "took shared memory\n"


@pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")
def test_the_server_of_a_killed_process_ends_though_its_program_runs(tmp_path: Path):
    code = """
import sys
from pathlib import Path
from treasure.evaluation.sandbox_config import SandboxLimits
from treasure.evaluation.sandbox_worker import Step, Worker, mode
worker = Worker(mode()[0])
Path(sys.argv[1]).write_text(str(worker._server.pid))
limits = SandboxLimits(time_s=300.0)
worker.run({}, [Step(limits, 300.0, program="while True: pass")])
"""
    told = tmp_path / "pid"
    owner = subprocess.Popen([sys.executable, "-c", code, str(told)])
    try:
        deadline = time.monotonic() + 30.0
        while not (told.exists() and told.read_text()):
            assert owner.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        server = int(told.read_text())
        time.sleep(1.0)  # its program is under way
    finally:
        owner.send_signal(signal.SIGKILL)
        owner.wait()
    while _runs(server):
        assert time.monotonic() < deadline, "the server outlives its owner"
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False
