"""The matrix of levers and attributes: by hand, against numpy and scipy, and by what must not matter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap

from treasure.analysis.entanglement import entanglement
from treasure.analysis.lever_answers import LeverAnswer

ENDS = {"quality_bucket": ("4", "1"), "lang": ("English", "German")}


def answer(prompt, asked, lever="quality_bucket", **attributes):
    return LeverAnswer(f"p{prompt}", lever, asked, attributes)


def turned(values, lever="quality_bucket"):
    """One answer at either end for each (before, after) of an attribute `words`."""
    low, high = ENDS[lever]
    return [
        answer(place, end, lever, words=number)
        for place, pair in enumerate(values)
        for end, number in zip((low, high), pair, strict=True)
    ]


def only(answers):
    (found,) = entanglement(answers, {answers[0].lever: ENDS[answers[0].lever]})
    return found


def told(cell):
    return cell.effect.estimate, cell.effect.low, cell.effect.high, cell.difference, cell.p_value


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=5, max_size=15))
def test_the_effect_is_the_correlation_with_the_end(values):
    cell = only(turned(values))
    before, after = np.array(values, dtype=float).T
    both, end = np.concatenate((before, after)), np.repeat([0.0, 1.0], len(values))
    expected = np.corrcoef(both, end)[0, 1] if np.ptp(both) else 0.0
    assert cell.effect.estimate == pytest.approx(expected, abs=1e-9)
    assert cell.difference == pytest.approx(np.mean(after - before))
    assert cell.effect.n == len(values)


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=5, max_size=12),
    st.randoms(use_true_random=False),
)
def test_order_and_scale_do_not_matter(values, random):
    answers = turned(values)
    expected = told(only(answers))
    assert told(only(random.sample(answers, len(answers)))) == pytest.approx(expected, nan_ok=True)
    scaled = told(only(turned([(7 + 3 * before, 7 + 3 * after) for before, after in values])))
    assert (scaled[:3], scaled[4]) == (pytest.approx(expected[:3], abs=1e-6, nan_ok=True), pytest.approx(expected[4]))


def test_the_interval_is_that_of_scipy():
    rng = np.random.default_rng(0)
    before = rng.normal(size=120)
    after = 0.6 * before + rng.normal(size=120) + 0.4

    def correlation(x, y, axis=-1):
        both = np.concatenate((x, y), axis=axis)
        return (y.mean(axis=axis) - x.mean(axis=axis)) / (2 * both.std(axis=axis))

    cell = only(turned(list(zip(before, after, strict=True))))
    for method in ("percentile", "BCa"):
        found = bootstrap(
            (before, after),
            correlation,
            paired=True,
            vectorized=True,
            n_resamples=4000,
            method=method,
            rng=np.random.default_rng(1),
        ).confidence_interval
        assert (cell.effect.low, cell.effect.high) == pytest.approx((found.low, found.high), abs=0.015)


def test_each_draw_has_a_deviation_of_its_own():
    """A third of draws lack the one prompt whose answers are long at both ends, and there the end explains all."""
    cell = only(turned([(0.0, 1.0)] * 5 + [(100.0, 101.0)]))
    assert cell.effect.estimate < 0.05
    assert cell.effect.high == pytest.approx(1)


def test_what_moves_wholly_is_1_and_what_never_moves_is_0():
    cell = only(turned([(3.0, 8.0)] * 20))
    assert cell.effect.estimate == pytest.approx(1) and np.isnan(cell.effect.low)  # no draw tells how sure that is
    assert cell.p_value < 1e-3
    still = only(turned([(4.0, 4.0)] * 20))
    assert (still.effect.estimate, still.p_value) == (0, 1) and np.isnan(still.effect.low)


def test_names_become_attributes_and_rare_ones_do_not():
    answers = [
        answer(place, asked, "lang", lang="xx" if place == 0 and asked == "English" else asked)
        for place in range(40)
        for asked in ENDS["lang"]
    ]
    found = {cell.attribute: cell for cell in entanglement(answers, {"lang": ENDS["lang"]})}
    assert list(found) == ["lang=English", "lang=German"]
    assert found["lang=German"].difference == 1
    assert found["lang=English"].difference == pytest.approx(-39 / 40)


def test_what_could_not_be_measured_is_left_out_in_pairs_and_counted():
    answers = [*turned([(1.0, 2.0)] * 8), answer(90, "4", words=None), answer(90, "1", words=50.0)]
    answers += [answer(92, "4", words=50.0), answer(92, "1", words=None)]
    cell = only([*answers, answer(91, "4", words=50.0)])
    assert (cell.effect.n, cell.difference, cell.num_unmeasured) == (8, 1, 2)


def test_several_answers_to_a_prompt_add_no_prompts():
    values = [(1.0, 2.0), (2.0, 1.0), (3.0, 7.0), (0.0, 1.0), (5.0, 5.0), (2.0, 4.0)]
    assert told(only(turned(values) * 3)) == pytest.approx(told(only(turned(values))))


def test_q_values_count_all_cells():
    rng = np.random.default_rng(1)
    answers: list[LeverAnswer] = []
    for place in range(60):
        for asked in ("4", "1"):
            noise = {f"noise{number}": rng.normal() for number in range(19)}
            answers.append(answer(place, asked, words=float(asked == "1") + 0.1 * rng.normal(), **noise))
    cells = entanglement(answers, {"quality_bucket": ENDS["quality_bucket"]})
    assert len(cells) == 20
    (words, *others) = cells
    assert words.q_value == pytest.approx(20 * words.p_value)
    assert sum(cell.p_value <= 0.05 for cell in others) >= sum(cell.q_value <= 0.05 for cell in others) == 0


def test_a_lever_without_answers_has_no_cells():
    assert [cell.lever for cell in entanglement(turned([(1, 2)] * 6), ENDS)] == ["quality_bucket"]
