"""Summaries of guidance: rates and changes counted by hand, and figures that can be drawn."""

from treasure.analysis.lever_studies.guidance import summarize


def row(push, prompt, weight, adherence, correct, **changes):
    scores = {"adherence": adherence, "correct": correct, "oracle_score": 0.5}
    plain = {"prompt_id": f"p{prompt}", "push": push, "form": "one", "header": "guided", "weights": {push: weight}}
    return {**plain, "scores": scores, **changes}


def pair(prompt, form, lang, style, adherence):
    scores = {"adherence": adherence, "correct": 1.0, "adherence_lang": 1.0, "adherence_style": adherence}
    weights = {"lang": lang, "style": style}
    plain = {"prompt_id": f"p{prompt}", "push": "lang and style", "form": form, "header": "guided"}
    return {**plain, "weights": weights, "scores": scores}


SWEEP = [
    *(row("lang", i, 0.0, 0.0, 1.0) for i in range(10)),
    *(row("lang", i, 1.0, float(i < 5), 1.0) for i in range(10)),
    *(row("lang", i, 2.0, 1.0, float(i < 2)) for i in range(10)),
]


def test_rates_and_changes_are_counted_by_prompt():
    found = summarize(SWEEP)
    by_weight = {line[2]: line for line in found.tables[0].rows}
    assert by_weight["0"][4].startswith("0 % [0 to ") and by_weight["1"][4].startswith("50 % [")
    assert by_weight["2"][5].startswith("+50 points [") and by_weight["2"][7].startswith("\N{MINUS SIGN}80 points [")
    assert by_weight["1"][5] == ""
    assert by_weight["0"][7] == "+0 points (the same for each prompt)"
    sentence = found.sentences[0]
    assert "10 prompts" in sentence and "weight 2 changes that by +50 points" in sentence


def test_what_became_better_and_worse_is_counted():
    (overall,) = (sentence for sentence in summarize(SWEEP).sentences if sentence.startswith("Guiding"))
    assert "over 1 pair of lever and weight" in overall
    assert "have what is asked for became more in 1 and fewer in 0" in overall
    assert "are right became more in 0 and fewer in 1" in overall


def test_two_levers_are_set_against_both_in_one_prompt():
    rows = [
        *SWEEP,
        *(pair(i, "joint", 1.0, 1.0, float(i < 5)) for i in range(10)),
        *(pair(i, "joint", 2.0, 2.0, 1.0) for i in range(10)),
        *(pair(i, "apart", 1.0, 1.0, 0.0) for i in range(10)),
    ]
    found = summarize(rows)
    assert "50 % [24 to 76] of answers have what is asked for with both markers in one prompt" in found.sentences[-1]
    assert "of 2 other ways 1 have more and 1 fewer (one prompt, weight 2: +50 points" in found.sentences[-1]
    assert found.sentences[-1].endswith("not corrected for their number.")
    assert [line[:4] for line in found.tables[1].rows] == [
        ("both in one prompt", "1", "1", "10"),
        ("both in one prompt", "2", "2", "10"),
        ("each in a prompt of its own", "1", "1", "10"),
    ]


def test_the_figure_has_a_panel_for_each_lever_and_metric():
    rows = [*SWEEP, *(row("style", i, weight, 1.0, 1.0) for i in range(10) for weight in (0.0, 1.0, 2.0))]
    (figure,) = summarize(rows).figures
    drawn = figure.draw()
    assert len(drawn.axes) == 4
    line = drawn.axes[0].get_lines()[0]
    assert list(line.get_xdata()) == [0.0, 1.0, 2.0] and list(line.get_ydata()) == [0.0, 0.5, 1.0]


def test_few_prompts_have_no_interval():
    few = [one for one in SWEEP if one["prompt_id"] in ("p0", "p9")]
    assert "[too few prompts]" in summarize(few).sentences[0]
