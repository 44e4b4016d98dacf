"""What is told of a finished training: only damage of its files is a reason to train again."""

import errno
from dataclasses import asdict

import pytest
from safetensors import SafetensorError

from treasure.cli.jobs.trained import SUMMARY_FILE, read_frequency, read_summary, told_to_train_again
from treasure.errors import CheckpointError, LeversError
from treasure.jsonl import write_json
from treasure.training.fit import FitSummary

SUMMARY = FitSummary(
    steps=2,
    num_examples=8,
    num_tokens=100,
    padding_share=0.1,
    num_parameters=10,
    num_trainable_parameters=10,
    flops=6000.0,
    train_seconds=1.0,
    examples_key="k",
    precision="32-true",
)
TRAIN_AGAIN = "treasure-train or treasure-run with the same options then trains again"


def test_a_summary_comes_back(tmp_path):
    write_json(tmp_path / SUMMARY_FILE, asdict(SUMMARY))
    assert read_summary(tmp_path) == SUMMARY


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"steps": 3}', '{"other": 3}'])
@pytest.mark.parametrize("read", [read_summary, read_frequency])
def test_damage_is_told_with_what_to_do(tmp_path, read, text):
    for name in ("training.json", "frequency.json"):
        (tmp_path / name).write_text(text)
    with pytest.raises(CheckpointError, match=TRAIN_AGAIN):
        read(tmp_path)


def test_what_is_missing_is_told(tmp_path):
    with pytest.raises(CheckpointError, match=rf"frequency.json is missing.*{TRAIN_AGAIN}"):
        read_frequency(tmp_path)
    with pytest.raises(CheckpointError, match=r"holds no training\.json") as told:
        read_summary(tmp_path)
    assert "delete" not in str(told.value), "it is not there"


@pytest.mark.parametrize(
    "cause", [None, OSError("no file named model.safetensors"), SafetensorError("header too small")]
)
def test_a_damaged_model_is_told_too(tmp_path, cause):
    with pytest.raises(CheckpointError, match=TRAIN_AGAIN), told_to_train_again(tmp_path):
        raise CheckpointError("No model could be loaded.") from cause


@pytest.mark.parametrize("error", [OSError(errno.EMFILE, "too many files"), KeyError("ours"), LeversError("another")])
def test_nothing_else_is_a_reason_to_train_again(tmp_path, error):
    with pytest.raises(type(error)) as told, told_to_train_again(tmp_path):
        raise error
    assert told.value is error


@pytest.mark.parametrize("cause", [OSError(errno.EIO, "input"), SafetensorError("Too many open files (os error 24)")])
def test_nor_is_a_system_that_refuses_whatever_library_met_it(tmp_path, cause):
    with pytest.raises(CheckpointError) as told, told_to_train_again(tmp_path):
        raise CheckpointError("No model could be loaded.") from cause
    assert str(told.value) == "No model could be loaded."
