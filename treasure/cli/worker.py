"""One of several processes of a training: `python -m treasure.cli.worker FOLDER`, started by torch's launcher.

The folder is that of a run whose first process waits; its job file holds the options.
"""

import os
import sys
from pathlib import Path

from treasure.cli.console import quiet_libraries
from treasure.cli.inputs import load_inputs
from treasure.cli.train import run_loggers, train_here
from treasure.config.job_file import read_job
from treasure.config.launch import EXIT_INTERRUPTED
from treasure.config.schema import RunCommand
from treasure.errors import Interrupted, TreasureError
from treasure.stopping import stop_signals
from treasure.training.loggers import finish
from treasure.training.processes import rank


def main() -> None:
    """Trains as one of several, and ends this process."""
    code = train()
    sys.stdout.flush()
    sys.stderr.flush()
    # Not by Python's own end: gloo's threads may still let go of tensors then, and abort the process where they find
    # no interpreter (pytorch/pytorch issue 190489; one in ten ends here). All is written, and loggers are finished.
    os._exit(code)


def train() -> int:
    """Trains as one of several, of which the first writes; the exit code."""
    quiet_libraries()
    folder = Path(sys.argv[1])
    config = read_job(folder, RunCommand)
    loggers = run_loggers(config, folder) if rank() == 0 else []
    try:
        with stop_signals():
            train_here(config, load_inputs(config), folder, loggers)
    except (TreasureError, Interrupted) as error:
        finish(loggers, succeeded=False)
        print(f"treasure: {error}", file=sys.stderr, flush=True)
        return EXIT_INTERRUPTED if isinstance(error, Interrupted) else 2
    finish(loggers, succeeded=True)
    return 0


if __name__ == "__main__":
    main()
