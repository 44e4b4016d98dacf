"""Two real processes with gloo learn what one learns."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
LOSSES = ("step", "loss", "header_loss", "content_loss", "token_accuracy")


def start(outputs: Path, *options: str) -> subprocess.Popen[str]:
    command = [str(Path(sys.executable).parent / "treasure-train"), "experiments=quick", "trainer.precision=32-true"]
    sizes = ["world.num_train_examples=600", "batch.micro_batch_size=8", "callbacks.log_every=1", "logger=csv"]
    return subprocess.Popen(
        [*command, *sizes, f"paths.outputs={outputs}", "name=run", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
    )


def finish(process: subprocess.Popen[str]) -> str:
    text, _ = process.communicate(timeout=240)
    assert process.returncode == 0, text
    return text


def losses(outputs: Path) -> list[list[float]]:
    (file,) = outputs.glob("runs/quick/run-*/metrics/metrics.csv")
    with file.open(encoding="utf-8") as lines:
        return [[float(row[name]) for name in LOSSES] for row in csv.DictReader(lines)]


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(tmp_path):
    finish(start(tmp_path / "one"))
    finish(start(tmp_path / "two", "trainer.devices=2"))
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert len(one) == len(two) > 10
    for left, right in zip(one, two, strict=True):
        assert right == pytest.approx(left, rel=1e-4)
    totals = [
        json.loads(next((tmp_path / name).glob("runs/quick/run-*/training.json")).read_text())["num_tokens"]
        for name in ("one", "two")
    ]
    assert totals[0] == totals[1], "other dropout was drawn"


@pytest.mark.slow
def test_a_signal_stops_all_processes_and_they_go_on_together(tmp_path):
    finish(start(tmp_path / "whole", "trainer.devices=2"))
    process = start(tmp_path / "cut", "trainer.devices=2", "trainer.save_every_steps=2")
    deadline = time.monotonic() + 200
    while not list(tmp_path.glob("cut/runs/quick/run-*/state/step-*/state.json")) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    text, _ = process.communicate(timeout=120)
    assert process.returncode == 75, text
    finish(start(tmp_path / "cut", "trainer.devices=2", "trainer.save_every_steps=2"))
    assert losses(tmp_path / "cut") == losses(tmp_path / "whole")


@pytest.mark.slow
def test_several_machines_need_a_launcher(tmp_path):
    process = start(tmp_path, "trainer.num_nodes=2")
    text, _ = process.communicate(timeout=240)
    assert process.returncode == 2
    assert "srun, or by torchrun" in text
