import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from treasure.annotation.calibration import calibration

answers = st.lists(st.tuples(st.integers(0, 1000).map(lambda m: m / 1000), st.booleans()), min_size=1, max_size=60)


def test_by_hand():
    got = calibration(np.array([0.95, 0.95, 0.95, 0.25]), np.array([True, True, False, False]), num_resamples=50)
    assert got.ece.estimate == pytest.approx((3 * (0.95 - 2 / 3) + 0.25) / 4)
    assert got.brier.estimate == pytest.approx((2 * 0.05**2 + 0.95**2 + 0.25**2) / 4)
    assert [(one.low, one.num_answers, one.right.estimate) for one in got.bins] == [
        (0.2, 1, 0),
        (0.9, 3, pytest.approx(2 / 3)),
    ]
    assert got.bins[1].mean_probability == pytest.approx(0.95)
    assert np.isnan(got.ece.low)  # four prompts are too few


@given(answers)
def test_brier_agrees_with_scikit_learn(rows):
    probability, right = (np.array(column) for column in zip(*rows, strict=True))
    got = calibration(probability, right, num_resamples=5)
    assert got.brier.estimate == pytest.approx(brier_score_loss(right, probability, labels=[False, True], pos_label=1))
    assert 0 <= got.ece.estimate <= 1
    assert sum(one.num_answers for one in got.bins) == got.num_answers == len(rows)


@given(answers)
def test_ece_is_the_weighted_gap_of_ten_bins(rows):
    probability, right = (np.array(column) for column in zip(*rows, strict=True))
    place = np.minimum(np.rint(probability * 1000).astype(int) // 100, 9)
    gaps = [abs((probability - right)[place == m].sum()) for m in range(10)]
    assert calibration(probability, right, num_resamples=5).ece.estimate == pytest.approx(sum(gaps) / len(rows))


def test_true_probabilities_are_within_chance_and_boasting_is_not():
    generator = np.random.default_rng(0)
    probability = generator.random(4000)
    right = generator.random(4000) < probability
    honest, boasting = calibration(probability, right), calibration(np.sqrt(probability), right)
    assert honest.ece.estimate < 2 * honest.chance_ece < 0.05
    assert boasting.ece.low > 0.1


@pytest.mark.parametrize("value", [-0.1, 1.2, float("nan")])
def test_only_probabilities(value):
    with pytest.raises(AssertionError, match="probabilities"):
        calibration(np.array([value]), np.array([True]))


@pytest.mark.slow
@pytest.mark.parametrize("power", [0.5, 0.8])
def test_intervals_cover_the_truth(power):
    def draw(generator, size):
        truth = generator.random(size)
        return truth**power, generator.random(size) < truth

    truth = calibration(*draw(np.random.default_rng(0), 2_000_000), num_resamples=1)
    found = [calibration(*draw(np.random.default_rng(k + 1), 400), num_resamples=500) for k in range(200)]
    for name in ("ece", "brier"):
        true = getattr(truth, name).estimate
        covered = np.mean([getattr(one, name).low <= true <= getattr(one, name).high for one in found])
        assert covered == pytest.approx(0.94, abs=0.05), name
