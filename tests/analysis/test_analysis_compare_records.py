"""Two evaluations against each other: what is paired, what is left out, and the numbers against counting by hand."""

import math

import numpy as np
import pytest

from treasure.analysis.compare_records import compare_records
from treasure.analysis.config import Resampling
from treasure.analysis.statistics import Pairs, difference_in_differences, mcnemar, paired_lift
from treasure.errors import DataError
from treasure.evaluation.record import EvaluationRecord, Regime

FEW = Resampling(num_resamples=300)


def record(prompt, score, regime=Regime.INFERRED, *, seed=0, sample=0, lang="German", group="tail", **more):
    scores = {} if score is None else {"passed": float(score)}
    return EvaluationRecord(
        benchmark="b", prompt_id=f"{lang}/{prompt}", regime=regime, seed=seed, step=0, prompt="", content="",
        sample=sample, scores=scores, slices={"lang": lang}, groups={"lang": group}, **more,
    )  # fmt: skip


def baseline(prompt, score, **more):
    return record(prompt, score, Regime.BASELINE, **more)


def both(make, scores):
    """Half of `scores` in German, which is tail, half in English, which is head."""
    half = len(scores) // 2
    places = [("German", "tail")] * half + [("English", "head")] * half
    return [make(n, s, lang=lang, group=group) for n, (s, (lang, group)) in enumerate(zip(scores, places, strict=True))]


def find(rows, **slices):
    (found,) = [row for row in rows if row.slices == slices]
    return found


def test_numbers_are_those_of_the_statistics_on_the_same_pairs():
    rng = np.random.default_rng(0)
    before, after = ((rng.random(80) < chance).astype(float) for chance in (0.3, 0.6))
    found = compare_records(both(record, after), both(baseline, before), how=FEW)
    whole, german = find(found.rows), find(found.rows, lang="German")
    clusters = np.array([r.prompt_id for r in both(record, after)])
    expected = paired_lift(before, after, clusters, np.zeros(80), how=FEW)
    assert (whole.difference.estimate, whole.difference.n) == (pytest.approx(np.mean(after - before)), 80)
    assert (whole.difference.low, whole.difference.high) == pytest.approx((expected.low, expected.high))
    assert (whole.own.estimate, whole.against.estimate) == pytest.approx((after.mean(), before.mean()))
    assert (whole.test, whole.p_value) == ("mcnemar", mcnemar(before, after).p_value) and math.isnan(whole.q_value)
    assert german.p_value == pytest.approx(mcnemar(before[:40], after[:40]).p_value)
    slices = sorted((row for row in found.rows if row.slices), key=lambda row: row.p_value)
    assert slices[-1].q_value == pytest.approx(slices[-1].p_value)  # the largest stays, the smallest is multiplied
    assert slices[0].p_value <= slices[0].q_value <= slices[0].p_value * len(slices)
    (tail,) = found.tail_rows
    assert tail.difference.estimate == pytest.approx((after - before)[:40].mean() - (after - before)[40:].mean())
    assert (tail.category, tail.num_tail_prompts, tail.num_head_prompts) == ("lang", 40, 40)


def test_tail_minus_head_is_that_of_the_statistics():
    after, before = [1, 1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0, 0, 1], [0, 0, 1, 0, 0, 1, 0, 1, 1, 0, 0, 0, 1, 1]
    (tail,) = compare_records(both(record, after), both(baseline, before), how=FEW).tail_rows
    names = np.array([one.prompt_id for one in both(record, after)])
    parts = [
        Pairs(np.array(before[part], float), np.array(after[part], float), names[part], np.zeros(7))
        for part in (slice(0, 7), slice(7, 14))
    ]
    expected = difference_in_differences(*parts, how=FEW)
    assert (tail.difference.low, tail.difference.high) == pytest.approx((expected.low, expected.high))


def test_seeds_are_paired_with_their_own_and_are_a_second_level():
    """Two runs of three gain on every prompt, one loses: by prompts alone the gain would be sure."""
    own = [record(n, seed != 2, seed=seed) for n in range(40) for seed in range(3)]
    against = [baseline(n, seed == 2, seed=seed) for n in range(40) for seed in range(3)]
    whole = find(compare_records(own, against, how=FEW).rows)
    assert whole.difference.estimate == pytest.approx(1 / 3) and whole.num_seeds == 3
    assert whole.difference.low < 0 < whole.difference.high and whole.difference.n == 40


def test_what_has_no_counterpart_or_no_score_is_counted():
    own = [record(n, None if n == 1 else 1) for n in range(10)]
    against = [baseline(n, None if n == 2 else 0) for n in range(1, 12)]
    found = compare_records(own, against, how=FEW)
    whole = find(found.rows)
    assert (whole.difference.n, whole.num_left_out, found.num_unpaired) == (7, 3, 3)


def test_a_regime_is_compared_with_the_only_one_or_its_own_or_the_one_that_is_named():
    own = [record(n, regime is Regime.FIXED, regime) for regime in (Regime.INFERRED, Regime.FIXED) for n in range(6)]
    by_regime = {row.regime: row for row in compare_records(own, [baseline(n, 0) for n in range(6)], how=FEW).rows}
    assert [row.difference.estimate for row in by_regime.values()] == [0, 1]
    assert all(row.difference.estimate == 0 for row in compare_records(own, own, how=FEW).rows)
    named = compare_records(own, own, against_regime=Regime.INFERRED, how=FEW).rows
    assert {row.regime: row.difference.estimate for row in named} == {"inferred": 0, "fixed": 1}


def test_what_a_benchmark_draws_as_one_is_drawn_as_one_here():
    """Four languages of a problem that all gain are one piece of evidence, six of them just enough."""
    own = [record(f"{lang}/{n}", 1) for n in range(6) for lang in "abcd"]
    against = [baseline(f"{lang}/{n}", 0) for n in range(6) for lang in "abcd"]
    code = find(compare_records(own, against, kind="humanevalpack", how=FEW).rows)
    assert (code.difference.n, code.test, code.p_value) == (6, "sign_flip", pytest.approx(2 / 2**6))
    assert find(compare_records(own, against, how=FEW).rows).difference.n == 24


def test_answers_that_are_there_twice_and_seeds_without_counterpart_are_told():
    with pytest.raises(DataError, match="of seed 0 is there twice"):
        compare_records([record(1, 1), record(1, 0)], [baseline(1, 0)])
    with pytest.raises(DataError, match=r"'folder' has seeds 0 in inferred, 'against' seeds 1 in baseline"):
        compare_records([record(1, 1)], [baseline(1, 0, seed=1)])
