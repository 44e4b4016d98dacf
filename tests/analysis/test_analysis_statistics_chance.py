"""Tests of chance against exact counting, scipy, and what must not matter."""

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import permutation_test

from treasure.analysis.statistics import benjamini_hochberg, mcnemar, sign_flip

PAIRS = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40)
DIFFERENCES = st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 8)), min_size=1, max_size=30)


@given(PAIRS)
def test_mcnemar_is_twice_the_smaller_tail_of_a_fair_coin(pairs):
    before, after = map(np.array, zip(*pairs, strict=True))
    lost, won = int((before & ~after).sum()), int((after & ~before).sum())
    differ = lost + won
    tail = sum(comb(differ, k) for k in range(min(lost, won) + 1)) / 2**differ
    found = mcnemar(before, after)
    assert (found.only_baseline, found.only_marked) == (lost, won)
    assert found.p_value == pytest.approx(min(1.0, 2 * tail))
    assert mcnemar(after, before).p_value == pytest.approx(found.p_value)


def test_mcnemar_by_hand():
    before = np.array([1] * 10 + [0] * 10)
    after = np.array([1] * 9 + [0] + [1] * 8 + [0] * 2)
    assert mcnemar(before, after).p_value == pytest.approx(2 * (1 + 9) / 2**9)


@settings(max_examples=40)
@given(DIFFERENCES, st.randoms(use_true_random=False))
def test_order_names_scale_and_side_do_not_matter_to_sign_flips(rows, random):
    values, clusters = map(np.array, zip(*rows, strict=True))
    names = [f"prompt {name}" for name in range(9)]
    random.shuffle(names)
    order = np.array(random.sample(range(len(rows)), len(rows)))
    expected = sign_flip(values, clusters)
    assert sign_flip(values[order], np.array(names)[clusters[order]]) == pytest.approx(expected)
    assert sign_flip(-0.1 * values, clusters) == pytest.approx(expected)
    assert 0 < expected <= 1


@settings(max_examples=15)
@given(st.lists(st.integers(-5, 5), min_size=2, max_size=7))
def test_sign_flips_agree_with_scipy(values):
    both = np.array([values, np.zeros(len(values))], dtype=float)
    expected = permutation_test(
        tuple(both), lambda x, y: np.sum(x - y), permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    ).pvalue
    assert sign_flip(np.array(values), np.arange(len(values))) == pytest.approx(min(1.0, expected))


def test_pass_and_fail_once_a_prompt_is_mcnemar():
    before, after = np.array([1] * 12 + [0] * 30), np.array([0] * 4 + [1] * 8 + [1] * 9 + [0] * 21)
    exact = mcnemar(before, after).p_value
    assert sign_flip(after - before, np.arange(42)) == pytest.approx(exact)
    many = np.tile(after - before, 4), np.arange(168)
    expected = mcnemar(np.tile(before, 4), np.tile(after, 4)).p_value
    assert sign_flip(*many) == pytest.approx(expected, abs=0.004)  # drawn patterns: standard error below 0.001


def test_answers_of_a_prompt_are_flipped_together():
    values = np.ones(30)
    assert sign_flip(values, np.repeat(np.arange(3), 10)) == pytest.approx(2 / 2**3)
    assert sign_flip(values, np.arange(30)) == pytest.approx(1 / 10_001)


def test_a_sign_flip_errs_one_time_in_twenty():
    rng = np.random.default_rng(0)
    p_values = [sign_flip(rng.normal(size=24), np.repeat(np.arange(8), 3)) for _ in range(400)]
    assert np.mean(np.array(p_values) <= 0.05) == pytest.approx(0.05, abs=0.035)  # standard error 1.1 points


def test_no_difference_is_no_evidence():
    assert sign_flip(np.zeros(4), np.arange(4)) == 1.0
    assert mcnemar(np.ones(3), np.ones(3)).p_value == 1.0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_benjamini_hochberg_rejects_what_the_step_up_rule_does(p_values):
    q = 0.1
    ranked = np.sort(p_values)
    below = np.flatnonzero(ranked <= q * np.arange(1, len(ranked) + 1) / len(ranked))
    limit = ranked[below[-1]] if len(below) else -1.0
    found = benjamini_hochberg(np.array(p_values))
    assert np.sum(found <= q + 1e-12) == pytest.approx(np.sum(np.array(p_values) <= limit))


def test_benjamini_hochberg_of_their_own_example():
    """Benjamini and Hochberg 1995, section 3.2: four of 15 are rejected at 5 %, by Bonferroni three."""
    p_values = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
                0.7590, 1.0]  # fmt: skip
    found = benjamini_hochberg(np.array(p_values))
    assert (found <= 0.05).sum() == 4
    assert found[:4] == pytest.approx([0.0015, 0.003, 0.0095, 0.035625])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_q_values_are_the_least_level_at_which_the_step_up_rule_rejects(p_values, random):
    random.shuffle(p_values)
    ranked = sorted(p_values)
    expected = [min(min(1.0, other * len(ranked) / (place + 1)) for place, other in enumerate(ranked) if other >= one)
                for one in p_values]  # fmt: skip
    assert benjamini_hochberg(np.array(p_values)) == pytest.approx(expected)


def test_tests_that_could_not_be_made_do_not_count():
    found = benjamini_hochberg(np.array([0.01, np.nan, 0.04]))
    assert found[[0, 2]] == pytest.approx([0.02, 0.04]) and np.isnan(found[1])
    assert len(benjamini_hochberg(np.zeros(0))) == 0
