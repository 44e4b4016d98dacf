"""XCOMET's process: scores come back in order, and its death, silence or nonsense costs one batch and no more."""

import os
import sys
import time
from pathlib import Path

import pytest

from treasure.errors import ConfigError, ScorerError
from treasure.evaluation.benchmarks.translation_config import XcometConfig
from treasure.evaluation.metrics.xcomet import Segment, Xcomet

WORKER = Path(__file__).with_name("fake_xcomet.py")
SEGMENTS = [Segment("s", "a" * length, "r" * 10) for length in range(7)]


def started(model: str = "good", batch_size: int = 2, timeout_s: float = 30.0) -> Xcomet:
    config = XcometConfig(python=sys.executable, model=model, batch_size=batch_size, timeout_s=timeout_s, start_s=60)
    return Xcomet(config, WORKER)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_scores_come_in_the_order_of_the_segments_whatever_the_batch() -> None:
    with started() as small, started(batch_size=100) as large:
        assert small.score(SEGMENTS) == large.score(SEGMENTS) == [length / 10 for length in range(7)]
        assert small.score([]) == []


def test_an_empty_translation_has_0_and_starts_no_process() -> None:
    with started() as xcomet:
        assert xcomet.score([Segment("s", empty, "r") for empty in ("", " \n")]) == [0.0, 0.0]
        assert xcomet._process is None


def test_one_process_serves_many_calls_and_ends_with_the_block() -> None:
    with started() as xcomet:
        xcomet.score(SEGMENTS)
        assert xcomet._process is not None
        popen = xcomet._process._popen
        xcomet.score(SEGMENTS)
        assert xcomet._process._popen is popen
    assert not is_alive(popen.pid)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("die", "exit code 9"),
        ("babble", "no JSON object: 'loading checkpoint'"),
        ("few", "1 scores for 2 segments"),
        ("nan", "finite"),
        ("late", "an answer to request"),
        ("fails", "OutOfMemoryError"),
    ],
)
def test_a_fault_costs_its_batch_alone_and_says_why(fault: str, reason: str) -> None:
    segments = [*SEGMENTS[1:3], Segment("s", fault, "r"), SEGMENTS[3], *SEGMENTS[4:6]]
    with started() as xcomet:
        found = xcomet.score(segments)
    assert found[:2] + found[4:] == [0.1, 0.2, 0.4, 0.5]
    for text in found[2:4]:
        assert isinstance(text, str)
        assert reason in text


def test_a_process_that_hangs_is_ended_in_time() -> None:
    with started(timeout_s=1) as xcomet:
        # A fresh Python takes longer than that to start, which `start_s` allows.
        before = time.monotonic()
        found = xcomet.score([Segment("s", "hang", "r"), Segment("s", "aa", "rr"), *SEGMENTS[:2]])
        assert time.monotonic() - before < 60
    assert found[:2] == ["XCOMET: no answer within 1 s"] * 2
    assert found[2:] == [0.0, 0.1]


def test_a_batch_that_fails_once_is_scored_by_a_fresh_process(tmp_path: Path) -> None:
    with started(model=str(tmp_path / "seen")) as xcomet:
        assert xcomet.score([Segment("s", "once", "rrrr")]) == [1.0]


@pytest.mark.parametrize("model", ["cannot load", "dies at once"])
def test_a_process_that_cannot_start_is_an_error_that_says_how_to_set_it_up(model: str) -> None:
    with started(model=model) as xcomet, pytest.raises(ScorerError, match="pip install unbabel-comet"):
        xcomet.score(SEGMENTS)


def test_the_shipped_worker_tells_that_comet_is_not_installed() -> None:
    config = XcometConfig(python=sys.executable, start_s=60)
    with Xcomet(config) as xcomet, pytest.raises(ScorerError, match="No module named 'comet'"):
        xcomet.score(SEGMENTS)


def test_the_shipped_worker_speaks_the_protocol_with_a_library_of_comets_shape(tmp_path: Path) -> None:
    (tmp_path / "comet").mkdir()
    (tmp_path / "comet" / "__init__.py").write_text(
        "class Model:\n"
        "    def predict(self, rows, batch_size, gpus, progress_bar):\n"
        "        print('a library that prints')\n"
        "        return {'scores': [len(row['mt']) / 10 for row in rows]}\n"
        "def download_model(name): return name\n"
        "def load_from_checkpoint(path): return Model()\n"
    )
    info = tmp_path / "unbabel_comet-2.2.6.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: unbabel-comet\nVersion: 2.2.6\n")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    with Xcomet(XcometConfig(python=str(python), start_s=60)) as xcomet:
        assert xcomet.score(SEGMENTS[:3]) == [0.0, 0.1, 0.2]


@pytest.mark.parametrize("python", ["", "/no/such/python"])
def test_an_environment_that_is_not_there_is_refused_before_anything_is_asked(python: str) -> None:
    with pytest.raises(ScorerError, match=r"translation\.xcomet\.python"):
        Xcomet(XcometConfig(python=python))


@pytest.mark.parametrize("options", [{"batch_size": 0}, {"gpus": 2}, {"timeout_s": 0.0}, {"start_s": float("nan")}])
def test_options_out_of_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        XcometConfig(**options)  # type: ignore[arg-type]
