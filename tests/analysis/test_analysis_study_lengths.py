"""What the study of lengths says of rows whose truth is known."""

import pytest

from treasure.analysis.figures.style import house_style
from treasure.analysis.lever_studies.estimates import difference, share_of
from treasure.analysis.lever_studies.lengths import summarize


def response(prompt, condition, asked, given, header, share=0.1):
    return {
        "part": "response", "prompt_id": f"p{prompt}", "unit": "length_tokens", "condition": condition, "asked": asked,
        "asked_bucket": "concise", "digits": len(str(asked)), "trained_share": share, "said": "", "given": given,
        "header": header, "header_bucket": "concise",
    }  # fmt: skip


def limit(prompt, condition, confidence, given, *, number=20, prompts="fresh", is_refused=False):
    return {
        "part": "limit", "prompt_id": f"p{prompt}", "prompts": prompts, "unit": "length_tokens",
        "condition": condition, "confidence": confidence, "limit": number, "limit_bucket": "medium",
        "is_refused": is_refused, "asked": None if is_refused else number, "given": given,
    }  # fmt: skip


RESPONSES = [
    row
    for prompt in range(20)
    for asked in (5, 10, 15, 20)
    for row in (
        response(prompt, "forced", asked, asked, asked, share=0.002 if asked == 20 else 0.1),
        response(prompt, "fixed", asked, asked if prompt < 5 else 12, asked if prompt < 5 else 12),
        response(prompt, "fixed_bucket", asked, asked if prompt < 10 else 12, asked if prompt < 10 else 12),
    )
]
CALIBRATION = [
    {"part": "calibration", "prompt_id": f"c{i}", "unit": "length_tokens", "asked": [5, 20], "given": [5, None]}
    for i in range(30)
]
LIMITS = [
    row
    for prompt in range(200)
    for row in (
        limit(prompt, "fixed", None, 25 if prompt < 60 else 12),
        limit(prompt, "at_most", 0.9, 25 if prompt < 4 else 17),
        limit(prompt, "at_most", 0.99, 25 if prompt < 20 else 17),
        limit(prompt, "at_least", 0.9, None, is_refused=True),
    )
]
STUDY = summarize([*RESPONSES, *CALIBRATION, *LIMITS])


def said(*words):
    """The sentences that hold all these words."""
    return [text for text in STUDY.sentences if all(word in text for word in words)]


def test_it_says_how_far_numbers_are_obeyed_and_why_not():
    assert "100.0 % [83.9 to 100.0] of answers have exactly" in said("forced into the header")[0]
    assert "25.0 % [" in said("fixed in the prompt alone")[0] and "20 prompts" in said("fixed in the prompt alone")[0]
    assert "better than fixing, +75.0 points" in said("forcing is")[0]
    why = said("repeats the number")[0]
    assert "25.0 % [" in why and "100.0 % of those have the header's own number" in why


def test_answers_that_were_cut_are_neither_more_nor_fewer():
    rows = [response(prompt, "forced", 5, None if prompt < 4 else 6, 5) for prompt in range(10)]
    text = summarize(rows).sentences[0]
    assert "60.0 % more and 0.0 % fewer, 40.0 % are empty or cut" in text


def test_it_says_what_helps():
    assert "a number that is fixed is exact +25.0 points" in said("bucket beside")[0]
    assert "below 1 %: 100.0 % [83.9 to 100.0]; above 3 %: 100.0 %" in said("share of training")[0]


def test_it_says_which_promises_were_kept_and_at_what_price():
    assert (
        "98.0 % [95.0 to 99.2] of 200 answers keep the limit (kept), on average 3.0 below"
        in said("at_most of", "90%")[0]
    )
    assert "90.0 % [" in said("at_most of", "99%")[0] and "(not kept)" in said("at_most of", "99%")[0]
    assert said("at_least of", "90%")[0].endswith("refused for 100.0 % of limits.")
    assert "30 prompts to 2 numbers each, from 5 to 20" in said("calibration")[0]


def test_answers_that_keep_no_limit_have_no_price():
    study = summarize([{**row, "given": None} for row in LIMITS])
    promises = [text for text in study.sentences if "keep the limit" in text]
    assert promises and all(
        "0.0 % [0.0 to 1.9] of 200 answers keep the limit (not kept); ref" in one for one in promises
    )
    assert not any("nan" in cell for table in study.tables for row in table.rows for cell in row)


def test_goals_are_held_against_what_was_found():
    assert "at most 5 % over the limit with 'number fixed': missed, 30.0 %" in said("Goal")[0]
    assert "at most 1.25 % over the limit with 'at_most at 99%': missed, 10.0 %" in said("Goal")[1]


def test_tables_hold_each_condition_and_figures_can_be_drawn():
    titles = {table.title: table for table in STUDY.tables}
    assert len(titles["Asked and given"].rows) == 3
    assert len(titles["Limits"].rows) == len(titles["Limits by their bucket"].rows) == 5
    for table in STUDY.tables:
        assert all(len(row) == len(table.columns) for row in table.rows), table.title
    with house_style():
        for figure in STUDY.figures:
            figure.draw().canvas.draw()
    assert [figure.name for figure in STUDY.figures] == ["lengths_length_tokens", "lengths_limits"]


def test_a_model_that_cannot_be_forced_has_no_limits_to_speak_of():
    found = summarize([row for row in RESPONSES if row["condition"] == "fixed"])
    assert not any("limit" in text.lower() for text in found.sentences)
    assert [figure.name for figure in found.figures] == ["lengths_length_tokens"]
    assert summarize([]).tables == ()


@pytest.mark.parametrize(
    ("given", "low", "high"), [([1] * 10, 0.72, 1.0), ([0] * 10, 0.0, 0.28), ([1, 0] * 5, 0.23, 0.77)]
)
def test_shares_near_0_and_1_have_an_interval_too(given, low, high):
    rows = [{"prompt_id": str(number), "given": one} for number, one in enumerate(given)]
    found = share_of(rows, lambda row: row["given"])
    assert (round(found.low, 1), round(found.high, 1)) == (round(low, 1), round(high, 1))
    twice = share_of([*rows, *rows], lambda row: row["given"])
    assert twice.estimate == found.estimate and twice.n == 10 and twice.high - twice.low > 0.2


def test_differences_are_paired_by_prompt_and_number():
    before = [response(prompt, "fixed", 5, 5 if prompt % 2 else 6, 5) for prompt in range(10)]
    after = [response(prompt, "forced", 5, 5, 5) for prompt in reversed(range(12))]
    found = difference(after, before, lambda row: row["given"] == 5)
    assert found.estimate == 0.5 and found.n == 10
