"""One of several processes of a training: `python -m treasure.cli.worker FOLDER`, started by torch's launcher.

The folder is that of a run whose first process waits; its job file holds the options.
"""

import os
import sys
from pathlib import Path

from treasure.errors import Interrupted, TreasureError
from treasure.parent import die_with_parent
from treasure.stopping import deferred_stop, stop_signals


def main() -> None:
    """Trains as one of several, and ends this process."""
    die_with_parent()
    code = train(Path(sys.argv[1]))
    sys.stdout.flush()
    sys.stderr.flush()
    # Not by Python's own end: gloo's threads may still let go of tensors then, and abort the process where they find
    # no interpreter (pytorch/pytorch issue 190489; one in ten ends here). All is written, and loggers are finished.
    os._exit(code)


def train(folder: Path) -> int:
    """Trains and gives the exit code; a signal waits for the first step, where all processes stop together."""
    try:
        with stop_signals(), deferred_stop():
            _train(folder)
    except Interrupted:
        from treasure.config.launch import EXIT_INTERRUPTED

        return EXIT_INTERRUPTED
    except TreasureError:
        return 2  # who waits tells why
    return 0


def _train(folder: Path) -> None:
    # Imported here: that takes seconds, in which signals come and parents die.
    from treasure.cli.console import quiet_libraries
    from treasure.cli.jobs.inputs import load_inputs
    from treasure.cli.jobs.train import run_loggers, train_here
    from treasure.config.job_file import read_job
    from treasure.config.schema import RunCommand
    from treasure.files import told_when_full
    from treasure.ranks import rank
    from treasure.training.loggers import finish
    from treasure.training.processes import failure_told

    quiet_libraries()
    config = read_job(folder, RunCommand)
    with failure_told(folder, rank(config.trainer.num_processes)), told_when_full("the training's files"):
        loggers = run_loggers(config, folder)
        try:
            train_here(config, load_inputs(config), folder, loggers)
        except BaseException:
            finish(loggers, succeeded=False)
            raise
        finish(loggers, succeeded=True)


if __name__ == "__main__":
    main()
