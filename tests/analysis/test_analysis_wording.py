import math

import pytest

from treasure.analysis.benchmarks import metric_info
from treasure.analysis.wording import MINUS, change, count, duration, interval, rate, signed

RATE, WORDS = metric_info("exact"), metric_info("length_distance_words")


def test_rates_in_per_cent_and_lengths_in_words():
    assert rate(0.6123, RATE) == "61.2 %"
    assert rate(4.25, WORDS) == "4.2 words"
    assert change(0.05, 0.01, 0.094, RATE) == "+5.0 points [+1.0 to +9.4]"
    assert change(-1.5, -2, -1, WORDS) == f"{MINUS}1.5 words [{MINUS}2.0 to {MINUS}1.0]"


def test_losses_keep_more_digits():
    assert rate(1.2345, metric_info("content_loss")) == "1.234 nats a token"
    assert signed(-0.0123, metric_info("content_loss")) == f"{MINUS}0.012"


def test_a_change_that_rounds_to_nothing_is_not_negative():
    assert signed(-0.0001, RATE) == "+0.0"


def test_no_interval_is_said():
    assert interval(math.nan, math.nan, RATE) == "too few prompts"


@pytest.mark.parametrize(("seconds", "text"), [(41.2, "41 s"), (250, "4 min 10 s"), (7380, "2 h 03 min")])
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_large_counts_are_grouped():
    assert count(1234567).split("\u202f") == ["1", "234", "567"]
