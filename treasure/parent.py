"""Processes that do not outlive the one that started them, however that dies: nobody else would stop them.

The command, which calls `start_tied`, puts its id into the environment. torchrun and under it the workers call
`die_with_parent`, which reads the id, asks the kernel, and puts the own id there for the next in line.
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

_PARENT = "TREASURE_PARENT_PID"
_PR_SET_PDEATHSIG = 1


def start_tied(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Starts `command` away from the terminal's signals, for as long as this process lives if it asks for that."""
    own = {_PARENT: str(os.getpid())}
    return subprocess.Popen(command, start_new_session=True, env={**os.environ, **environment, **own})


def die_with_parent() -> None:
    """Has the kernel kill this process as soon as its parent is dead, and dies now if it is dead already.

    The parent says so by `start_tied` or by this function; without, nothing happens, nor does it where the kernel is
    not Linux. A parent counts as dead when the thread that started this process ends.
    """
    parent = os.environ.get(_PARENT)
    if parent is None or sys.platform != "linux":
        return
    os.environ[_PARENT] = str(os.getpid())
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the kernel refused to tie this process to its parent")
    if os.getppid() != int(parent):
        os.kill(os.getpid(), signal.SIGKILL)
