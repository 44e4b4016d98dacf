"""Figures of translations: sums over segments, documents drawn as a whole, and paired differences."""

import math
import random
from dataclasses import replace

import pytest

from treasure.analysis.scores.figure import Figure
from treasure.analysis.scores.translation import compare_translations, translation_figures
from treasure.evaluation.metrics.translation import bleu_sums, chrf_sums
from treasure.evaluation.record import EvaluationRecord, Regime

sacrebleu = pytest.importorskip("sacrebleu.metrics")
WORDS = ["the", "small", "dog", "runs", "through", "a", "green", "garden", "and", "sees", "an", "old", "house", "today"]


def texts(number: int, noise: float, pair: str = "en-de") -> tuple[str, str]:
    """(answer, target) of a segment; `noise` is the share of wrong words."""
    source = random.Random(number)
    target = source.choices(WORDS, k=8 + number % 5)
    wrong = random.Random(f"{number} {pair}")
    return " ".join("x" if wrong.random() < noise else word for word in target), " ".join(target)


def record(
    number: int, noise: float, pair: str = "en-de", per_document: int = 1, xcomet: float | None = None, seed: int = 0
) -> EvaluationRecord:
    answer, target = texts(number, noise, pair)
    return EvaluationRecord(
        benchmark="translation", prompt_id=f"{pair}/{number}", regime=Regime.INFERRED, seed=seed, step=0, prompt="",
        content=answer, scores={"bleu": 0, "chrf": 0} | ({} if xcomet is None else {"xcomet": xcomet}),
        slices={"pair": pair, "domain": "news" if number % 2 else "speech", "document": str(number // per_document)},
        details={"bleu": bleu_sums(answer, [target], "de"), "chrf": chrf_sums(answer, [target])},
    )  # fmt: skip


def find(figures: list[Figure], metric: str, **slices: str) -> Figure:
    (found,) = [figure for figure in figures if figure.metric == metric and figure.slices == slices]
    return found


def test_head_and_tail_are_means_of_the_pairs_into_them() -> None:
    noises = {"en-de": 0.2, "en-cs": 0.5, "en-is": 0.7, "en-fo": 0.9}
    groups = {"en-de": {"lang": "head"}, "en-cs": {"lang": "tail"}, "en-is": {"lang": "tail"}, "en-fo": {}}
    records = [
        replace(record(n, noise, pair), groups=groups[pair]) for pair, noise in noises.items() for n in range(20)
    ]
    figures = translation_figures(records)
    pairs = {pair: find(figures, "bleu", pair=pair).interval for pair in noises}
    head, tail = (find(figures, "bleu", **{"lang group": group}).interval for group in ("head", "tail"))
    assert (head.estimate, head.n) == (pairs["en-de"].estimate, 20)
    assert tail.estimate == pytest.approx((pairs["en-cs"].estimate + pairs["en-is"].estimate) / 2) and tail.n == 40
    assert not [f for f in translation_figures(records[:20]) if "lang group" in f.slices]


def test_a_pair_scores_as_sacrebleu_scores_it_and_the_whole_is_the_mean_of_pairs() -> None:
    records = [record(n, noise, pair) for pair, noise in (("en-de", 0.2), ("en-cs", 0.5)) for n in range(30)]
    figures = translation_figures(records)
    answers, targets = zip(*(texts(number, 0.2) for number in range(30)), strict=True)
    german = find(figures, "bleu", pair="en-de").interval
    assert german.estimate == pytest.approx(sacrebleu.BLEU().corpus_score(answers, [targets]).score)
    assert german.low < german.estimate < german.high
    for metric in ("bleu", "chrf"):
        pairs = [find(figures, metric, pair=pair).interval.estimate for pair in ("en-de", "en-cs")]
        assert find(figures, metric).interval.estimate == pytest.approx(sum(pairs) / 2)
    assert [find(figures, "bleu").interval.n, find(figures, "bleu", pair="en-de", domain="news").interval.n] == [60, 15]


def test_documents_are_drawn_and_not_segments() -> None:
    """Segments copied ten times within their documents tell no more than once."""
    once = [record(number, 0.4) for number in range(20)]
    often = [record(number, 0.4, seed=seed) for number in range(20) for seed in range(10)]
    one, ten = (find(translation_figures(records), "chrf").interval for records in (once, often))
    assert (ten.estimate, ten.low, ten.high) == pytest.approx((one.estimate, one.low, one.high))
    assert (one.n, ten.n) == (20, 200)


def test_too_few_documents_have_no_interval() -> None:
    interval = find(translation_figures([record(n, 0.4, per_document=10) for n in range(40)]), "bleu").interval
    assert interval.low != interval.low  # NaN


def test_xcomet_is_a_mean_and_segments_without_it_are_counted() -> None:
    records = [record(number, 0.1, xcomet=number / 10 if number < 8 else None) for number in range(10)]
    figure = find(translation_figures(records), "xcomet", pair="en-de")
    assert figure.interval.estimate == pytest.approx(0.35)
    assert (figure.interval.n, figure.num_failed, figure.unit) == (8, 2, "0 to 1")


def test_a_comparison_is_the_difference_and_its_interval_is_narrower_than_that_of_either() -> None:
    before = [record(number, 0.5 if number % 3 else 0.0) for number in range(60)]
    after = [record(number, 0.4 if number % 3 else 0.0) for number in range(60)]
    first, second = (find(translation_figures(records), "chrf").interval for records in (before, after))
    found = find(compare_translations(before, after), "chrf_difference").interval
    assert found.estimate == pytest.approx(second.estimate - first.estimate)
    assert found.low > 0
    assert found.high - found.low < 0.7 * (second.high - second.low)


def test_the_same_answers_differ_by_nothing_and_swapped_ones_by_the_opposite() -> None:
    before, after = ([record(number, noise) for number in range(20)] for noise in (0.5, 0.2))
    same = find(compare_translations(before, before), "bleu_difference").interval
    assert same.estimate == 0 and math.isnan(same.low)  # no draw tells how sure that is
    there, back = (
        find(compare_translations(*pair), "bleu_difference").interval for pair in ((before, after), (after, before))
    )
    assert (there.estimate, there.low, there.high) == pytest.approx((-back.estimate, -back.high, -back.low))


def test_segments_that_one_side_lacks_are_left_out_and_counted() -> None:
    before, after = [record(n, 0.5) for n in range(20)], [record(n, 0.2) for n in range(5, 25)]
    figure = find(compare_translations(before, after), "bleu_difference")
    assert (figure.interval.n, figure.num_failed) == (15, 10)
    assert compare_translations(before[:5], after) == []
