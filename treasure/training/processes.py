"""Trainings on several processes of this machine, started through torch's own launcher."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

from treasure.errors import Interrupted, TrainingError
from treasure.stopping import deferred_stop, stop_asked

_POLL_S = 0.2


def run_on_processes(module: str, arguments: Sequence[str], num_processes: int) -> None:
    """Runs `python -m module arguments` on this machine, `num_processes` at once; a signal to stop is handed on.

    Raises:
        Interrupted: a signal came, and the processes saved.
        TrainingError: a process failed; what it said stands on the terminal.
    """
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={num_processes}"]
    with deferred_stop():
        process = subprocess.Popen([*command, "-m", module, *arguments], start_new_session=True)
        try:
            code = _wait(process)
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
        if stop_asked():
            raise Interrupted(stop_asked(), "from the last saved step")
    if code != 0:
        raise TrainingError(f"Training on {num_processes} processes failed; the reason stands above.")


def _wait(process: subprocess.Popen[bytes]) -> int:
    """The exit status of `process`, which gets the signal that this one got."""
    is_told = False
    while True:
        try:
            code = process.wait(_POLL_S)
        except subprocess.TimeoutExpired:
            if stop_asked() and not is_told:
                is_told = True
                process.send_signal(signal.SIGTERM)
            continue
        return code
