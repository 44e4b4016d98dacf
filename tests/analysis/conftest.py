"""Fake runs and a report made from them once for all tests of the analysis."""

import runpy
from pathlib import Path
from unittest import mock

import pytest

from treasure.analysis.contents import Report
from treasure.analysis.report import write_report

FAKE = runpy.run_path(str(Path(__file__).with_name("fake_runs.py")))


@pytest.fixture(scope="session")
def fake():
    """The names of `fake_runs.py`."""
    return FAKE


@pytest.fixture(scope="session")
def runs_folder(tmp_path_factory) -> Path:
    return FAKE["write_fake_runs"](tmp_path_factory.mktemp("runs"), num_prompts=40)


@pytest.fixture(scope="session")
def numbers(runs_folder, tmp_path_factory) -> Report:
    """A report without figures, which take most of the time."""
    with mock.patch("treasure.analysis.report.draw_all", return_value=()):
        return write_report(runs_folder.parent, runs_folder.name, tmp_path_factory.mktemp("numbers"), title="Numbers")


@pytest.fixture(scope="session")
def report(runs_folder, tmp_path_factory) -> Report:
    return write_report(runs_folder.parent, runs_folder.name, tmp_path_factory.mktemp("report"), title="Tail & <head>")
