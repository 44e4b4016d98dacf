import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from treasure.intervals import MIN_CLUSTERS, alike_interval, basic_interval, percentile_interval, resampled_counts


def counts(kinds, clusters=None, num_kinds=5, num_resamples=3000):
    return np.concatenate(
        list(resampled_counts(np.array(kinds), clusters, num_kinds=num_kinds, num_resamples=num_resamples))
    )


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), min_size=1, max_size=30))
def test_draws_are_those_of_the_plain_bootstrap(rows):
    """Mean and covariance of the counts are those of P clusters drawn one by one with replacement."""
    kinds, clusters = np.array(rows).T
    held = np.stack([np.bincount(kinds[clusters == c], minlength=5) for c in np.unique(clusters)])
    found = counts(kinds, clusters)
    assert found.shape == (3000, 5)
    error = held.std(axis=0) * np.sqrt(len(held) / 3000)
    assert np.all(np.abs(found.mean(axis=0) - held.sum(axis=0)) <= 5 * error + 1e-9)
    expected = np.cov(held.T, bias=True) * len(held)
    assert np.cov(found.T) == pytest.approx(expected, abs=0.25 * max(1, expected.max()))


def test_members_of_a_cluster_come_together():
    found = counts([0, 1, 1, 2], np.array([7, 7, 7, 3]))
    assert (found[:, 1] == 2 * found[:, 0]).all()
    assert (found[:, 0] + found[:, 2] == 2).all()


def test_the_same_seed_gives_the_same_draws_and_blocks_do_not_matter(monkeypatch):
    kinds = np.arange(40) % 5
    whole = counts(kinds, num_resamples=50)
    monkeypatch.setattr("treasure.intervals._CELLS_AT_ONCE", 35)
    blocks = list(resampled_counts(kinds, num_kinds=5, num_resamples=50))
    assert len(blocks) == 8
    assert (np.concatenate(blocks) == whole).all()


def test_the_mirrored_interval():
    draws = np.linspace(0.2, 0.4, 1001)
    found = basic_interval(0.25, draws, 50, 50)
    assert (found.low, found.high) == pytest.approx((0.1042, 0.2958), abs=1e-4)  # 2.12 % of 50 prompts at either end
    assert basic_interval(0.1, draws, 50, 50).low == 0
    assert np.isnan(basic_interval(0.1, draws, MIN_CLUSTERS - 1, 9).low)


@pytest.mark.parametrize(("num_prompts", "tail"), [(5, 0.000954), (20, 0.015881), (10_000, 0.02499)])
def test_fewer_prompts_take_more_of_the_draws(num_prompts, tail):
    """Hesterberg 2015, table 4: the ends of a nominal 95 % interval of 5 and 20."""
    found = percentile_interval(0.5, np.linspace(0, 1, 100_001), num_prompts, num_prompts)
    assert (found.low, found.high) == pytest.approx((tail, 1 - tail), abs=2e-5)


@given(st.integers(1, 200))
def test_what_was_never_seen_may_be_as_frequent_as_clopper_and_pearson_allow(num_prompts):
    expected = binomtest(0, num_prompts).proportion_ci(0.95, method="exact")
    assert alike_interval(0.0, num_prompts, num_prompts, (0.0, 1.0)).high == pytest.approx(expected.high)


def test_no_draw_no_interval():
    assert np.isnan(percentile_interval(0.5, np.full(3, np.nan), 50, 50).high)
