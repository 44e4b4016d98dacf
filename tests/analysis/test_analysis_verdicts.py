import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasure.analysis.lifts import DifferenceRow, LiftRow
from treasure.analysis.verdicts import Answer, both, judge, verdicts

YES, NO, UNKNOWN = Answer.YES, Answer.NO, Answer.UNKNOWN


@given(st.floats(-1, 1), st.floats(0, 1))
def test_turning_the_sign_turns_the_answer(low, width):
    opposite = {YES: NO, NO: YES, UNKNOWN: UNKNOWN}
    assert judge(low, low + width, -1) == opposite[judge(low, low + width, 1)]


@pytest.mark.parametrize(
    ("low", "high", "answer"),
    [
        (0.1, 0.2, YES),
        (-0.2, -0.1, NO),
        (-0.1, 0.2, UNKNOWN),
        (0, 0, UNKNOWN),
        (0, 0.2, UNKNOWN),
        (math.nan, 1, UNKNOWN),
    ],
)
def test_only_an_interval_beside_zero_answers(low, high, answer):
    assert judge(low, high) == answer


def test_this_and_that():
    assert [both(YES, YES), both(YES, UNKNOWN), both(UNKNOWN, UNKNOWN)] == [YES, UNKNOWN, UNKNOWN]
    assert [both(YES, NO), both(UNKNOWN, NO), both(NO, NO)] == [NO, NO, NO]


def lift(kind, low, high, benchmark="overall", metric="win_rate", slice_name="main"):
    middle = (low + high) / 2
    return LiftRow(benchmark, kind, slice_name, "fixed", metric, 0.5, 0.5 + middle, middle, low, high, 50, 2)


def difference(low, high):
    return DifferenceRow("overall", "main", "fixed", "win_rate", 0.1, 0.02, (low + high) / 2, low, high, 50, 50, 2)


@pytest.mark.parametrize(
    ("tail", "apart", "answer", "said"),
    [
        ((0.1, 0.2), (0.01, 0.1), YES, "On the tail it is better than Baseline; the tail gains more than the head."),
        ((0.1, 0.2), (-0.01, 0.1), UNKNOWN, "whether the tail gains more than the head cannot be told."),
        ((0.1, 0.2), (-0.2, -0.1), NO, "the tail gains less than the head."),
        ((-0.2, -0.1), (0.01, 0.1), NO, "On the tail it is worse than Baseline"),
        ((-0.1, 0.1), (0.01, 0.1), UNKNOWN, "Whether it is better than Baseline on the tail cannot be told"),
    ],
)
def test_the_headline_needs_both_parts(tail, apart, answer, said):
    (verdict,) = verdicts([lift("tail", *tail), lift("head", 0.0, 0.05)], [difference(*apart)])
    assert verdict.is_headline
    assert verdict.answer == answer
    assert verdict.sentence.endswith(said) or said in verdict.sentence


def test_without_a_win_rate_the_first_benchmark_answers():
    rows = [
        lift(kind, low, high, "heldout", "content_loss", "domain")
        for kind, low, high in (("tail", -0.3, -0.1), ("head", -0.1, 0.0))
    ]
    apart = DifferenceRow("heldout", "domain", "fixed", "content_loss", -0.2, -0.05, -0.15, -0.2, -0.1, 9, 9, 1)
    (verdict,) = verdicts(rows, [apart])
    assert verdict.answer == YES
    assert "Held-out loss on the tail is 0.300 nats a token against 0.500 nats a token" in verdict.sentence


def test_a_lower_violation_rate_is_a_yes():
    row = lift("all", -0.3, -0.1, "length", "length_violation_rate", "all")
    (verdict,) = verdicts([row], [])
    assert verdict.question == "Does a fixed length marker cut the violation rate?"
    assert verdict.answer == YES
    assert (
        "50.0 % for Baseline, 30.0 % with markers fixed, \u221220.0 points [\u221230.0 to \u221210.0]"
        in verdict.sentence
    )


def test_without_an_interval_nothing_can_be_told():
    row = lift("all", math.nan, math.nan, "facts", "fact_correct", "all")
    (verdict,) = verdicts([row], [])
    assert verdict.answer == UNKNOWN
    assert "too few prompts" in verdict.sentence
