"""Every notebook runs from top to bottom on a report of fake runs, and is kept without outputs."""

import runpy
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from treasure.analysis.report import write_report

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def report_folder(tmp_path_factory):
    fake = runpy.run_path(str(ROOT / "tests" / "analysis" / "fake_runs.py"))
    runs = fake["write_fake_runs"](tmp_path_factory.mktemp("runs"), num_prompts=16, steps=(400, 800), benches=fake["BENCHES"][:5])
    return write_report(runs.parent, runs.name, tmp_path_factory.mktemp("report"), title="For notebooks").folder


def test_there_are_notebooks():
    assert "01_head_vs_tail.ipynb" in [path.name for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_without_outputs(path):
    cells = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    assert cells
    assert all(not cell.outputs and cell.execution_count is None for cell in cells)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, report_folder, monkeypatch):
    monkeypatch.setenv("TREASURE_REPORT", str(report_folder))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    notebook = nbformat.read(path, 4)
    NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": path.parent}}
    ).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not any(output.get("name") == "stderr" for output in outputs)
