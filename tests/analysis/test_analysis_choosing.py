"""Summaries of choosing: the choice is made again from the candidates, and lifts are counted by hand."""

from treasure.analysis.lever_studies.choosing import summarize


def candidate(header, content, num_tokens, score, name):
    return {
        "markers": {"domain": name},
        "content": name,
        "header_log_probability": header,
        "content_log_probability": content,
        "num_header_tokens": 2,
        "num_content_tokens": num_tokens - 2,
        "oracle_score": score,
    }


SURE = candidate(-1.0, -3.0, 4, 0.2, "sure")  # joint -4, per token -1
LIKELY = candidate(-2.0, -1.0, 3, 0.5, "likely")  # joint -3, the greatest; per token -1
LONG = candidate(-3.0, -2.0, 20, 0.3, "long")  # per token -0.25, the greatest
RIGHT = candidate(-9.0, -9.0, 4, 1.0, "right")


def row(prompt, way, candidates, benchmark="facts", seconds=0.01):
    plain = {"prompt_id": f"{benchmark}{prompt}", "benchmark": benchmark, "way": way, "seconds": seconds}
    return {**plain, "num_headers": len(candidates), "candidates": candidates}


ROWS = [
    *(row(i, "greedy", [SURE], name) for i in range(60) for name in ("facts", "length")),
    *(row(i, "beam", [SURE, LIKELY, LONG, RIGHT], name, 0.05) for i in range(60) for name in ("facts", "length")),
    *(row(i, "drawn", [SURE, SURE, SURE, SURE], name) for i in range(60) for name in ("facts", "length")),
]


def test_choices_are_made_again_and_lifts_are_counted():
    table = summarize(ROWS).tables[0]
    by_way = {(line[0], line[2]): line for line in table.rows}
    assert by_way["greedy", ""][3:] == ("20.0", "", "", "4", "10")
    joint = by_way["beam", "joint probability"]
    assert joint[3:] == ("50.0", "+30.0 points [+26.1 to +32.1]", "100 %", "31", "50")
    assert by_way["beam", "joint probability per token"][4] == "+10.0 points [+6.7 to +12.7]"
    assert by_way["beam", "oracle score (upper bound)"][3] == "100.0"
    same = by_way["drawn", "joint probability"]
    assert same[4:7] == ("+0.0 points (the same for each prompt)", "0 %", "4")  # equal headers are paid for once


def test_each_benchmark_is_told_apart_and_counted():
    found = summarize(ROWS)
    assert {line[0] for line in found.tables[1].rows} == {"facts", "length"}
    assert found.sentences[-1].startswith("Benchmark by benchmark, of 8 comparisons with 4 headers")
    assert "4 are above greedy and 0 below" in found.sentences[-1]
    assert "None of these comparisons is corrected" in found.sentences[-1]
    assert any("upper bound) could give at most +80.0 points" in sentence for sentence in found.sentences)
    assert any("not told from chance" in sentence for sentence in found.sentences)


def test_answers_that_nobody_can_score_are_left_out():
    unscored = [row(9, way, [{**SURE, "oracle_score": None}], "code") for way in ("greedy", "beam")]
    assert summarize([*ROWS, *unscored]).tables == summarize(ROWS).tables


def test_the_figure_has_a_panel_for_each_benchmark_and_one_for_all():
    (figure,) = summarize(ROWS).figures
    assert [axes.get_title() for axes in figure.draw().axes] == ["all benchmarks", "facts", "length"]
