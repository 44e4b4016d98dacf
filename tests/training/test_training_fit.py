import csv
import math

import pytest
import tiny
import torch
from architectures import build

from treasure.data.config import BatchConfig
from treasure.errors import ConfigError, TreasureError
from treasure.markers.config import MarkerMode
from treasure.markers.dropout import DropoutConfig
from treasure.model.config import OptimizerConfig, SchedulerConfig
from treasure.training.config import CallbacksConfig, LoggerConfig, TrainerConfig, WandbMode
from treasure.training.fit import compiled_at_once, fit, snapshot_steps
from treasure.training.loggers import make_loggers

BATCH = BatchConfig(global_batch_size=8, micro_batch_size=4)


def _fit(
    folder, *, mode=MarkerMode.TOKENS, num_steps=12, learning_rate=1e-2, trainer=None, keep=lambda step: None, **options
):
    found = tiny.checkpoint(mode)
    summary = fit(
        found.model,
        tiny.batches(
            found,
            folder / "cache",
            config=BATCH,
            num_steps=num_steps,
            dropout=None if mode is MarkerMode.NONE else DropoutConfig(),
        ),
        num_steps,
        batch=BATCH,
        optimizer=OptimizerConfig(learning_rate=learning_rate),
        scheduler=SchedulerConfig(warmup_steps=2, floor=0.1),
        trainer=trainer or TrainerConfig(accelerator="cpu"),
        callbacks=CallbacksConfig(progress=False, log_every=1),
        seed=0,
        loggers=make_loggers(LoggerConfig(wandb=WandbMode.DISABLED), folder, name="r", group="g", settings={}),
        keep_snapshot=keep,
        **options,
    )
    return found, summary


def _logged(folder):
    with (folder / "metrics" / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("mode", [MarkerMode.NONE, MarkerMode.TOKENS], ids=lambda mode: mode.value)
def test_training_moves_every_parameter_and_lowers_the_loss(mode, tmp_path):
    before = {name: p.clone() for name, p in tiny.checkpoint(mode).model.named_parameters()}
    found, summary = _fit(tmp_path, mode=mode)
    assert all(not torch.equal(before[name], p) for name, p in found.model.named_parameters())
    rows = _logged(tmp_path)
    assert len(rows) == summary.steps == 12
    assert float(rows[-1]["loss"]) < 0.7 * float(rows[0]["loss"])
    assert ("header_loss" in rows[0]) == (mode is MarkerMode.TOKENS)
    assert summary.num_examples == 12 * 8
    assert summary.flops == 6 * summary.num_parameters * summary.num_tokens


def test_layers_that_are_computed_again_learn_the_same(tmp_path):
    calls = []
    weights = []
    for again in (False, True):
        found, _ = _fit(tmp_path / str(again), num_steps=4, gradient_checkpointing=again)
        calls.append(found.model.is_gradient_checkpointing)
        weights.append(torch.cat([p.detach().flatten() for p in found.model.parameters()]))
    assert calls == [False, True]
    torch.testing.assert_close(weights[0], weights[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_attention_is_the_one_that_was_asked_for(tmp_path, attention):
    found, summary = _fit(tmp_path, num_steps=2, attention=attention)
    assert found.model.config._attn_implementation == attention
    assert summary.precision == "32-true"


def test_a_step_is_a_global_batch_however_it_is_cut(tmp_path):
    """Twelve steps give the same weights whether Lightning accumulates four micro-batches or one."""
    weights = []
    for number, micro in enumerate((2, 8)):
        found = tiny.checkpoint(MarkerMode.TOKENS)
        config = BatchConfig(global_batch_size=8, micro_batch_size=micro)
        folder = tmp_path / str(number)
        fit(
            found.model,
            tiny.batches(found, folder, config=config, num_steps=5, dropout=DropoutConfig()),
            5,
            batch=config,
            optimizer=OptimizerConfig(learning_rate=1e-3),
            scheduler=SchedulerConfig(warmup_steps=2, floor=0.1),
            trainer=TrainerConfig(accelerator="cpu"),
            callbacks=CallbacksConfig(progress=False),
            seed=0,
            loggers=[],
            keep_snapshot=lambda step: None,
        )
        weights.append(torch.cat([p.detach().flatten() for p in found.model.parameters()]))
    torch.testing.assert_close(weights[0], weights[1], rtol=1e-3, atol=2e-5)


def test_the_same_seed_gives_the_same_weights_and_log(tmp_path):
    first, _ = _fit(tmp_path / "a", num_steps=4)
    second, _ = _fit(tmp_path / "b", num_steps=4)
    for ours, theirs in zip(first.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    columns = ("step", "loss", "header_loss", "content_loss", "token_accuracy", "learning_rate")
    a, b = ([[row[name] for name in columns] for row in _logged(tmp_path / name)] for name in "ab")
    assert a == b


def test_snapshots_are_kept_once_at_their_steps(tmp_path):
    kept = []
    _fit(tmp_path, num_steps=6, trainer=TrainerConfig(accelerator="cpu", snapshots=[0.5, 0.34]), keep=kept.append)
    assert kept == [2, 3]


def test_snapshot_steps_lie_within_training():
    assert snapshot_steps(TrainerConfig(snapshots=[0.001, 0.5, 0.999]), 100) == [50]


def test_a_loss_that_is_not_a_number_stops_with_advice(tmp_path):
    with pytest.raises(TreasureError, match=r"optimizer.learning_rate"):
        _fit(tmp_path, learning_rate=1e12, num_steps=12)


def test_mixed_precision_trains_with_clipping(tmp_path):
    _fit(tmp_path, num_steps=6, trainer=TrainerConfig(accelerator="cpu", precision="bf16-mixed"))
    rows = _logged(tmp_path)
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])


@pytest.mark.parametrize(
    "wrong",
    [{"max_steps": 0}, {"num_epochs": 0}, {"num_epochs": math.inf}, {"precision": "8"}, {"snapshots": [1.0]}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_options_out_of_range_are_refused_by_name(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        TrainerConfig(**wrong)


@pytest.mark.parametrize(
    ("name", "by_layer"), [("llama", True), ("gpt2", True), ("lfm2", False), ("gemma3_with_images", False)]
)
def test_layers_are_compiled_where_one_stands_for_all(name, by_layer):
    model = build(name)
    parts = compiled_at_once(model)
    assert (parts != [model.base_model]) == by_layer
    assert model.base_model not in compiled_at_once(model, in_layers=True)
