"""Agreement: numbers worked out by hand, equal to scikit-learn's, and intervals that cover."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score

from treasure.annotation.calibration import calibration_error
from treasure.annotation.classifier.agreement import agreement
from treasure.annotation.classifier.linear import fit_temperature


def one_hot(labels, num_values: int) -> np.ndarray:
    return np.eye(num_values)[np.asarray(labels)]


def measured(true, predicted, prompts=None, num_values: int = 3, tail=()):
    is_tail = np.isin(np.arange(num_values), tail)
    places = np.arange(len(true)) if prompts is None else np.asarray(prompts)
    return agreement(one_hot(true, num_values), np.asarray(predicted), places, is_tail)


def test_by_hand():
    found = measured([0, 0, 1, 1], [0, 0, 1, 0])
    assert found.accuracy.estimate == 0.75
    assert found.kappa.estimate == pytest.approx((0.75 - 0.5) / 0.5)
    assert found.macro_f1.estimate == pytest.approx((4 / 5 + 2 / 3) / 2)
    np.testing.assert_array_equal(found.confusion, [[2, 0, 0], [1, 1, 0], [0, 0, 0]])


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=4, max_size=40))
def test_as_scikit_learn_has_it(pairs):
    true, predicted = zip(*pairs, strict=True)
    found = measured(true, predicted)
    assert found.accuracy.estimate == pytest.approx(accuracy_score(true, predicted))
    expected = f1_score(true, predicted, labels=sorted(set(true)), average="macro", zero_division=0)
    assert found.macro_f1.estimate == pytest.approx(expected)
    if len({*true, *predicted}) > 1:
        assert found.kappa.estimate == pytest.approx(cohen_kappa_score(true, predicted))


def test_any_of_several_true_values_is_right():
    truth = np.array([[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 1]])
    found = agreement(truth, np.array([1, 2, 2]), np.arange(3), np.zeros(3, dtype=bool))
    assert found.accuracy.estimate == pytest.approx(2 / 3)
    assert found.confusion[1, 1] == 1  # a true value was named
    assert found.confusion[0, 2] == 1  # none was, so the first counts


def test_head_and_tail_are_told_apart():
    found = measured([0, 0, 1, 1, 2], [0, 0, 1, 1, 0], tail=[2])
    assert found.f1_tail.estimate == 0
    assert found.f1_head.estimate == pytest.approx((4 / 5 + 1) / 2)
    assert measured([0, 1], [0, 1]).f1_tail is None


def test_answers_to_one_prompt_are_drawn_together():
    rng = np.random.default_rng(0)
    true = np.repeat(rng.integers(0, 3, 40), 25)
    predicted = np.where(np.repeat(rng.random(40) < 0.7, 25), true, (true + 1) % 3)
    apart, together = measured(true, predicted), measured(true, predicted, np.repeat(np.arange(40), 25))
    width = [found.accuracy.high - found.accuracy.low for found in (apart, together)]
    assert width[1] > 3 * width[0]
    assert together.num_prompts == 40


def test_intervals_cover_the_truth_nineteen_times_in_twenty():
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(100):
        true = rng.integers(0, 3, 80)
        predicted = np.where(rng.random(80) < 0.7, true, rng.integers(0, 3, 80))
        found = measured(true, predicted).kappa
        covered += found.low <= 0.7 <= found.high  # a copy with probability 0.7, else chance
    assert 88 <= covered <= 100


def test_temperature_undoes_overconfidence():
    rng = np.random.default_rng(2)
    scores = rng.normal(size=(4000, 4))
    drawn = np.array([rng.choice(4, p=np.exp(row) / np.exp(row).sum()) for row in scores])
    assert fit_temperature(scores * 5, one_hot(drawn, 4)) == pytest.approx(5, rel=0.1)


def test_calibration_error_by_hand():
    stated, is_right = np.array([0.95, 0.95, 0.55, 0.55]), np.array([True, True, True, False])
    assert calibration_error(stated, is_right) == pytest.approx((0.05 + 0.05) / 2)
    assert calibration_error(np.array([1.0, 0.0]), np.array([True, False])) == 0
