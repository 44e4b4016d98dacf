"""`treasure-train`: trains one model and exports it into its run folder."""

from treasure.config.jobs import Job
from treasure.config.launch import launch
from treasure.config.schema import RunCommand


def main() -> None:
    """Entry point of `treasure-train`."""
    about = "Trains one model, unless its run folder already holds it; treasure-evaluate completes the run."
    launch(RunCommand, "run", _job, about=about)


def _job() -> Job[RunCommand]:
    from treasure.cli.jobs.train import run

    return run
