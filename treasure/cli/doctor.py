"""`treasure-doctor`: says in one table whether this machine can run everything, and what to do where it cannot."""

import argparse
import sys
from pathlib import Path

from rich.table import Table
from rich.text import Text

from treasure.cli.checks import Finding, State, findings
from treasure.cli.console import console, say

_STYLES = {State.OK: "green", State.NOTE: "yellow", State.PROBLEM: "bold red"}


def main() -> None:
    """Entry point of `treasure-doctor`. Exit code 0 when the core works, 1 when something must be mended first."""
    parser = argparse.ArgumentParser(prog="treasure-doctor", description="Checks that this machine can run treasure.")
    quick = "do not try what takes a while: torch.compile, and a program in each language of generated code"
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--outputs", type=Path, default=Path("outputs"), help="folder for runs (default: outputs)")
    arguments = parser.parse_args()
    found = list(findings(arguments.outputs, quick=arguments.quick))
    console.print(_table(found))
    problems = [finding for finding in found if finding.state is State.PROBLEM]
    say(_verdict(problems))
    sys.exit(1 if problems else 0)


def _table(found: list[Finding]) -> Table:
    table = Table("what", "state", "found", show_edge=False)
    for finding in found:
        text = Text(finding.text)
        if finding.advice:
            text.append(f"\n→ {finding.advice}", style="italic")
        table.add_row(finding.name, Text(finding.state.value, style=_STYLES[finding.state]), text)
    return table


def _verdict(problems: list[Finding]) -> str:
    if not problems:
        return "The core works."
    steps = "\n".join(f"  {finding.name}: {finding.text}. {finding.advice}" for finding in problems)
    return f"The core does not work yet. To do:\n{steps}"
