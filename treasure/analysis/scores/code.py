"""pass@k of code benchmarks by task, language and pair of languages, with intervals by problem.

A problem is asked in several languages, tasks and pairs. Whoever solves it in one is more likely to solve it in others,
so that all answers to a problem stand or fall together when an interval is computed.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from treasure.analysis.config import Resampling
from treasure.analysis.scores.clusters import problem_of
from treasure.analysis.scores.figure import Figure
from treasure.analysis.statistics import DEFAULT, rate
from treasure.evaluation.metrics.pass_at_k import PASSED, pass_at_k
from treasure.evaluation.record import EvaluationRecord
from treasure.intervals import no_interval

KS = (1, 5, 10, 100)
_GROUP = "code_type group"
SLICES = (("task",), ("task", "code_type"), ("task", "pair"), ("task", _GROUP))
"""What figures are split by: each task, then each of its languages or pairs, and head and tail of its languages."""


@dataclass(frozen=True)
class _Asked:
    """One prompt of one run with its answers: how many were scored, how many passed, how many have no score."""

    slices: Mapping[str, str]
    problem: str
    seed: int
    num_scored: int
    num_passed: int
    num_unscored: int


def code_figures(
    records: Sequence[EvaluationRecord], ks: Iterable[int] = KS, *, how: Resampling = DEFAULT
) -> list[Figure]:
    """pass@k for each regime and slice of `SLICES`, for those of `ks` that the number of answers allows.

    A prompt counts with those of its answers that have a score: pass@k is left out of a slice where a prompt with any
    has fewer than k. Answers without a score (a language that is unavailable) are in `num_failed`, not in the figure;
    a slice without any score has no figure but one of pass@1 that is NaN from 0 problems.
    """
    figures = []
    for regime in dict.fromkeys(record.regime for record in records):
        asked = _asked([record for record in records if record.regime == regime])
        for names in SLICES:
            for values, group in _split(asked, names).items():
                figures += _figures(dict(zip(names, values, strict=True)), str(regime), group, tuple(ks), how)
    return figures


def _asked(records: Sequence[EvaluationRecord]) -> list[_Asked]:
    answers: dict[tuple[str, int], list[EvaluationRecord]] = defaultdict(list)
    for record in records:
        answers[record.prompt_id, record.seed].append(record)
    found = []
    for (prompt_id, seed), group in answers.items():
        passed = Counter(record.scores.get(PASSED) for record in group)
        num_scored = len(group) - passed[None]
        found.append(
            _Asked(_slices(group[0]), problem_of(prompt_id), seed, num_scored, passed[1.0], len(group) - num_scored)
        )
    return found


def _slices(record: EvaluationRecord) -> Mapping[str, str]:
    group = record.groups.get("code_type")
    return record.slices if group is None else {**record.slices, _GROUP: group}


def _split(asked: Sequence[_Asked], names: tuple[str, ...]) -> dict[tuple[str, ...], list[_Asked]]:
    found: dict[tuple[str, ...], list[_Asked]] = defaultdict(list)
    for each in asked:
        if all(name in each.slices for name in names):
            found[tuple(each.slices[name] for name in names)].append(each)
    if _GROUP in names:  # says something only where a task has both
        both = {task for task, count in Counter(values[0] for values in found).items() if count > 1}
        return {values: group for values, group in found.items() if values[0] in both}
    return found


def _figures(
    slices: dict[str, str], regime: str, group: Sequence[_Asked], ks: tuple[int, ...], how: Resampling
) -> list[Figure]:
    scored = [each for each in group if each.num_scored]
    num_failed = sum(each.num_unscored for each in group)
    if not scored:
        nothing = no_interval(float("nan"), 0)
        return [Figure(metric="pass@1", regime=regime, interval=nothing, slices=slices, num_failed=num_failed)]
    problems = np.array([each.problem for each in scored])
    seeds = np.array([each.seed for each in scored])
    fewest = min(each.num_scored for each in scored)
    return [
        Figure(
            metric=f"pass@{k}",
            regime=regime,
            interval=rate(
                np.array([pass_at_k(it.num_scored, it.num_passed, k) for it in scored]), problems, seeds, how=how
            ),
            slices=slices,
            num_failed=num_failed,
        )
        for k in ks
        if k <= fewest
    ]
