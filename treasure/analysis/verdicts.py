"""Answers the questions of a comparison in words: yes, no, or cannot be told, from intervals alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from treasure.analysis.benchmarks import MAIN, OVERALL, WIN_RATE, BenchmarkInfo, benchmark_info, metric_info
from treasure.analysis.lifts import ALL, HEAD, TAIL, DifferenceRow, LiftRow, leading_rows, select
from treasure.analysis.wording import change, rate
from treasure.evaluation.record import Regime


class Answer(StrEnum):
    """What the intervals allow to say."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "cannot be told"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A question, its answer, and the numbers behind it in one or two sentences. A headline comes first."""

    question: str
    answer: Answer
    sentence: str
    is_headline: bool = False


_MANNER = {
    Regime.INFERRED: "Left to infer its markers",
    Regime.FIXED: "With the benchmark's markers fixed",
}


def verdicts(lifts: Sequence[LiftRow], differences: Sequence[DifferenceRow]) -> tuple[Verdict, ...]:
    """All questions that the tables can answer: tail against head first, then one for each benchmark."""
    found = [_tail_against_head(lifts, differences, regime) for regime in (Regime.FIXED, Regime.INFERRED)]
    found.append(_unaided(lifts))
    names = dict.fromkeys(row.benchmark for row in lifts if row.benchmark != OVERALL)
    found += [_fixed_lever(lifts, name) for name in names]
    return tuple(verdict for verdict in found if verdict is not None)


def judge(low: float, high: float, sign: int = 1) -> Answer:
    """YES when the whole interval lies on the good side of 0 (`sign` +1: above), NO when on the bad, else UNKNOWN."""
    if math.isnan(low) or math.isnan(high):
        return Answer.UNKNOWN
    worst, best = (low, high) if sign > 0 else (-high, -low)
    return Answer.YES if worst > 0 else Answer.NO if best < 0 else Answer.UNKNOWN


def both(one: Answer, other: Answer) -> Answer:
    """The answer to 'this and that'."""
    if Answer.NO in (one, other):
        return Answer.NO
    return Answer.YES if one is other is Answer.YES else Answer.UNKNOWN


def _tail_against_head(
    lifts: Sequence[LiftRow], differences: Sequence[DifferenceRow], regime: Regime
) -> Verdict | None:
    own = select(lifts, benchmark=OVERALL, slice=MAIN, regime=regime, metric=WIN_RATE)
    tail, head = (next((row for row in own if row.slice_kind == kind), None) for kind in (TAIL, HEAD))
    difference = next(
        (d for d in differences if (d.benchmark, d.category, d.regime, d.metric) == (OVERALL, MAIN, regime, WIN_RATE)),
        None,
    )
    if tail is None or head is None or difference is None:
        return None
    metric = metric_info(WIN_RATE)
    above, more = judge(tail.low, tail.high), judge(difference.low, difference.high)
    sentence = (
        f"It wins {rate(tail.marked, metric)} of the tail prompts and {rate(head.marked, metric)} of the head prompts "
        f"against Baseline (a tie counts half, 50 % is level): {_change(tail)} on the tail, {_change(head)} on the "
        f"head. The tail's gain minus the head's is "
        f"{change(difference.difference, difference.low, difference.high, metric)}. {_in_parts(above, more)}"
    )
    question = f"{_MANNER[regime]}: is the marked model above Baseline on the tail, and by more than on the head?"
    return Verdict(question, both(above, more), sentence, is_headline=True)


def _in_parts(above: Answer, more: Answer) -> str:
    first = {
        Answer.YES: "On the tail it is above Baseline",
        Answer.NO: "On the tail it is below Baseline",
        Answer.UNKNOWN: "Whether it is above Baseline on the tail cannot be told",
    }[above]
    second = {
        Answer.YES: "the tail gains more than the head",
        Answer.NO: "the tail gains less than the head",
        Answer.UNKNOWN: "whether the tail gains more than the head cannot be told",
    }[more]
    return f"{first}; {second}."


def _unaided(lifts: Sequence[LiftRow]) -> Verdict | None:
    rows = select(lifts, benchmark=OVERALL, slice_kind=ALL, regime=Regime.INFERRED, metric=WIN_RATE)
    if not rows:
        return None
    row, metric = rows[0], metric_info(WIN_RATE)
    sentence = f"It wins {rate(row.marked, metric)} of all prompts against Baseline, {_change(row)}."
    return Verdict("With no marker given, is the marked model above Baseline over all prompts?",
                   judge(row.low, row.high), sentence)  # fmt: skip


def _fixed_lever(lifts: Sequence[LiftRow], benchmark: str) -> Verdict | None:
    rows = [row for row in leading_rows(lifts, benchmark) if row.regime == Regime.FIXED]
    whole = next((row for row in rows if row.slice_kind == ALL), None)
    if whole is None:
        return None
    metric, info = metric_info(whole.metric), _info(lifts, benchmark)
    label = metric.label[0].upper() + metric.label[1:]
    sentence = (
        f"{label}: {rate(whole.baseline, metric)} for Baseline, {rate(whole.marked, metric)} with markers fixed, "
        f"{_change(whole)}"
    )
    parts = [
        f"{row.slice_kind} {_change(row)}"
        for row in sorted(rows, key=lambda row: row.slice_kind, reverse=True)
        if row.slice_kind in (HEAD, TAIL)
    ]
    sentence += f" ({'; '.join(parts)})." if len(parts) == 2 else "."
    return Verdict(info.question, judge(whole.low, whole.high, metric.sign), sentence)


def _info(lifts: Sequence[LiftRow], benchmark: str) -> BenchmarkInfo:
    return benchmark_info(benchmark, tuple(row.metric for row in select(lifts, benchmark=benchmark)))


def _change(row: LiftRow) -> str:
    return change(row.lift, row.low, row.high, metric_info(row.metric))
