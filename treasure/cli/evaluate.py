"""`treasure-evaluate`: asks a trained model every prompt in every regime and writes `records.jsonl`.

`levers` measures how a trained model follows its levers, and saves with it what makes them keep what they promise.
`markers` compares the headers that it writes with what is true of prompts that it never saw.
`benchmark` runs public benchmarks on their own files, `rescore` scores the answers of such a run anew.
`compare` sets the records of two evaluations against each other, prompt by prompt.
"""

import sys

from treasure.config.evaluate_schema import (
    BenchmarksCommand,
    CompareCommand,
    LeverStudiesCommand,
    MarkersCommand,
    RescoreCommand,
)
from treasure.config.jobs import Job
from treasure.config.launch import launch
from treasure.config.schema import RunCommand

_SUBCOMMANDS = {
    "benchmark": "Runs public benchmarks on their own files: every prompt in every regime, scored, with intervals.",
    "rescore": "Scores the answers of a benchmark anew, from its records, without the model.",
    "compare": "Compares the records of two evaluations, prompt by prompt: differences, intervals and tests.",
    "markers": "Compares the headers that the model of a finished run writes with what is true of held-out prompts.",
    "levers": "Measures the levers of a finished run and calibrates them; the next report of its group shows it.",
}


def main() -> None:
    """Entry point of `treasure-evaluate` and of its subcommands."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    about = _SUBCOMMANDS.get(name, "")
    match name:
        case "levers":
            launch(LeverStudiesCommand, "lever_studies", _levers, about=about, subcommand=name)
        case "benchmark":
            launch(BenchmarksCommand, "benchmarks", _benchmarks, about=about, subcommand=name)
        case "markers":
            launch(MarkersCommand, "markers", _markers, about=about, subcommand=name)
        case "rescore":
            launch(RescoreCommand, "rescore", _rescore, about=about, subcommand=name)
        case "compare":
            launch(CompareCommand, "compare", _compare, about=about, subcommand=name)
        case _:
            about = "Evaluates the model that treasure-train left in the run folder of the same options: the run is "
            about += "done. Public benchmarks, comparisons and more are subcommands."
            launch(RunCommand, "run", _job, about=about, subcommands=_SUBCOMMANDS)


def _levers() -> Job[LeverStudiesCommand]:
    from treasure.cli.jobs.levers import run

    return run


def _benchmarks() -> Job[BenchmarksCommand]:
    from treasure.cli.jobs.benchmarks import run

    return run


def _markers() -> Job[MarkersCommand]:
    from treasure.cli.jobs.marker_prediction import run

    return run


def _rescore() -> Job[RescoreCommand]:
    from treasure.cli.jobs.benchmarks import rescore_folder

    return rescore_folder


def _compare() -> Job[CompareCommand]:
    from treasure.cli.jobs.compare import run

    return run


def _job() -> Job[RunCommand]:
    from treasure.cli.jobs.evaluate import run

    return run
