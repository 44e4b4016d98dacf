"""`treasure-annotate`: instruction data get their markers, kept in a folder beside them.

`export` writes them out, `train` trains a classifier from marked examples, `edges` cuts quality buckets.
"""

import sys

from treasure.config.jobs import Job
from treasure.config.launch import launch
from treasure.config.schema import AnnotateCommand, EdgesCommand, ExportCommand, TrainClassifierCommand

_SUBCOMMANDS = {
    "export": "Writes all examples with the markers of the sidecar or of the world, who gave them and how sure.",
    "train": "Trains a classifier from the known markers of `data`, measures it, and writes it into `folder`.",
    "edges": "Cuts quality buckets by the scores that the sidecar `folder` knows, once and for all later data.",
}


def main() -> None:
    """Entry point of `treasure-annotate` and of its subcommands."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    about = _SUBCOMMANDS.get(name, "")
    match name:
        case "export":
            launch(ExportCommand, "export", _export, about=about, subcommand=name)
        case "train":
            launch(TrainClassifierCommand, "train_classifier", _train, about=about, subcommand=name)
        case "edges":
            launch(EdgesCommand, "edges", _edges, about=about, subcommand=name)
        case _:
            about = "Asks the annotators, in order of trust, about all examples; goes on where an earlier start ended."
            launch(AnnotateCommand, "annotate", _annotate, about=about, subcommands=_SUBCOMMANDS)


def _export() -> Job[ExportCommand]:
    from treasure.cli.jobs.annotate import run_export

    return run_export


def _train() -> Job[TrainClassifierCommand]:
    from treasure.cli.jobs.annotate import run_train

    return run_train


def _edges() -> Job[EdgesCommand]:
    from treasure.cli.jobs.annotate import run_edges

    return run_edges


def _annotate() -> Job[AnnotateCommand]:
    from treasure.cli.jobs.annotate import run

    return run
