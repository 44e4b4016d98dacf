"""Processes that do not outlive the one that started them, however that dies: nobody else would stop them.

The command, which calls `start_tied`, puts its id into the environment. torchrun and under it the workers call
`die_with_parent`, which reads the id, asks the kernel, and puts the own id there for the next in line. Processes that a
library forks do so by themselves within `tied_forks`.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PARENT = "TREASURE_PARENT_PID"
_PR_SET_PDEATHSIG = 1
_PROC = Path("/proc")


@dataclass(slots=True)
class _Forks:
    """Whether forks are tied now; hooks belong to the process and cannot be taken back, so there is one of these."""

    hooked: bool = False
    tied: bool = False
    by_main_thread: bool = True


_forks = _Forks()


@contextmanager
def tied_forks() -> Iterator[None]:
    """Processes forked within the block die with this one, and leave it to this one to obey signals.

    Ctrl-C, which a terminal sends to all of them, does nothing there; other signals end them as they would any process.
    """
    if not _forks.hooked:
        os.register_at_fork(before=_note_thread, after_in_child=_tie)
        _forks.hooked = True
    before = os.environ.get(_PARENT)
    os.environ[_PARENT], _forks.tied = str(os.getpid()), True
    try:
        yield
    finally:
        _forks.tied = False
        if before is None:
            os.environ.pop(_PARENT, None)
        else:
            os.environ[_PARENT] = before


def _note_thread() -> None:
    _forks.by_main_thread = threading.current_thread() is threading.main_thread()


def _tie() -> None:
    if not _forks.tied:
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(number, signal.SIG_DFL)
    if _forks.by_main_thread:
        # The kernel takes the end of another thread for the parent's death. A pool forks from a thread of its own where
        # a worker has died; one that is killed with that thread may hold a lock on which the whole pool then waits.
        die_with_parent()


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
    _tie_to_parent()
    if os.getppid() != int(parent):
        os.kill(os.getpid(), signal.SIGKILL)


def die_with(command: int) -> None:
    """The same for a process that a library started for the process `command`, which waits for it on this machine.

    Where the library put another process in between, as a server that forks, nothing happens while `command` lives.
    """
    if sys.platform != "linux":
        return
    is_child = os.getppid() == command
    if is_child:
        _tie_to_parent()
    if (is_child and os.getppid() != command) or _is_dead(command):  # it may have died before the kernel was asked
        os.kill(os.getpid(), signal.SIGKILL)


def _is_dead(pid: int) -> bool:
    """Whether the process came to its end, reaped or not. A system that does not show its processes tells nothing."""
    if not (_PROC / "self").exists():
        return False
    try:
        status = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return True
    return status.rpartition(")")[2].split()[0] in "ZX"


def _tie_to_parent() -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the kernel refused to tie this process to its parent")
