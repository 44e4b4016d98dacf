"""A budget of tokens, and what a run reports of its cost."""

import csv

import pytest
import tiny

from treasure.data.config import BatchConfig
from treasure.errors import ConfigError
from treasure.markers.config import MarkerMode
from treasure.markers.dropout import DropoutConfig, DropoutSchedule
from treasure.model.config import OptimizerConfig, SchedulerConfig
from treasure.training.budget import steps_for_tokens
from treasure.training.config import CallbacksConfig, LoggerConfig, TrainerConfig, WandbMode
from treasure.training.fit import fit
from treasure.training.loggers import make_loggers

BATCH = BatchConfig(global_batch_size=8, micro_batch_size=4)


@pytest.mark.parametrize("schedule", list(DropoutSchedule), ids=str)
def test_a_budget_of_tokens_is_met_whatever_the_schedule(schedule, tmp_path):
    found = tiny.checkpoint(MarkerMode.TOKENS)
    dropout = DropoutConfig(dataset_dropout=0.0, schedule=schedule, cooldown_start=0.5)

    def make(num_steps):
        return tiny.batches(found, tmp_path, config=BATCH, num_steps=num_steps, dropout=dropout)

    dataset = make(steps_for_tokens(make, 30_000, 10))
    seen = sum(dataset[index].num_useful_tokens for index in range(len(dataset)))
    assert seen == pytest.approx(30_000, rel=0.04)
    assert steps_for_tokens(make, 1, 10) == 1


def test_two_lengths_at_once_are_refused():
    with pytest.raises(ConfigError, match=r"max_tokens and trainer\.max_steps"):
        TrainerConfig(max_tokens=5, max_steps=5)
    with pytest.raises(ConfigError, match="max_tokens must be at least 1"):
        TrainerConfig(max_tokens=0)


def test_rows_hold_the_losses_of_their_step_and_the_summary_its_padding(tmp_path):
    found = tiny.checkpoint(MarkerMode.TOKENS)
    dataset = tiny.batches(found, tmp_path / "cache", config=BATCH, num_steps=7, dropout=DropoutConfig())
    positions = sum(dataset[index].input_ids.numel() for index in range(len(dataset)))
    summary = fit(
        found.model, dataset, 7,
        batch=BATCH,
        optimizer=OptimizerConfig(),
        scheduler=SchedulerConfig(),
        trainer=TrainerConfig(accelerator="cpu"),
        callbacks=CallbacksConfig(progress=False, log_every=3),
        seed=0,
        loggers=make_loggers(LoggerConfig(wandb=WandbMode.DISABLED), tmp_path, name="r", group="g", settings={}),
        keep_snapshot=lambda step: None,
    )  # fmt: skip
    assert summary.padding_share == pytest.approx(1 - summary.num_tokens / positions) and summary.padding_share > 0
    with (tmp_path / "metrics" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["2", "5", "6"], "every third, and the last"
    names = ["loss", "content_loss", "content_loss/head", "header_loss", "copy_rate", "infer_rate", "token_accuracy"]
    names += ["tokens_per_s", "learning_rate", *(f"header_loss/{name}" for name in dataset.categories)]
    assert all(row[name] for row in rows for name in names)
    assert "content_loss/tail" not in rows[0], "nothing was called tail"
