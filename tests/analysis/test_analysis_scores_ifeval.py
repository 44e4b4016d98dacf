"""Accuracy by prompt and by instruction, with intervals that draw whole prompts."""

import math
from collections.abc import Mapping

import pytest

from treasure.analysis.scores.ifeval import ifeval_figures
from treasure.evaluation.record import EvaluationRecord, Regime

COMMA, WORDS = "en:punctuation:no_comma", "en:length_constraints:number_words"


def _record(number: int, verdicts: Mapping[str, tuple[bool, ...]], lang: str = "en", **more) -> EvaluationRecord:
    listed = [{"id": name, "strict": strict, "loose": loose} for name, (strict, loose) in verdicts.items()]
    return EvaluationRecord(
        **{
            "benchmark": "ifeval", "prompt_id": f"{lang}-{number}", "regime": Regime.INFERRED, "seed": 0, "step": 1,
            "prompt": "", "content": "", "scores": {"prompt_strict": 0.0}, "slices": {"lang": lang},
            "reference": {"instructions": [{"id": name, "arguments": {}} for name in verdicts]},
            "details": {"instructions": listed}, **more,
        }
    )  # fmt: skip


def _find(figures, metric, **slices):
    (found,) = [f for f in figures if f.metric == metric and dict(f.slices) == slices]
    return found


def test_head_and_tail_of_the_languages():
    records = [
        _record(1, {COMMA: (True, True)}, groups={"lang": "head"}),
        _record(2, {COMMA: (False, True)}, lang="fr", groups={"lang": "tail"}),
        _record(3, {COMMA: (False, False)}, lang="ja", groups={"lang": "tail"}),
        _record(4, {COMMA: (True, True)}, lang="xx"),
    ]
    figures = ifeval_figures(records)
    head, tail = (_find(figures, "prompt_loose", **{"lang group": group}).interval for group in ("head", "tail"))
    assert (head.estimate, head.n, tail.estimate, tail.n) == (1, 1, 0.5, 2)
    assert _find(figures, "instruction_loose", **{"lang group": "tail"}).interval.n == 2
    assert not [f for f in ifeval_figures(records[1:]) if "lang group" in f.slices]


def test_figures_of_hand_counted_verdicts():
    records = [
        _record(1, {COMMA: (True, True), WORDS: (True, True)}),
        _record(2, {COMMA: (True, True), WORDS: (False, True)}),
        _record(3, {WORDS: (False, False)}),
        _record(4, {COMMA: (False, True)}, lang="fr"),
        _record(5, {COMMA: (True, True)}, scores={}, details={}, unscored="no answer"),
    ]
    figures = ifeval_figures(records)
    assert _find(figures, "prompt_strict").interval.estimate == 1 / 4
    assert _find(figures, "prompt_loose").interval.estimate == 3 / 4
    assert _find(figures, "instruction_strict").interval.estimate == 3 / 6
    assert _find(figures, "instruction_loose").interval.estimate == 5 / 6
    assert _find(figures, "instruction_strict").interval.n == 4
    assert _find(figures, "instruction_strict").num_failed == 1
    assert _find(figures, "instruction_strict", group="length_constraints").interval.estimate == 1 / 3
    assert _find(figures, "instruction_strict", lang="en", group="punctuation").interval.estimate == 1
    assert _find(figures, "prompt_strict", lang="fr").interval.estimate == 0
    assert not [f for f in figures if f.metric == "prompt_strict" and "group" in f.slices]


def test_regimes_stand_apart():
    records = [_record(1, {COMMA: (True, True)}), _record(1, {COMMA: (False, False)}, regime=Regime.FIXED)]
    found = [(f.regime, f.interval.estimate) for f in ifeval_figures(records) if f.metric == "prompt_strict"]
    assert found == [("inferred", 1.0), ("fixed", 0.0)]


def test_samples_of_one_prompt_do_not_narrow_the_interval():
    """Ten answers to each prompt that are all alike tell no more than one."""
    verdicts = [{COMMA: (number % 2 == 0,) * 2} for number in range(40)]
    once = [_record(number, verdict) for number, verdict in enumerate(verdicts)]
    often = [_record(number, verdict, sample=s) for number, verdict in enumerate(verdicts) for s in range(10)]
    one, ten = (_find(ifeval_figures(records), "instruction_strict").interval for records in (once, often))
    assert one.estimate == ten.estimate == 0.5
    assert one.n == ten.n == 40
    assert ten.high - ten.low == pytest.approx(one.high - one.low, rel=0.1)


def test_a_rate_of_nothing_keeps_a_width():
    figure = _find(
        ifeval_figures([_record(n, {COMMA: (False,) * 2, WORDS: (False,) * 2}) for n in range(20)]),
        "instruction_strict",
    )
    assert figure.interval.low == 0
    assert 0.1 < figure.interval.high < 0.2
    assert not math.isnan(figure.interval.high)
