"""LPR and WPR: averages over languages and subsets as the reference takes them, with intervals by prompts."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from treasure.analysis.scores.figure import Figure
from treasure.analysis.scores.language_confusion import language_figures
from treasure.evaluation.record import EvaluationRecord, Regime


def record(lang: str, subset: str, row: int, scores: Mapping[str, float], seed: int = 0) -> EvaluationRecord:
    return EvaluationRecord(
        benchmark="language_confusion",
        prompt_id=f"{subset}/{lang}/{row}",
        regime=Regime.INFERRED,
        seed=seed,
        step=1,
        prompt="",
        content="",
        scores=scores,
        slices={"task": "crosslingual", "lang": lang, "subset": subset, "row": str(row)},
    )


def lines(lang: str, subset: str, passes: str) -> list[EvaluationRecord]:
    """A record a letter: 1 passes, 0 fails, - has no line to judge."""
    return [
        record(lang, subset, row, {} if letter == "-" else {"line_pass": float(letter)})
        for row, letter in enumerate(passes)
    ]


def find(figures: list[Figure], metric: str, **slices: str) -> Figure:
    wanted = {"task": "crosslingual", **slices}
    (found,) = [figure for figure in figures if figure.metric == metric and figure.slices == wanted]
    return found


def test_a_language_is_the_mean_of_its_subsets_and_the_task_that_of_its_languages() -> None:
    figures = language_figures(
        [*lines("de", "a", "1111100000"), *lines("de", "b", "11111"), *lines("fr", "a", "1000000000")]
    )
    assert find(figures, "lpr", lang="de", subset="a").interval.estimate == 0.5
    assert find(figures, "lpr", lang="de").interval.estimate == pytest.approx(0.75)
    assert find(figures, "lpr", subset="a").interval.estimate == pytest.approx(0.3)
    assert find(figures, "lpr").interval.estimate == pytest.approx((0.75 + 0.1) / 2)
    assert [find(figures, "lpr", lang="de").interval.n, find(figures, "lpr").interval.n] == [15, 25]


def test_head_and_tail_are_means_of_their_languages() -> None:
    records = [*lines("de", "a", "1111100000"), *lines("en", "a", "1111111111"), *lines("fr", "a", "1000000000")]
    grouped = [replace(one, groups={"lang": "head" if one.slices["lang"] == "en" else "tail"}) for one in records]
    figures = language_figures(grouped)
    head, tail = (find(figures, "lpr", **{"lang group": group}).interval for group in ("head", "tail"))
    assert (head.estimate, head.n) == (1, 10) and tail.estimate == pytest.approx((0.5 + 0.1) / 2) and tail.n == 20
    assert head.low < 1 and tail.low < tail.estimate < tail.high
    for same in (records, grouped[:10]):  # nothing known, or all the same
        assert not [figure for figure in language_figures(same) if "lang group" in figure.slices]


def test_answers_without_a_line_are_counted_as_failed_and_a_cell_of_them_as_one() -> None:
    figures = language_figures([*lines("de", "a", "11-00-"), *lines("fr", "a", "------")])
    german, french = (find(figures, "lpr", lang=lang) for lang in ("de", "fr"))
    assert (german.interval.estimate, german.interval.n, german.num_failed) == (0.5, 4, 2)
    assert (french.interval.estimate, french.interval.n, french.num_failed) == (1.0, 0, 6)
    assert math.isnan(french.interval.low)
    assert find(figures, "lpr").interval.estimate == 0.75


def test_words_are_counted_for_languages_of_other_letters_alone() -> None:
    figures = language_figures(
        [record(lang, "a", row, {"line_pass": 1, "word_pass": row % 2}) for lang in ("ru", "de") for row in range(10)]
    )
    assert find(figures, "wpr").interval.estimate == 0.5
    assert not [figure for figure in figures if figure.metric == "wpr" and figure.slices.get("lang") == "de"]


@pytest.mark.parametrize("passes", ["1" * 50, "0" * 50])
def test_where_all_answers_fare_alike_the_interval_is_not_empty(passes: str) -> None:
    interval = find(language_figures(lines("de", "a", passes)), "lpr").interval
    assert interval.low <= interval.estimate <= interval.high
    assert 0.05 < interval.high - interval.low < 0.09  # Wilson's for 50 of 50


def test_a_rate_near_one_has_an_interval_that_reaches_lower_than_the_draws_do() -> None:
    interval = find(language_figures(lines("de", "a", "0" + "1" * 49)), "lpr", lang="de", subset="a").interval
    assert (interval.low, interval.high) == pytest.approx((0.895, 0.9965), abs=5e-4)  # Wilson's for 49 of 50


def test_languages_that_share_prompts_are_drawn_together() -> None:
    """Ten languages that fare alike on each prompt know no more than one of them."""
    passes = "10" * 20
    alone, together = (
        find(language_figures([r for lang in languages for r in lines(lang, "a", passes)]), "lpr").interval
        for languages in (["de", "es"], ["de", "es", "fr", "id", "it", "pt", "tr", "vi", "ko", "ja"])
    )
    assert together.high - together.low == pytest.approx(alone.high - alone.low, rel=0.02)
    order = np.random.default_rng(0)
    apart = [
        r
        for lang in ["de", "es", "fr", "id", "it", "pt", "tr", "vi", "ko", "ja"]
        for r in lines(lang, "a", "".join(order.permutation(list(passes))))
    ]
    wide = find(language_figures(apart), "lpr").interval
    assert wide.high - wide.low < 0.6 * (alone.high - alone.low)


def test_seeds_that_agree_add_nothing_and_seeds_that_differ_widen_the_interval() -> None:
    once = [record("de", "a", row, {"line_pass": row % 2}) for row in range(40)]
    thrice = [record("de", "a", row, {"line_pass": row % 2}, seed) for row in range(40) for seed in range(3)]
    apart = [record("de", "a", row, {"line_pass": seed % 2}, seed) for row in range(40) for seed in range(4)]
    one, three, four = (find(language_figures(rows), "lpr").interval for rows in (once, thrice, apart))
    assert (one.estimate, one.n) == (three.estimate, three.n)
    assert (one.low, one.high) == pytest.approx((three.low, three.high), abs=0.03)
    assert four.estimate == 0.5 and four.high - four.low > 0.9
