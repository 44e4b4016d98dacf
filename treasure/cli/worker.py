"""One of several processes of a training: `python -m treasure.cli.worker FOLDER`, started by torch's launcher.

The folder is that of a run whose first process waits; its job file holds the options.
"""

import sys
from pathlib import Path

from treasure.errors import Interrupted, TreasureError
from treasure.stopping import deferred_stop, stop_signals
from treasure.training.parent import die_with_parent


def main() -> None:
    """Trains as one of several; a signal waits for the first step, where all processes stop together."""
    die_with_parent()
    try:
        with stop_signals(), deferred_stop():
            _train(Path(sys.argv[1]))
    except Interrupted:
        from treasure.config.launch import EXIT_INTERRUPTED

        sys.exit(EXIT_INTERRUPTED)
    except TreasureError:
        sys.exit(2)  # who waits tells why


def _train(folder: Path) -> None:
    # Imported here: that takes seconds, in which signals come and parents die.
    from treasure.cli.console import quiet_libraries
    from treasure.cli.inputs import load_inputs
    from treasure.cli.train import run_loggers, train_here
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
