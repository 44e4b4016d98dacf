"""One of several processes of a training: `python -m treasure.cli.worker FOLDER`, started by torch's launcher.

The folder is that of a run whose first process waits; its job file holds the options.
"""

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


def main() -> None:
    """Trains as one of several; the first of them writes."""
    quiet_libraries()
    folder = Path(sys.argv[1])
    config = read_job(folder, RunCommand)
    loggers = run_loggers(config, folder)
    try:
        with stop_signals():
            train_here(config, load_inputs(config), folder, loggers)
    except (TreasureError, Interrupted) as error:
        finish(loggers, succeeded=False)
        print(f"treasure: {error}", file=sys.stderr, flush=True)
        sys.exit(EXIT_INTERRUPTED if isinstance(error, Interrupted) else 2)
    finish(loggers, succeeded=True)


if __name__ == "__main__":
    main()
