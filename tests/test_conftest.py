"""The test set-up itself: tensor shapes are checked, and nothing reaches the network."""

import os

import jaxtyping
import pytest
import torch

from treasure.data.layout import Batch
from treasure.model.loss import TokenLosses
from treasure.model.probe import is_close


def test_wrong_shapes_are_refused():
    kinds, correct = torch.zeros(3, dtype=torch.long), torch.zeros(3, dtype=torch.bool)
    TokenLosses(torch.zeros(()), torch.zeros(3), torch.zeros(3), kinds, correct, kinds)
    with pytest.raises(jaxtyping.TypeCheckError):
        TokenLosses(torch.zeros(()), torch.zeros(3), torch.zeros(2), kinds, correct, kinds)


def test_functions_with_shapes_are_checked_and_no_others():
    with pytest.raises(jaxtyping.TypeCheckError):
        is_close("no tensor", torch.zeros(1))
    assert not hasattr(Batch.to, "__wrapped__")


def test_hub_and_tracker_are_offline():
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert os.environ["WANDB_MODE"] == "offline"
