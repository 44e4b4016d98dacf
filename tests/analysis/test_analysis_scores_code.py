"""pass@k of records by slice, and intervals that take a problem's answers together."""

import math
from dataclasses import replace

import pytest

from treasure.analysis.scores.code import code_figures
from treasure.evaluation.record import EvaluationRecord, Regime
from treasure.intervals import wilson_interval


def record(number, passed, *, language="python", task="CodeFix", sample=0, seed=0, regime=Regime.FIXED, pair=""):
    place = pair or language
    return EvaluationRecord(
        benchmark="humanevalpack",
        prompt_id=f"{task}/{place}/{number}",
        regime=regime,
        seed=seed,
        step=1,
        prompt="",
        content="",
        scores={} if passed is None else {"passed": float(passed)},
        unscored="no go" if passed is None else "",
        slices={"task": task, "code_type": language} | ({"pair": pair} if pair else {}),
        sample=sample,
    )


def only(figures, metric="pass@1", **slices):
    (found,) = [figure for figure in figures if figure.metric == metric and dict(figure.slices) == slices]
    return found


def test_each_task_language_and_pair_has_its_figure():
    records = [record(n, n < 4) for n in range(10)] + [record(n, True, language="go") for n in range(10)]
    records += [record(n, n < 2, task="CodeTranslation", language="go", pair="python-go") for n in range(10)]
    figures = code_figures(records)
    assert only(figures, task="CodeFix").interval.estimate == pytest.approx(0.7)
    assert only(figures, task="CodeFix", code_type="python").interval.estimate == pytest.approx(0.4)
    assert only(figures, task="CodeTranslation", pair="python-go").interval.estimate == pytest.approx(0.2)
    assert len(figures) == 3 + 3
    assert {figure.regime for figure in figures} == {"fixed"}


def test_head_and_tail_of_the_languages_of_each_task():
    records = [record(n, n < 4) for n in range(10)] + [record(n, True, language="go") for n in range(10)]
    records += [record(n, n < 2, task="CodeGeneration") for n in range(10)]
    groups = {"python": {"code_type": "head", "task": "tail"}, "go": {"code_type": "tail", "task": "tail"}}
    figures = code_figures([replace(one, groups=groups[one.slices["code_type"]]) for one in records])
    assert only(figures, task="CodeFix", **{"code_type group": "head"}).interval.estimate == pytest.approx(0.4)
    assert only(figures, task="CodeFix", **{"code_type group": "tail"}).interval.estimate == 1
    assert [f.slices["task"] for f in figures if "code_type group" in f.slices] == ["CodeFix"] * 2  # no tail elsewhere


def test_a_problem_solved_in_all_languages_or_none_is_one_piece_of_evidence():
    languages = ("python", "go", "rust", "java")
    records = [record(n, n < 10, language=language) for n in range(40) for language in languages]
    found = only(code_figures(records), task="CodeFix").interval
    alone = wilson_interval(10, 40)
    assert (found.low, found.high, found.n) == pytest.approx((alone.low, alone.high, 40))


def test_several_answers_a_prompt_give_more_ks():
    records = [record(n, sample < n, sample=sample) for n in range(6) for sample in range(5)]
    figures = code_figures(records)
    assert {figure.metric for figure in figures} == {"pass@1", "pass@5"}
    assert only(figures, task="CodeFix").interval.estimate == pytest.approx(0.5)
    assert only(figures, "pass@5", task="CodeFix").interval.estimate == pytest.approx(5 / 6)


def test_a_slice_has_only_those_ks_that_all_its_prompts_allow():
    records = [record(n, True, sample=sample) for n in range(6) for sample in range(5 + n)]
    records += [record(6, True, sample=sample, language="go") for sample in range(4)]
    figures = code_figures(records)
    metrics = {tuple(figure.slices.values()): set() for figure in figures}
    for figure in figures:
        metrics[tuple(figure.slices.values())].add(figure.metric)
    assert metrics == {
        ("CodeFix",): {"pass@1"},
        ("CodeFix", "python"): {"pass@1", "pass@5"},
        ("CodeFix", "go"): {"pass@1"},
    }


def test_answers_without_a_score_are_counted_beside_the_figure():
    records = [record(n, True) for n in range(6)] + [record(n, None, language="go") for n in range(6)]
    figures = code_figures(records)
    both, go = only(figures, task="CodeFix"), only(figures, task="CodeFix", code_type="go")
    assert (both.interval.estimate, both.interval.n, both.num_failed) == (1.0, 6, 6)
    assert math.isnan(go.interval.estimate)
    assert (go.interval.n, go.num_failed) == (0, 6)


def test_regimes_and_seeds_stand_apart():
    records = [
        record(n, regime is Regime.FIXED, regime=regime) for n in range(8) for regime in (Regime.FIXED, Regime.INFERRED)
    ]
    records += [record(n, True, seed=1) for n in range(8)]
    figures = code_figures(records)
    fixed, inferred = [f for f in figures if dict(f.slices) == {"task": "CodeFix"}]
    assert (fixed.regime, fixed.interval.estimate, fixed.interval.n) == ("fixed", 1.0, 8)
    assert (inferred.regime, inferred.interval.estimate) == ("inferred", 0.0)
    assert {figure.metric for figure in figures} == {"pass@1"}
