"""`treasure-report`: the finished runs of a group become a page, tables and figures.

`status` tells how all runs stand, `coverage` what annotations cover, `agreement` how well they agree with gold.
"""

import sys

from treasure.config.jobs import Job
from treasure.config.launch import launch
from treasure.config.schema import AgreementCommand, CoverageCommand, ReportCommand, StatusCommand

_SUBCOMMANDS = {
    "status": "Prints how all runs stand at this moment: done, failed, running, waiting or cut short.",
    "coverage": "Writes outputs/reports/<folder>/: what annotations cover, and which levers would be guesses.",
    "agreement": "Writes outputs/reports/<folder>/: how well annotations agree with gold, or with each other.",
}


def main() -> None:
    """Entry point of `treasure-report` and of its subcommands."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    about = _SUBCOMMANDS.get(name, "")
    match name:
        case "status":
            launch(StatusCommand, "status", _status, about=about, subcommand=name)
        case "coverage":
            launch(CoverageCommand, "coverage", _coverage, about=about, subcommand=name)
        case "agreement":
            launch(AgreementCommand, "agreement", _agreement, about=about, subcommand=name)
        case _:
            about = "Writes outputs/reports/<group>/ and prints the closing table; W&B gets the final lifts."
            launch(ReportCommand, "report", _report, about=about, subcommands=_SUBCOMMANDS)


def _status() -> Job[StatusCommand]:
    from treasure.cli.status import show_status

    return show_status


def _coverage() -> Job[CoverageCommand]:
    from treasure.cli.jobs.annotation_reports import report_coverage

    return report_coverage


def _agreement() -> Job[AgreementCommand]:
    from treasure.cli.jobs.annotation_reports import report_agreement

    return report_agreement


def _report() -> Job[ReportCommand]:
    from treasure.cli.jobs.report import run

    return run
