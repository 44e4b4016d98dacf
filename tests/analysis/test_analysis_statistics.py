import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from treasure.analysis.config import Resampling
from treasure.analysis.statistics import (
    Pairs,
    difference_in_differences,
    mcnemar,
    mean,
    paired_lift,
    wins,
)
from treasure.intervals import MIN_CLUSTERS, Method, wilson_interval

FEW = Resampling(num_resamples=400)  # enough for these tests, and fast


def lift(differences, clusters, seeds=None):
    return paired_lift(np.zeros(len(differences)), differences, clusters, seeds, how=FEW)


def grid(num_prompts, num_seeds):
    return np.repeat(np.arange(num_prompts), num_seeds), np.tile(np.arange(num_seeds), num_prompts)


def normals(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


@given(st.integers(0, 1000), st.integers(5, 20), st.integers(1, 3), st.floats(-5, 5))
def test_a_constant_added_moves_the_whole_interval(seed, num_prompts, num_seeds, constant):
    clusters, seeds = grid(num_prompts, num_seeds)
    values = normals(seed, len(clusters))
    before, after = lift(values, clusters, seeds), lift(values + constant, clusters, seeds)
    moved = (before.estimate + constant, before.low + constant, before.high + constant)
    assert (after.estimate, after.low, after.high) == pytest.approx(moved)


@given(st.integers(0, 1000), st.integers(5, 20))
def test_the_order_of_answers_does_not_matter(seed, num_prompts):
    clusters, seeds = grid(num_prompts, 2)
    values, order = normals(seed, len(clusters)), np.random.default_rng(seed).permutation(len(clusters))
    before, after = lift(values, clusters, seeds), lift(values[order], clusters[order], seeds[order])
    assert (after.estimate, after.low, after.high) == pytest.approx((before.estimate, before.low, before.high))


def test_repeating_each_answer_adds_no_certainty():
    clusters, _ = grid(30, 1)
    values = normals(0, 30)
    once = lift(values, clusters)
    often = lift(np.tile(values, 9), np.tile(clusters, 9))
    assert (often.low, often.high, often.n) == pytest.approx((once.low, once.high, 30))


def test_pairing_removes_what_both_share():
    clusters = np.arange(50)
    shared, own = 100 * normals(1, 50), 0.01 * normals(2, 50)
    found = paired_lift(shared, shared + 1 + own, clusters)
    assert (found.estimate, found.low, found.high) == pytest.approx((1, 1, 1), abs=0.01)


def test_seeds_that_disagree_widen_the_interval():
    clusters, seeds = grid(60, 3)
    values = 0.1 * normals(2, len(clusters)) + np.array([-1.0, 0.0, 1.0])[seeds]
    alone, together = lift(values, clusters), lift(values, clusters, seeds)
    assert together.high - together.low > 10 * (alone.high - alone.low)


def test_unequal_numbers_of_answers_are_weighted_by_answer():
    found = lift(
        np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]), np.array([0, 0, 0, 1, 2, 3, 4]), np.array([0, 1, 2] + [0] * 4)
    )
    assert found.estimate == pytest.approx(3 / 7)
    assert found.low <= 3 / 7 <= found.high


@pytest.mark.parametrize("num_prompts", [1, MIN_CLUSTERS - 1])
def test_too_few_prompts_give_no_interval(num_prompts):
    found = lift(np.ones(num_prompts), np.arange(num_prompts))
    assert found.estimate == 1
    assert np.isnan([found.low, found.high]).all() and found.method is Method.NONE


@pytest.mark.parametrize("num_prompts", [5, 6, 40])
@pytest.mark.parametrize("by", [-1.0, 0.0, 1.0])
def test_prompts_that_all_differ_alike_do_not_make_it_certain(num_prompts, by):
    """By one point throughout, the interval leaves out 0 just where the exact McNemar test finds a difference."""
    before, after = np.full(num_prompts, float(by < 0)), np.full(num_prompts, float(by > 0))
    found = paired_lift(before, after, np.arange(num_prompts))
    assert found.estimate == by and -1 <= found.low < found.high <= 1 and found.method is Method.ALIKE
    assert found.low <= by <= found.high
    assert (found.low > 0 or found.high < 0) == (mcnemar(before, after).p_value < 0.05)


def test_where_the_scale_is_open_and_all_differ_alike_there_is_no_interval():
    found = paired_lift(np.full(50, 12.0), np.full(50, 13.0), np.arange(50))
    assert found.estimate == 1 and found.method is Method.NONE and np.isnan(found.low)


@given(st.integers(0, 1000))
def test_the_same_seed_of_draws_gives_the_same_interval_and_another_nearly_so(seed):
    values, clusters = normals(seed, 60), np.arange(60)
    one, again, other = (
        mean(values, clusters, how=Resampling(num_resamples=400, seed=draws)) for draws in (seed, seed, seed + 1)
    )
    assert one == again and one != other
    assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=0.2)


def coverage(draw, num_simulations=300):
    """How often the interval around a lift drawn by `draw(rng)` holds the true lift, which is 0."""
    intervals = [draw(np.random.default_rng(number)) for number in range(num_simulations)]
    return np.mean([found.low <= 0 <= found.high for found in intervals])


def test_the_interval_covers_the_truth_95_times_in_100():
    clusters = np.arange(40)
    covered = coverage(lambda rng: lift(rng.normal(size=40), clusters))
    assert covered == pytest.approx(0.95, abs=0.04)  # 300 simulations: standard error 1.3 points


def test_with_several_seeds_the_interval_errs_on_the_wide_side():
    clusters, seeds = grid(40, 3)

    def draw(rng):
        return lift((rng.normal(size=(40, 1)) / 2 + rng.normal(size=(40, 3))).ravel(), clusters, seeds)

    assert 0.94 <= coverage(draw) <= 1


def test_ignoring_clusters_would_not_cover():
    clusters, _ = grid(40, 4)
    covered = coverage(lambda rng: lift(np.repeat(rng.normal(size=40), 4), np.arange(160)))
    assert covered < 0.8
    assert coverage(lambda rng: lift(np.repeat(rng.normal(size=40), 4), clusters)) > 0.9


def pairs(differences, first_cluster, seeds=None):
    size = len(differences)
    return Pairs(
        np.zeros(size), differences, np.arange(size) + first_cluster, np.zeros(size) if seeds is None else seeds
    )


def test_a_difference_in_differences_is_the_difference_of_lifts():
    tail, head = pairs(normals(3, 30) + 2, 0), pairs(normals(4, 50), 100)
    found = difference_in_differences(tail, head, how=FEW)
    assert found.estimate == pytest.approx(tail.marked.mean() - head.marked.mean())
    assert 0 < found.low < found.estimate < found.high
    assert found.n == 80


def test_a_difference_in_differences_covers_the_truth_95_times_in_100():
    def draw(rng):
        tail, head = pairs(rng.normal(size=30), 0), pairs(2 * rng.normal(size=40), 100)
        return difference_in_differences(tail, head, how=FEW)

    assert coverage(draw) == pytest.approx(0.95, abs=0.04)


def test_what_a_seed_does_to_head_and_tail_alike_cancels():
    def shifted(first_cluster):
        clusters, seeds = grid(20, 3)
        shift = np.array([-1.0, 0.0, 1.0])[seeds] + 0.01 * normals(first_cluster, 60)
        return Pairs(np.zeros(60), shift, clusters + first_cluster, seeds)

    found = difference_in_differences(shifted(0), shifted(100))
    assert (found.low, found.high) == pytest.approx((0, 0), abs=0.02)
    apart = paired_lift(np.zeros(60), shifted(0).marked, shifted(0).clusters, shifted(0).seeds)
    assert apart.high - apart.low > 1


def test_a_tail_that_shows_no_spread_is_not_taken_for_certain():
    """Six tail prompts that nothing changed, and many head prompts that hardly vary."""
    head = pairs(np.random.default_rng(0).choice([0.0, 1.0], 400, p=[0.95, 0.05]), 100)
    found = difference_in_differences(pairs(np.zeros(6), 0), head)
    assert found.low < -0.3 and found.high > 0.3 and found.method is Method.ADDED
    swapped = difference_in_differences(head, pairs(np.zeros(6), 0))
    assert (swapped.low, swapped.high) == pytest.approx((-found.high, -found.low))


def test_few_tail_prompts_give_no_interval_however_many_head_prompts():
    found = difference_in_differences(pairs(np.ones(3), 0), pairs(np.ones(300), 100))
    assert np.isnan(found.low)


@given(st.integers(1, 200).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_wilson_agrees_with_scipy(counts):
    successes, total = counts
    expected = binomtest(successes, total).proportion_ci(0.95, method="wilson")
    found = wilson_interval(successes, total)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert found.low <= found.estimate <= found.high  # to the last digit, at 0 and 1 too


def test_wins_ties_and_losses():
    assert wins(np.array([0.2, 0.5, 0.9]), np.array([0.3, 0.5, 0.1])).tolist() == [1, 0.5, 0]
    assert wins(np.array([0.3]), np.array([0.1 + 0.2])).tolist() == [0.5]  # rounding is no win
