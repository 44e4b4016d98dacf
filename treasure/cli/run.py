"""`treasure-run`: trains one model and evaluates it, one job of a sweep."""

from treasure.config.jobs import Job
from treasure.config.launch import launch
from treasure.config.schema import RunCommand


def main() -> None:
    """Entry point of `treasure-run`."""
    about = "Trains and evaluates one model; a run that is done is skipped, one that broke off goes on where it can."
    launch(RunCommand, "run", _job, about=about)


def _job() -> Job[RunCommand]:
    from treasure.cli.jobs.run import run

    return run
