"""Real processes that are killed end like one that was not."""

import csv
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

REPOSITORY = Path(__file__).parents[2]
DRIVER = Path(__file__).with_name("killable.py")
TINY = [
    "experiments=quick", "world.num_train_examples=64", "model.tiny.vocab_size=400", "model.max_length=400",
    "batch.global_batch_size=8", "batch.micro_batch_size=4", "trainer.accelerator=cpu", "callbacks.log_every=1",
    "callbacks.progress=false", "logger=csv", "trainer.save_every_steps=1",
]  # fmt: skip
LOSS_COLUMNS = ("step", "loss", "content_loss", "header_loss", "token_accuracy", "learning_rate")


def start(outputs: Path, attempts: list[dict], *arguments: str, command: str = "train"):
    order = {
        "command": command, "outputs": str(outputs), "arguments": [*TINY, *arguments], "attempts": attempts
    }  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "COLUMNS": "300"}
    done = subprocess.run(
        [sys.executable, str(DRIVER), json.dumps(order)],
        cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=1200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def run_of(outputs: Path) -> Path:
    (folder,) = (outputs / "runs" / "quick").iterdir()
    return folder


def result(outputs: Path):
    """(weights of the model and its snapshots, loss columns as text, what the training says it cost)."""
    run = run_of(outputs)
    places = [run / "model", *sorted((run / "snapshots").glob("step-*"))]
    weights = {
        f"{place.name}.{name}": tensor.numpy().tobytes()
        for place in places
        for name, tensor in load_file(place / "model.safetensors").items()
    }
    with (run / "metrics" / "metrics.csv").open() as file:
        rows = [[row[name] for name in LOSS_COLUMNS] for row in csv.DictReader(file)]
    facts = json.loads((run / "training.json").read_text())
    return weights, rows, {key: value for key, value in facts.items() if key != "train_seconds"}


def assert_same(outputs: Path, expected: Path) -> None:
    (weights, rows, facts), (other_weights, other_rows, other_facts) = result(outputs), result(expected)
    assert rows == other_rows
    assert facts == other_facts
    assert weights == other_weights
    left = {path.name for path in run_of(outputs).iterdir()}
    assert not left & {"state", "progress.json", "LOCK", "FAILED", "INTERRUPTED"}


def test_killed_and_stopped_runs_end_like_one_that_was_not(tmp_path):
    """SIGKILL while training, SIGTERM (which saves and asks to be queued again), then to the end."""
    options = ("trainer.max_steps=20", "trainer.snapshots=[0.1,0.9]")
    attempts = [
        {"signal": "SIGKILL", "after_steps": 5, "after_s": 0.01},
        {"signal": "SIGTERM", "after_steps": 5, "after_s": 0},
        {},
        {
            "outputs": str(tmp_path / "whole"),
            "arguments": [*TINY, *options, "trainer.save_every_minutes=null", "trainer.save_every_steps=null"],
        },
    ]
    outcomes, told = start(tmp_path / "killed", attempts, *options)
    assert [outcome["code"] for outcome in outcomes] == [-9, 75, 0, 0], told[-3000:]
    saved = [outcome["saved"] for outcome in outcomes[:2]]
    assert 0 < saved[0] <= saved[1] < 20
    assert f"Stopped by SIGTERM. The same command goes on from step {saved[1]} of 20." in told
    assert f"going on at step {saved[1]} of 20" in told
    assert_same(tmp_path / "killed", tmp_path / "whole")


@pytest.mark.slow
def test_a_full_disk_is_told_and_the_last_good_state_goes_on(tmp_path):
    """No file may grow beyond what a state needs: first metrics.csv does not fit, then the state."""
    options = ("trainer.max_steps=12", "trainer.snapshots=[0.5]")
    attempts = [
        {"signal": "SIGKILL", "after_steps": 3, "after_s": 0},
        {"limit_bytes": 20_000},
        {},
    ]
    outcomes, told = start(tmp_path / "full", attempts, *options)
    assert [outcome["code"] for outcome in outcomes] == [-9, 2, 0], told[-3000:]
    assert outcomes[1]["saved"] == outcomes[0]["saved"] and not outcomes[1]["in_save"]
    (line,) = [line for line in told.splitlines() if line.startswith("treasure-train: ")]
    assert "There is no room for the state of the training" in line and "File too large" in line
    assert f"The last good state is that of step {outcomes[0]['saved']}, kept in" in line
    assert "Traceback" not in told
    start(tmp_path / "whole", [{}], *options)
    assert_same(tmp_path / "full", tmp_path / "whole")


@pytest.mark.slow
def test_twenty_random_kills_change_nothing(tmp_path):
    """Kills at random moments: while preparing, mid-epoch, and during a save, of which there is one a step."""
    draw = random.Random(20)
    options = ("trainer.max_steps=400", "trainer.snapshots=[0.1,0.5,0.9]", "world.num_train_examples=300")
    kills = [
        {"signal": "SIGKILL", "after_steps": draw.randrange(1, 12), "after_s": draw.uniform(0, 0.05)} for _ in range(9)
    ]
    kills += [
        {"signal": "SIGKILL", "after_steps": draw.randrange(12), "in_save": True, "after_s": draw.uniform(0, 0.002)}
        for _ in range(9)
    ]
    kills += [{"signal": "SIGKILL", "after_s": draw.uniform(0, 2)} for _ in range(2)]
    draw.shuffle(kills)
    outcomes, told = start(tmp_path / "killed", [*kills, {}], *options)
    codes = [outcome["code"] for outcome in outcomes]
    assert codes == [-9] * 20 + [0], told[-3000:]
    assert sum(outcome["in_save"] for outcome in outcomes[:20]) >= 3
    assert len({outcome["saved"] for outcome in outcomes[:20]}) >= 10
    start(tmp_path / "whole", [{}], *options, "trainer.save_every_minutes=null", "trainer.save_every_steps=null")
    assert_same(tmp_path / "killed", tmp_path / "whole")
