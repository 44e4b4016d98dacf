"""The digest of frozen weights tells bases apart, whatever the trained ones do."""

import torch
from torch import nn

from treasure.model.frozen import frozen_digest


def model() -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Linear(300, 300), nn.Linear(300, 2))
    layers[0].requires_grad_(False)
    return layers


def test_it_is_the_same_for_the_same_weights():
    assert frozen_digest(model()) == frozen_digest(model()) != ""


def test_it_moves_with_frozen_weights_alone():
    trained, retrained, retyped = model(), model(), model().to(torch.bfloat16)
    with torch.no_grad():
        trained[1].weight.add_(1)
        retrained[0].weight.add_(1e-4)
    assert frozen_digest(trained) == frozen_digest(model())
    assert len({frozen_digest(found) for found in (model(), retrained, retyped)}) == 3


def test_a_model_that_learns_as_a_whole_has_none():
    assert frozen_digest(model().requires_grad_(True)) == ""
