"""`treasure-evaluate`: asks a trained model every prompt in every regime and writes `records.jsonl`."""

from treasure.config.jobs import Job
from treasure.config.launch import launch
from treasure.config.schema import RunCommand


def main() -> None:
    """Entry point of `treasure-evaluate`."""
    about = "Evaluates the model that treasure-train left in the run folder of the same options: the run is done."
    launch(RunCommand, "run", _job, about=about)


def _job() -> Job[RunCommand]:
    from treasure.cli.jobs.evaluate import run

    return run
