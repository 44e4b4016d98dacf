"""Win rates with their intervals, slices and length-controlled figure."""

import json
import warnings
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from treasure.analysis.scores.clustered import mean_interval
from treasure.analysis.scores.groups import with_groups
from treasure.analysis.scores.open_ended import open_ended_figures
from treasure.data.frequency import CategoryCounts, Frequency
from treasure.evaluation.metrics.length_controlled import length_controlled_win_rate
from treasure.evaluation.record import EvaluationRecord, Regime


def record(number, scores, *, regime=Regime.INFERRED, **more):
    given = {"benchmark": "b", "prompt_id": f"p{number}", "regime": regime, "seed": 0, "step": 0, "prompt": "",
             "content": ""}  # fmt: skip
    return EvaluationRecord(**given, scores=scores, **more)


def of_sklearn(wins, differences, spread=None):
    """The same regression by scikit-learn: each answer once as won and once as lost, with its preference as weight."""
    length = np.tanh(differences / (spread or np.std(differences)))
    features = np.column_stack([np.ones(len(wins)), length])
    model = LogisticRegression(C=100.0, fit_intercept=False, tol=1e-10, max_iter=5000)
    both, labels = np.concatenate([features, features]), np.r_[np.ones(len(wins)), np.zeros(len(wins))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(both, labels, sample_weight=np.r_[wins, 1 - wins])
    return model.predict_proba([[1.0, 0.0]])[0, 1]


@pytest.mark.parametrize("scale", [0.0, 0.3, 1.0, 4.0])
def test_the_regression_is_that_of_scikit_learn(scale):
    generator = np.random.default_rng(3)
    differences = generator.normal(-200, 400, size=150)
    wins = 1 / (1 + np.exp(-scale * generator.normal(-1, 1, size=150) - differences / 300))
    assert length_controlled_win_rate(wins, differences)[0] == pytest.approx(of_sklearn(wins, differences), abs=1e-5)
    weights = generator.integers(0, 3, size=(4, 150)).astype(float)
    spread = np.std(differences)  # a resample keeps the scale of the whole
    for weight, found in zip(weights, length_controlled_win_rate(wins, differences, weights), strict=True):
        rows = np.repeat(np.arange(150), weight.astype(int))
        assert found == pytest.approx(of_sklearn(wins[rows], differences[rows], spread), abs=1e-5)


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.integers(-5000, 5000)), min_size=1, max_size=40))
def test_any_games_give_a_rate(games):
    wins, differences = (np.array(column, dtype=float) for column in zip(*games, strict=True))
    (found,) = length_controlled_win_rate(wins, differences)
    assert 0 <= found <= 1
    (turned,) = length_controlled_win_rate(1 - wins, differences)
    assert found + turned == pytest.approx(1, abs=1e-6)


def test_a_judge_that_only_likes_length_gives_every_model_a_half():
    generator = np.random.default_rng(0)
    differences = generator.normal(300, 500, size=2000)
    wins = (generator.random(2000) < 1 / (1 + np.exp(-3 * np.tanh(differences / np.std(differences))))).astype(float)
    assert wins.mean() > 0.65
    assert length_controlled_win_rate(wins, differences)[0] == pytest.approx(0.5, abs=0.05)


def test_figures_by_hand():
    rows = [
        record(0, {"win_rate": 1.0, "judge_failed": 0.0, "flip": 0.0, "length_difference": 5.0}, slices={"domain": "a"},
               groups={"domain": "head"}),
        record(1, {"win_rate": 0.5, "judge_failed": 0.0, "flip": 1.0, "length_difference": 5.0}, slices={"domain": "b"},
               groups={"domain": "tail"}),
        record(2, {"win_rate": 0.0, "judge_failed": 1.0, "length_difference": 5.0}, slices={"domain": "b"},
               groups={"domain": "tail"}),
        record(3, {"win_rate": 0.25, "judge_failed": 0.5, "length_difference": 5.0}, slices={"domain": "a"}),
        record(4, {}, unscored="no opponent"),
        record(0, {"win_rate": 1.0, "judge_failed": 0.0}, regime=Regime.FIXED),
    ]  # fmt: skip
    figures = open_ended_figures(rows)
    json.dumps([asdict(figure) for figure in figures])  # as commands write them
    found = {(f.regime, f.metric, *f.slices.items()): f for f in figures}
    whole = found["inferred", "win_rate"]
    assert (whole.interval.estimate, whole.interval.n, whole.num_failed) == (1.75 / 4, 4, 1)
    assert found["inferred", "win_rate", ("domain", "b")].interval.estimate == 0.25
    assert found["inferred", "win_rate", ("domain group", "tail")].interval.estimate == 0.25
    assert found["inferred", "win_rate", ("domain group", "head")].interval.estimate == 1
    assert found["inferred", "judge_failure_rate"].interval.estimate == 1.5 / 4
    flips = found["inferred", "flip_rate"]
    assert (flips.interval.estimate, flips.interval.n, flips.num_failed) == (0.5, 2, 3)
    assert found["inferred", "length_difference"].unit == "characters"
    assert found["inferred", "length_controlled_win_rate"].interval.n == 4
    assert found["fixed", "win_rate"].interval.estimate == 1
    assert ("fixed", "length_controlled_win_rate") not in found


@pytest.mark.parametrize(("num_values", "num_figures"), [(2, 3), (20, 21), (21, 1), (50, 1), (100, 1)])
def test_a_slice_with_few_prompts_a_value_has_no_figures(num_values, num_figures):
    rows = [
        record(n, {"win_rate": 1.0}, slices={"topic": str(n % num_values)}, sample=sample)
        for n in range(100)
        for sample in range(3)
    ]
    assert len([figure for figure in open_ended_figures(rows) if figure.metric == "win_rate"]) == num_figures


def test_answers_to_a_prompt_are_drawn_together():
    generator = np.random.default_rng(1)
    wins = generator.integers(0, 2, size=60).astype(float)
    single = [record(n, {}) for n in range(60)]
    games = [record(n, {}) for n in range(60) for _ in range(5)]
    one, many = mean_interval(single, wins), mean_interval(games, np.repeat(wins, 5))
    assert one.n == many.n == 60
    assert (many.low, many.high) == pytest.approx((one.low, one.high))
    uneven = [record(n, {}) for n in range(30) for _ in range(1 + n % 3)]
    sure = mean_interval(uneven, np.ones(len(uneven)))  # the same answers above and below the line
    assert (sure.estimate, sure.n) == (1, 30) and np.isnan(sure.low)  # all alike: no draw tells how sure that is
    assert np.isnan(mean_interval(single[:4], wins[:4]).low)  # too few prompts for an interval


def test_head_and_tail_are_those_of_the_training_mixture():
    counts = CategoryCounts(known=100, unknown=0, not_applicable=0, values={"News": 97, "Legal": 3, "Art": 0})
    frequency = Frequency({"domain": counts})
    slices = [
        {"domain": "News"},
        {"domain": "Legal", "dataset": "koala"},
        {"domain": "Art"},
        {"domain": "AI Upscaling"},
    ]
    found = with_groups([record(n, {}, slices=given) for n, given in enumerate(slices)], frequency)
    assert [one.groups for one in found] == [{"domain": "head"}, {"domain": "tail"}, {"domain": "tail"}, {}]
    assert with_groups(found, frequency, 0.01)[1].groups == {"domain": "head"}


def test_a_language_is_found_by_its_name_or_its_code():
    counts = CategoryCounts(known=100, unknown=0, not_applicable=0, values={"English": 97, "German": 3})
    slices = [{"lang": lang} for lang in ("en", "German", "de", "is", "zz")] + [{"domain": "de"}]
    found = with_groups([record(n, {}, slices=given) for n, given in enumerate(slices)], Frequency({"lang": counts}))
    assert [one.groups.get("lang") for one in found] == ["head", "tail", "tail", None, None, None]
    assert found[0].slices == {"lang": "en"}
    codes = CategoryCounts(known=10, unknown=0, not_applicable=0, values={"en": 0, "English": 10})  # a taxonomy's own
    assert with_groups(found[:1], Frequency({"lang": codes}))[0].groups == {"lang": "tail"}
