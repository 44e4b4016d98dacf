"""Commands as people start them, called in this process."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from treasure.cli.annotate import main

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def annotate(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Calls the command in the repository; gives what it said."""
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: str, code: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["treasure-annotate", *arguments])
        try:
            main()
            left = 0
        except SystemExit as end:
            left = end.code
        said = "".join(capfd.readouterr())
        assert left == code, said
        return said

    return call
