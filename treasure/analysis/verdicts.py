"""Answers the questions of a comparison in words: yes, no, or cannot be told, from intervals alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from treasure.analysis.benchmarks import OVERALL, WIN_RATE, BenchmarkInfo, Metric, benchmark_info, metric_info
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
    """About the win rate over all benchmarks; without one, about the first benchmark's primary metric."""
    if not lifts:
        return None
    own = {row.slice_kind: row for row in leading_rows(lifts, lifts[0].benchmark) if row.regime == regime}
    if not {TAIL, HEAD} <= own.keys():
        return None
    tail, head = own[TAIL], own[HEAD]
    place = (tail.benchmark, tail.slice, regime, tail.metric)
    found = [d for d in differences if (d.benchmark, d.category, d.regime, d.metric) == place]
    if not found:
        return None
    metric, difference = metric_info(tail.metric), found[0]
    above = judge(tail.low, tail.high, metric.sign)
    more = judge(difference.low, difference.high, metric.sign)
    sentence = (
        f"{_levels(tail, head)}: {_change(tail)} on the tail, {_change(head)} on the head. The tail's change minus the "
        f"head's is {change(difference.difference, difference.low, difference.high, metric)}. {_in_parts(above, more)}"
    )
    question = f"{_MANNER[regime]}: is the marked model better than Baseline on the tail, and by more than on the head?"
    return Verdict(question, both(above, more), sentence, is_headline=True)


def _levels(tail: LiftRow, head: LiftRow) -> str:
    metric = metric_info(tail.metric)
    if metric.name == WIN_RATE:
        return (
            f"It wins {rate(tail.marked, metric)} of the tail prompts and {rate(head.marked, metric)} of the head "
            "prompts against Baseline (a tie counts half, 50 % is level)"
        )
    return (
        f"{_opening(metric)} on the tail is {rate(tail.marked, metric)} against {rate(tail.baseline, metric)} for "
        f"Baseline, on the head {rate(head.marked, metric)} against {rate(head.baseline, metric)}"
    )


def _in_parts(above: Answer, more: Answer) -> str:
    first = {
        Answer.YES: "On the tail it is better than Baseline",
        Answer.NO: "On the tail it is worse than Baseline",
        Answer.UNKNOWN: "Whether it is better than Baseline on the tail cannot be told",
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
    sentence = (
        f"{_opening(metric)}: {rate(whole.baseline, metric)} for Baseline, {rate(whole.marked, metric)} with markers "
        f"fixed, {_change(whole)}"
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


def _opening(metric: Metric) -> str:
    return metric.label[0].upper() + metric.label[1:]
