"""`treasure-annotate`: instruction data get their markers, kept in a folder beside them.

`export` writes them out, `train` trains a classifier from marked examples, `edges` cuts quality buckets.
"""

import sys

from treasure.config.jobs import Job
from treasure.config.launch import launch
from treasure.config.schema import AnnotateCommand, EdgesCommand, ExportCommand, TrainClassifierCommand


def main() -> None:
    """Entry point of `treasure-annotate` and of its subcommands."""
    match sys.argv[1:2]:
        case ["export"]:
            about = "Writes all examples with the markers of the sidecar or of the world, who gave them and how sure."
            launch(ExportCommand, "export", _export, about=about, subcommand="export")
        case ["train"]:
            about = "Trains a classifier from the known markers of `data`, measures it, and writes it into `folder`."
            launch(TrainClassifierCommand, "train_classifier", _train, about=about, subcommand="train")
        case ["edges"]:
            about = "Cuts quality buckets by the scores that the sidecar `folder` knows, once and for all later data."
            launch(EdgesCommand, "edges", _edges, about=about, subcommand="edges")
        case _:
            about = "Asks the annotators, in order of trust, about all examples; goes on where an earlier start ended."
            launch(AnnotateCommand, "annotate", _annotate, about=about)


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
