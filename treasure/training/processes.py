"""Trainings on several processes of this machine, started through torch's own launcher.

A process that fails leaves the reason in a file of the run's folder, where the one that waits finds it.
"""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from treasure.errors import Interrupted, TrainingError, TreasureError
from treasure.files import remove_folder
from treasure.jsonl import write_json
from treasure.parent import start_tied
from treasure.stopping import deferred_stop, stop_asked

_POLL_S = 0.2
_SAVE_S = 600
"""Seconds that the processes have to save after a signal; torchrun alone would give them 30."""
_AFTER_FAILURE_S = 30.0
"""Seconds for the others to notice that one failed; they may wait for it inside a collective operation."""
_ERRORS = "errors"
_LOST = re.compile(
    r"(closed|reset) by (remote )?peer|timed out|timeout|refused|broken pipe|socket closed|no route|unreachable"
    r"|likely closed|got 0 bytes|remote process exit",
    re.IGNORECASE,
)
"""How gloo, NCCL and the store through which processes find each other tell that one is gone, or the network is."""
_GO_ON = "The same command goes on from the last saved state."


def leave_together() -> None:
    """Waits until all processes of the training are here: launchers soon kill those that one with an error leaves."""
    if torch.distributed.is_initialized():
        torch.distributed.barrier()


def run_on_processes(module: str, folder: Path, num_processes: int) -> None:
    """Runs `python -m module folder` on this machine, `num_processes` at once; a signal to stop is handed on.

    When this process dies, of whatever, so do those: on Linux at once.

    Raises:
        Interrupted: a signal came, and the processes saved.
        TrainingError: a process failed; says why, as `failure_told` has it.
    """
    sizes = ["--standalone", f"--nproc-per-node={num_processes}"]
    command = [sys.executable, "-m", "treasure.training.torchrun", *sizes, "-m", module, str(folder)]
    _forget_failures(folder)
    with deferred_stop():
        process = start_tied(command, {"TORCH_ELASTIC_SHUTDOWN_TIMEOUT": str(_SAVE_S)})
        try:
            code = _wait(process, folder)
        finally:
            process.kill()  # a second Ctrl-C; its own processes go with it
            process.wait()
        reason = _told_failure(folder)
        _forget_failures(folder)
        if reason:
            raise TrainingError(reason)
        if stop_asked():
            raise Interrupted(stop_asked(), "from the last saved step")
    if code != 0:
        raise TrainingError(
            f"One of {num_processes} processes of the training ended without a word (torchrun: exit code {code}), as "
            f"when the system kills it for want of memory; what it wrote stands above. {_GO_ON}"
        )


@contextmanager
def failure_told(folder: Path, rank: int) -> Iterator[None]:
    """Leaves the error of the block, if it is one, for the process that waits in `run_on_processes`."""
    try:
        yield
    except Exception as error:
        facts = {"text": _text(error), "comes_after": _comes_after(error), "time": time.time()}
        write_json(folder / _ERRORS / f"{rank}.json", facts)
        raise


def _text(error: Exception) -> str:
    if isinstance(error, TreasureError):
        return str(error)
    text = f"{type(error).__name__}: {error}"
    if not _is_lost_connection(error):
        return text
    return (
        "The processes of the training lost each other: one of them was killed, as the system does for want of memory, "
        f"or the network between them failed ({' '.join(text.split())}). {_GO_ON}"
    )


def _comes_after(error: Exception) -> int:
    """The place among failures of one moment: a fault may follow from a mistake, a lost connection from both."""
    return 0 if isinstance(error, TreasureError) else 2 if _is_lost_connection(error) else 1


def _is_lost_connection(error: Exception) -> bool:
    """Whether torch could not reach another process: it says so in words alone, and gloo has no class of its own."""
    text = str(error)
    is_of_network = isinstance(error, torch.distributed.DistError) or (
        isinstance(error, RuntimeError) and "gloo" in text
    )
    return is_of_network and _LOST.search(text) is not None


def _told_failure(folder: Path) -> str:
    """The first thing that went wrong, of those that follow from no other."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in (folder / _ERRORS).glob("*.json")]
    first = min(found, key=lambda facts: (facts["comes_after"], facts["time"]), default=None)
    return "" if first is None else first["text"]


def _forget_failures(folder: Path) -> None:
    remove_folder(folder / _ERRORS)


def _wait(process: subprocess.Popen[bytes], folder: Path) -> int:
    """The exit status of `process`, which gets the signal that this one got, and is killed if it hangs on a failure."""
    is_told, failed_at = False, None
    while True:
        try:
            return process.wait(_POLL_S)
        except subprocess.TimeoutExpired:
            if stop_asked() and not is_told:
                is_told = True
                process.send_signal(signal.SIGTERM)
            if failed_at is None and (folder / _ERRORS).is_dir():
                failed_at = time.monotonic()
            if failed_at is not None and time.monotonic() - failed_at > _AFTER_FAILURE_S:
                process.kill()
