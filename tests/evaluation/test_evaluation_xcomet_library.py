"""The shipped worker over the real library, with a tiny model of random weights: `TREASURE_XCOMET_PYTHON` names a
Python that has unbabel-comet. Without it the test is skipped."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from treasure.evaluation.benchmarks.translation_config import XcometConfig
from treasure.evaluation.metrics.xcomet import Segment, Xcomet

PYTHON = os.environ.get("TREASURE_XCOMET_PYTHON", "")
SEGMENTS = [
    Segment("Hello world", "Hallo Welt", "Hallo Welt"),
    Segment("Hello", "Hallo", "Guten Tag"),
    Segment("a small text", "ein kleiner", "ein kleiner Text"),
    Segment("text " * 900, "Text " * 900, "Text"),
    Segment("a\n\u2028b", '{"id": 1}', "\u0000"),
]


@pytest.mark.slow
@pytest.mark.skipif(not PYTHON, reason="TREASURE_XCOMET_PYTHON names no Python with unbabel-comet")
def test_the_worker_gives_the_scores_of_the_library(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rows = [{"src": each.source, "mt": each.answer, "ref": each.reference} for each in SEGMENTS]
    done = subprocess.run(
        [PYTHON, str(Path(__file__).with_name("tiny_xcomet.py")), str(tmp_path)],
        input=json.dumps(rows),
        capture_output=True,
        text=True,
        check=True,
    )
    expected = json.loads(done.stdout.splitlines()[-1])
    assert len(set(expected)) > 2, "a model that scores all alike shows no mistake in their order"
    config = XcometConfig(python=PYTHON, model=str(tmp_path / "checkpoints" / "model.ckpt"), batch_size=2)
    capfd.readouterr()
    with Xcomet(config) as xcomet:
        assert xcomet.score(SEGMENTS) == pytest.approx(expected, abs=1e-5)
    assert capfd.readouterr().err == "", "what the library tells is nothing for a user's terminal"
