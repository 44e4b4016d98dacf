"""The output layer's own loss against torch's, which keeps all logits."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from treasure.model.linear_cross_entropy import linear_cross_entropy


def problem(count: int, width: int, vocabulary: int, seed: int) -> tuple[torch.Tensor, ...]:
    """Hidden states, the layer's weight, targets and weights of tokens, some of them 0."""
    random = torch.Generator().manual_seed(seed)
    return (
        (3 * torch.randn(count, width, generator=random)).requires_grad_(),
        torch.randn(vocabulary, width, generator=random).requires_grad_(),
        torch.randint(vocabulary, (count,), generator=random),
        torch.rand(count, generator=random) * (torch.rand(count, generator=random) > 0.2),
    )


@given(
    count=st.integers(1, 9),
    width=st.integers(1, 5),
    vocabulary=st.integers(2, 7),
    rows_at_once=st.integers(1, 10),
    seed=st.integers(0, 2**31),
    scale=st.floats(0.1, 4.0),
)
def test_losses_and_gradients_are_those_of_torch(count, width, vocabulary, rows_at_once, seed, scale):
    hidden, weight, targets, weights = problem(count, width, vocabulary, seed)
    logits = hidden @ weight.T
    losses = F.cross_entropy(logits, targets, reduction="none")
    (scale * (losses * weights).sum()).backward()
    slopes = [hidden.grad.clone(), weight.grad.clone()]
    hidden.grad = weight.grad = None
    total, found, correct = linear_cross_entropy(hidden, weight, targets, weights, rows_at_once=rows_at_once)
    (scale * total).backward()
    torch.testing.assert_close(found, losses.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(total.detach(), (losses * weights).sum().detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close([hidden.grad, weight.grad], slopes, rtol=1e-4, atol=1e-4)
    assert torch.equal(correct, logits.gather(1, targets[:, None])[:, 0] >= logits.amax(dim=1))
    assert not found.requires_grad


@pytest.mark.parametrize("frozen", [0, 1])
def test_what_is_frozen_gets_no_gradient(frozen):
    given_ = problem(6, 4, 5, 0)
    given_[frozen].requires_grad_(False)
    linear_cross_entropy(*given_, rows_at_once=4)[0].backward()
    assert given_[frozen].grad is None
    assert given_[1 - frozen].grad.abs().sum() > 0


def test_under_autocast_it_is_within_bfloat16s_rounding():
    hidden, weight, targets, weights = problem(64, 32, 50, 1)
    total = linear_cross_entropy(hidden, weight, targets, weights, rows_at_once=64)[0]
    total.backward()
    exact = hidden.grad.clone()
    hidden.grad = None
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded, losses, _ = linear_cross_entropy(hidden, weight, targets, weights, rows_at_once=64)
    rounded.backward()
    assert losses.dtype == rounded.dtype == torch.float32
    torch.testing.assert_close(rounded, total, rtol=2e-2, atol=0)
    assert F.cosine_similarity(hidden.grad.flatten(), exact.flatten(), dim=0) > 0.999
