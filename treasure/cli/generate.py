"""`treasure-generate`: a trained model answers one prompt or a file of prompts, with levers."""

from treasure.config.jobs import Job
from treasure.config.launch import launch
from treasure.config.schema import GenerateCommand


def main() -> None:
    """Entry point of `treasure-generate`."""
    about = "Shows one answer as a page, or writes many with the markers that the model wrote before them."
    launch(GenerateCommand, "generate", _job, about=about)


def _job() -> Job[GenerateCommand]:
    from treasure.cli.jobs.generate import run

    return run
