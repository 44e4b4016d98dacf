"""Figures of marker prediction: accuracy, macro-F1, distance and calibration, head and tail, against guesses."""

import random
from typing import Any

import pytest
from sklearn.metrics import f1_score

from treasure.analysis.scores.figure import Figure
from treasure.analysis.scores.marker_prediction import marker_figures
from treasure.evaluation.record import EvaluationRecord, Regime

LANGUAGES = ["German", "French", "Greek"]


def record(
    number: int, true: Any, said: Any, *, common: Any = "German", group: str = "head", error: float | None = None,
    seed: int = 0,
) -> EvaluationRecord:  # fmt: skip
    def scores(value: Any) -> dict[str, float]:
        found = {"right/lang": float(value == true), "missing/lang": float(value is None)}
        return found if error is None or value is None else {**found, "error/lang": error}

    guess = {"values": {"lang": common}, "confidence": {"lang": 0.5}}
    return EvaluationRecord(
        benchmark="marker_prediction", prompt_id=str(number), regime=Regime.INFERRED, seed=seed, step=0, prompt="",
        content="", scores=scores(said), predicted={} if said is None else {"lang": said},
        reference={
            "truth": {"lang": true},
            "groups": {"lang": group},
            "guesses": dict.fromkeys(["majority", "neighbours"], guess),
        },
        details={"majority": scores(common), "neighbours": scores(common)},
    )  # fmt: skip


def find(figures: list[Figure], metric: str, by: str = "model", group: str = "all") -> Figure:
    wanted = {"category": "lang", "group": group, "by": by}
    (found,) = [figure for figure in figures if figure.metric == metric and figure.slices == wanted]
    return found


def drawn(number: int = 60) -> tuple[list[str], list[str]]:
    source = random.Random(0)
    true = source.choices(LANGUAGES, [6, 3, 1], k=number)
    return true, [value if source.random() < 0.7 else source.choice(LANGUAGES) for value in true]


def test_macro_f1_is_that_of_scikit_learn() -> None:
    true, said = drawn()
    figures = marker_figures([record(n, t, s) for n, (t, s) in enumerate(zip(true, said, strict=True))])
    found = find(figures, "macro_f1").interval
    assert found.estimate == pytest.approx(f1_score(true, said, average="macro"))
    assert found.low < found.estimate < found.high
    common = f1_score(true, ["German"] * len(true), average="macro", zero_division=0)
    assert find(figures, "macro_f1", "majority").interval.estimate == pytest.approx(common)


def test_several_values_count_one_by_one() -> None:
    figures = marker_figures([record(n, ["German", "French"], ["German", "Greek"]) for n in range(6)])
    assert find(figures, "macro_f1").interval.estimate == pytest.approx(1 / 3)
    assert find(figures, "accuracy").interval.estimate == 0


def test_a_header_that_lacks_the_category_is_wrong_and_counted() -> None:
    figures = marker_figures([record(n, "German", "German" if n < 6 else None) for n in range(10)])
    accuracy = find(figures, "accuracy")
    assert (accuracy.interval.estimate, accuracy.interval.n, accuracy.num_failed) == (0.6, 10, 4)
    assert accuracy.counts_failed
    said = find(figures, "accuracy_said")
    assert (said.interval.estimate, said.interval.n, said.num_failed, said.counts_failed) == (1, 6, 4, False)


def test_head_and_tail_are_apart_and_together_all() -> None:
    records = [record(n, "German", "German") for n in range(6)]
    records += [record(n, "Greek", "German", group="tail") for n in range(6, 10)]
    figures = marker_figures(records)
    assert [find(figures, "accuracy", group=group).interval.estimate for group in ("all", "head", "tail")] == [
        0.6,
        1,
        0,
    ]
    assert find(figures, "macro_f1", group="tail").interval.estimate == 0


def test_what_the_model_has_more_than_the_majority_is_paired_by_prompt() -> None:
    true, said = drawn()
    figures = marker_figures([record(n, t, s) for n, (t, s) in enumerate(zip(true, said, strict=True))])
    lift, model, common = (
        find(figures, metric, by).interval.estimate
        for metric, by in (("over_majority", "model"), ("accuracy", "model"), ("accuracy", "majority"))
    )
    assert lift == pytest.approx(model - common)


def test_errors_are_means_over_headers_that_say_something() -> None:
    figures = marker_figures([record(n, "German", "French" if n else None, error=n) for n in range(7)])
    error = find(figures, "error")
    assert (error.interval.estimate, error.interval.n, error.num_failed) == (3.5, 6, 1)


def test_beliefs_that_say_how_often_they_are_right_have_little_calibration_error_and_boasts_have_much() -> None:
    records = [record(n, "German" if n % 4 else "French", "German") for n in range(200)]
    for sure, least, most in ((0.75, 0, 0.05), (0.99, 0.2, 0.26)):
        beliefs = {str(n): {"lang": {"German": sure, "French": 1 - sure}} for n in range(200)}
        found = find(marker_figures(records, beliefs), "ece")
        assert least <= found.interval.estimate <= most
        assert found.num_failed == 0
    assert not [
        figure for figure in marker_figures(records) if figure.metric == "ece" and figure.slices["by"] == "model"
    ]
    assert find(marker_figures(records), "ece", "majority").interval.estimate == pytest.approx(0.25)


def test_seeds_of_a_prompt_count_once() -> None:
    once = [record(n, "German", "German" if n % 2 else "Greek") for n in range(20)]
    thrice = [record(n, "German", "German" if n % 2 else "Greek", seed=seed) for n in range(20) for seed in range(3)]
    for metric in ("accuracy", "macro_f1"):
        one, three = (find(marker_figures(records), metric).interval for records in (once, thrice))
        assert (one.estimate, one.n) == (pytest.approx(three.estimate), three.n)
        assert (one.low, one.high) == pytest.approx((three.low, three.high), abs=0.06)  # Wilson's, and drawn
