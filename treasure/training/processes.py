"""Trainings on several processes: who this process is, and one start of many through torch's own launcher.

Who starts the processes is torchrun or SLURM, outside; or this module, when `trainer.devices` asks for several.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

import torch

from treasure.errors import Interrupted, TrainingError
from treasure.stopping import deferred_stop, stop_asked

_POLL_S = 0.2
_NUMBER = ("RANK", "SLURM_PROCID")


def rank() -> int:
    """The number of this process among those of the training, from 0."""
    return next((int(os.environ[name]) for name in _NUMBER if os.environ.get(name, "").isdigit()), 0)


def is_started() -> bool:
    """Whether a launcher started this process as one of several."""
    return any(name in os.environ for name in ("TORCHELASTIC_RUN_ID", "SLURM_PROCID"))


def leave_together() -> None:
    """Waits until all processes of the training are here: launchers soon kill those that one with an error leaves."""
    if torch.distributed.is_initialized():
        torch.distributed.barrier()


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
