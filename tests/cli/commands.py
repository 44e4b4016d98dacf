"""Commands as people start them, called in this process, which saves the seconds that imports take."""

import importlib
import sys
from pathlib import Path

import pytest

from treasure.cli.console import console

REPOSITORY = Path(__file__).parents[2]


def call(program: str, *arguments: str, columns: int = 100, folder: Path = REPOSITORY) -> int:
    """The exit code of `program`, such as treasure-run, started in `folder` at a terminal `columns` wide."""
    name = program.removeprefix("treasure-") if "-" in program else "main"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", [program, *arguments])
        patch.setenv("COLUMNS", str(columns))
        patch.setattr(console, "width", columns)  # which it read when it was first imported
        try:
            importlib.import_module(f"treasure.cli.{name}").main()
        except SystemExit as end:
            return int(end.code or 0)
        return 0


def report(capture: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors of `treasure-report`."""
    return call("treasure-report", *arguments), *capture.readouterr()
