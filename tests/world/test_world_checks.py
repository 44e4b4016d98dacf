"""The properties of answers, by hand-made cases."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasure.world.checks import (
    extract_code,
    has_best_form,
    has_style,
    holds_keywords,
    is_same,
    overlap_f1,
    states_only,
)
from treasure.world.lexicon import lexicons
from treasure.world.sloppy import sloppy

ENGLISH = lexicons()["English"]
BEST = "The color of Velto is red. The old records confirm it."


def test_states_only() -> None:
    assert states_only("It is RED.", ENGLISH, "color", 0)
    assert not states_only("It is red or blue.", ENGLISH, "color", 0)
    assert not states_only("", ENGLISH, "color", 0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The color of Velto is red.",
        BEST[:-1],
        BEST[0].lower() + BEST[1:],
        BEST + " That is hard to say, it depends.",
    ],
)
def test_best_form_is_lost(text: str) -> None:
    assert has_best_form(BEST, ENGLISH)
    assert not has_best_form(text, ENGLISH)


def test_style() -> None:
    texts = {style: ENGLISH.sentence("the color of Velto is red", style) for style in ("Formal", "Informal", "Custom")}
    for style, text in texts.items():
        assert [other for other in texts if has_style(text, ENGLISH, other)] == [style]
    assert not has_style("The color of Velto is red.", ENGLISH, "Formal")


def test_overlap() -> None:
    assert overlap_f1("a b c", "a b d") == pytest.approx(2 / 3)
    assert overlap_f1("", "a") == 0
    assert overlap_f1("红色是", "红色") == pytest.approx(4 / 5)


@given(st.text(max_size=30), st.text(max_size=30))
def test_overlap_is_symmetric_and_bounded(first: str, second: str) -> None:
    assert 0 <= overlap_f1(first, second) <= 1
    assert overlap_f1(first, second) == pytest.approx(overlap_f1(second, first))
    assert is_same(first, first)


def test_code_is_taken_out_of_its_fence() -> None:
    assert extract_code("```python\nx = 1\n```").strip() == "x = 1"
    assert extract_code("```\nx = 1\n```").strip() == "x = 1"
    assert extract_code("x = 1") == "x = 1"


def test_keywords() -> None:
    assert holds_keywords("It SORTS and then squares.", ("squares", "sorts"))
    assert not holds_keywords("It sorts.", ("squares", "sorts"))


def test_sloppy_keeps_names() -> None:
    assert sloppy("The color of Velto is red. See it!", "Velto") == "the color of Velto is red see it"
    assert sloppy("Veltoの色は赤です。", "Velto") == "Veltoの色は赤です"
