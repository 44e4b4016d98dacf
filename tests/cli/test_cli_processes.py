"""Two real processes with gloo learn what one learns."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

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


def weights(outputs: Path) -> dict[str, torch.Tensor]:
    (file,) = outputs.glob("runs/quick/run-*/model/model.safetensors")
    return load_file(file)


def counted(outputs: Path) -> dict[str, float]:
    (file,) = outputs.glob("runs/quick/run-*/training.json")
    summary = json.loads(file.read_text())
    return {name: value for name, value in summary.items() if name.startswith("num_") or name == "examples_key"}


def assert_same(two: Path, one: Path) -> None:
    found, expected = losses(two), losses(one)
    assert len(found) == len(expected) > 10
    for left, right in zip(found, expected, strict=True):
        assert left == pytest.approx(right, rel=1e-4)
    assert counted(two) == counted(one), "other dropout was drawn"
    ours, theirs = weights(two), weights(one)
    assert ours.keys() == theirs.keys()
    for name, weight in theirs.items():
        torch.testing.assert_close(ours[name], weight, rtol=1e-4, atol=2e-5, msg=lambda text, n=name: f"{n} {text}")


def saved(outputs: Path) -> list[Path]:
    return list(outputs.glob("runs/quick/run-*/state/step-*/state.json"))


def wait_for_a_state(process: subprocess.Popen[str], outputs: Path) -> None:
    deadline = time.monotonic() + 200
    while not saved(outputs) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def workers(outputs: Path) -> list[int]:
    """The processes that train in `outputs` now, by their numbers."""
    listed = subprocess.run(
        ["ps", "-ww", "-eo", "pid,args"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    rows = (line.split(maxsplit=1) for line in listed)
    own = f"treasure.cli.worker {outputs}/"
    return [int(pid) for pid, line in rows if own in line and "distributed.run" not in line]


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """What one process learns, with a copy halfway."""
    folder = tmp_path_factory.mktemp("one")
    finish(start(folder, "trainer.snapshots=[0.5]"))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_two_processes_learn_what_one_learns(strategy, one, tmp_path):
    finish(start(tmp_path, f"trainer={strategy}", "trainer.snapshots=[0.5]"))
    assert_same(tmp_path, one)
    for file in one.glob("runs/quick/run-*/snapshots/step-*/model.safetensors"):
        found = load_file(tmp_path / file.relative_to(one))
        torch.testing.assert_close(found, load_file(file), rtol=1e-4, atol=2e-5)
        assert not torch.equal(found["model.norm.weight"], weights(tmp_path)["model.norm.weight"])


@pytest.mark.slow
def test_more_processes_than_cores_are_not_started(tmp_path):
    process = start(tmp_path, "trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=100000")
    text, _ = process.communicate(timeout=240)
    assert process.returncode == 2 and "trainer.devices=100000" in text, text


@pytest.mark.slow
@pytest.mark.parametrize("option", ["model.gradient_checkpointing=true", "model.compile=true"])
def test_cut_models_learn_the_same_with(option, one, tmp_path):
    finish(start(tmp_path, "trainer=fsdp", "trainer.snapshots=[0.5]", option))
    assert_same(tmp_path, one)


@pytest.mark.slow
def test_in_bfloat16_cut_models_learn_about_the_same(tmp_path):
    half = "trainer.precision=bf16-mixed"
    finish(start(tmp_path / "one", half))
    finish(start(tmp_path / "two", "trainer=fsdp", half))
    found, expected = losses(tmp_path / "two"), losses(tmp_path / "one")
    assert [row[1] for row in found] == pytest.approx([row[1] for row in expected], rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("choice", ["lora", "markers_only"])
def test_adapters_on_a_cut_base_learn_the_same(choice, one, tmp_path):
    (base,) = one.glob("runs/quick/run-*/model")
    options = (f"model={choice}", f"model.path={base}", "optimizer.learning_rate=5e-3", "trainer.max_steps=12")
    finish(start(tmp_path / "one", *options, "trainer.devices=1"))
    finish(start(tmp_path / "two", "trainer=fsdp", *options))
    assert_same(tmp_path / "two", tmp_path / "one")
    assert (next((tmp_path / "two").glob("runs/quick/run-*/model/adapter")) / "adapter_model.safetensors").is_file()
    before = load_file(base / "model.safetensors")
    assert any(not torch.equal(weight, before[name]) for name, weight in weights(tmp_path / "two").items())


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_a_signal_stops_all_processes_and_they_go_on_together(strategy, tmp_path):
    options = (f"trainer={strategy}", "trainer.save_every_steps=2")
    finish(start(tmp_path / "whole", *options))
    process = start(tmp_path / "cut", *options)
    wait_for_a_state(process, tmp_path / "cut")
    process.send_signal(signal.SIGTERM)
    text, _ = process.communicate(timeout=120)
    assert process.returncode == 75, text
    assert "going on at step" in finish(start(tmp_path / "cut", *options))
    assert losses(tmp_path / "cut") == losses(tmp_path / "whole")
    torch.testing.assert_close(weights(tmp_path / "cut"), weights(tmp_path / "whole"), rtol=0, atol=0)


@pytest.mark.slow
def test_a_killed_process_ends_a_cut_training_which_any_number_goes_on_with(one, tmp_path):
    process = start(tmp_path, "trainer=fsdp", "trainer.snapshots=[0.5]", "trainer.save_every_steps=2")
    wait_for_a_state(process, tmp_path)
    os.kill(max(workers(tmp_path)), signal.SIGKILL)
    text, _ = process.communicate(timeout=120)
    assert process.returncode == 2, text
    assert not workers(tmp_path)
    shutil.copytree(tmp_path, tmp_path / "copy")
    for folder, options in ((tmp_path, ("trainer=fsdp",)), (tmp_path / "copy", ())):
        assert "going on at step" in finish(start(folder, *options, "trainer.snapshots=[0.5]"))
        assert_same(folder, one)


@pytest.mark.slow
def test_several_machines_need_a_launcher(tmp_path):
    process = start(tmp_path, "trainer.num_nodes=2")
    text, _ = process.communicate(timeout=240)
    assert process.returncode == 2
    assert "srun, or by torchrun" in text
