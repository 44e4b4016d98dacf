"""The test set-up itself: tensor shapes are checked, and nothing reaches the network."""

import os

import jaxtyping
import pytest
import torch

from treasure.model.loss import TokenLosses


def test_wrong_shapes_are_refused():
    kinds, correct = torch.zeros(3, dtype=torch.long), torch.zeros(3, dtype=torch.bool)
    TokenLosses(torch.zeros(()), torch.zeros(3), torch.zeros(3), kinds, correct, kinds)
    with pytest.raises(jaxtyping.TypeCheckError):
        TokenLosses(torch.zeros(()), torch.zeros(3), torch.zeros(2), kinds, correct, kinds)


def test_hub_and_tracker_are_offline():
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert os.environ["WANDB_MODE"] == "offline"
