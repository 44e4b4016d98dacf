import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from treasure.errors import ConfigError
from treasure.model.config import OptimizerConfig, SchedulerConfig, TinyModelConfig
from treasure.model.optimizer import learning_rate_factor, make_optimizer, make_scheduler

PAPER = SchedulerConfig(warmup_steps=10, floor=0.5)


def test_the_paper_warms_up_to_its_peak_and_ends_at_half_of_it():
    rates = [2.5e-4 * learning_rate_factor(step, 8000, PAPER) for step in range(8000)]
    assert rates[0] < 2.5e-4 / 10
    assert max(rates) == rates[10] == pytest.approx(2.5e-4)
    assert rates[-1] == pytest.approx(1.25e-4)


@given(st.integers(2, 500), st.integers(0, 50), st.floats(0, 1))
def test_the_rate_rises_in_warmup_then_never_rises(num_steps, warmup, floor):
    config = SchedulerConfig(warmup_steps=warmup, floor=floor)
    factors = [learning_rate_factor(step, num_steps, config) for step in range(num_steps)]
    assert all(0 <= factor <= 1 + 1e-12 for factor in factors)
    assert all(a < b for a, b in pairwise(factors[:warmup]))
    after = factors[warmup:]
    assert all(a >= b - 1e-12 for a, b in pairwise(after))
    assert min(after, default=floor) >= floor - 1e-12


def test_only_matrices_outside_embeddings_are_decayed():
    model = nn.ModuleDict({"embed": nn.Embedding(5, 4), "linear": nn.Linear(4, 4), "norm": nn.LayerNorm(4)})
    decayed, rest = make_optimizer(model, OptimizerConfig(weight_decay=0.1)).param_groups
    assert [id(p) for p in decayed["params"]] == [id(model["linear"].weight)]
    assert (decayed["weight_decay"], rest["weight_decay"]) == (0.1, 0.0)
    assert len(decayed["params"]) + len(rest["params"]) == len(list(model.parameters()))


def test_frozen_parameters_stay_out():
    model = nn.Linear(3, 3)
    model.bias.requires_grad_(False)
    (group,) = make_optimizer(model, OptimizerConfig()).param_groups
    assert [id(p) for p in group["params"]] == [id(model.weight)]


def test_the_scheduler_follows_the_factor():
    optimizer = torch.optim.AdamW(nn.Linear(2, 2).parameters(), lr=0.1)
    scheduler = make_scheduler(optimizer, PAPER, 30)
    for step in range(30):
        assert optimizer.param_groups[0]["lr"] == pytest.approx(0.1 * learning_rate_factor(step, 30, PAPER))
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize(
    "wrong",
    [
        {"learning_rate": 0.0},
        {"learning_rate": math.inf},
        {"beta1": 1.0},
        {"weight_decay": -1.0},
        {"weight_decay": math.nan},
        {"gradient_clip": math.nan},
    ],
)
def test_options_out_of_range_are_refused_by_name(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        OptimizerConfig(**wrong)


@pytest.mark.parametrize("wrong", [{"num_heads": 0}, {"hidden_size": 0}, {"hidden_size": -4}, {"num_layers": 0}])
def test_shapes_of_nothing_are_refused_by_name(wrong):
    with pytest.raises(ConfigError, match=rf"model\.tiny.*{next(iter(wrong))}"):
        TinyModelConfig(**wrong)
