"""`treasure-render`: prints training examples as the model sees them, coloured by kind of token."""

from treasure.config.jobs import Job
from treasure.config.launch import launch
from treasure.config.schema import RenderCommand


def main() -> None:
    """Entry point of `treasure-render`."""
    about = (
        "Prints `count` examples from number `example` on, with the dropout of `epoch`, at the rates of the first step."
    )
    launch(RenderCommand, "render", _job, about=about)


def _job() -> Job[RenderCommand]:
    from treasure.cli.jobs.render import run

    return run
