"""Accuracy on IFEval and M-IFEval: strict and loose, by prompt and by instruction, language and group."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from treasure.analysis.config import Resampling
from treasure.analysis.scores.clustered import prompts_of, seeds_of
from treasure.analysis.scores.figure import Figure
from treasure.analysis.scores.groups import by_group
from treasure.analysis.statistics import DEFAULT, rate
from treasure.evaluation.metrics.ifeval.registry import group_of
from treasure.evaluation.record import EvaluationRecord
from treasure.intervals import Interval

MODES = ("strict", "loose")


def ifeval_figures(records: Sequence[EvaluationRecord], *, how: Resampling = DEFAULT) -> list[Figure]:
    """`prompt_…` is the share of answers that follow all their instructions, `instruction_…` that of instructions
    followed, each strict and loose; for all, by language, by head and tail of languages where these are known (`lang
    group`), and the latter also by group of instructions, of all and of a language.

    Answers without a score are in no share, and counted. All verdicts on answers to a prompt go together in the
    interval of `rate`, whose `n` counts prompts.
    """
    figures: list[Figure] = []
    for regime in dict.fromkeys(record.regime for record in records):
        asked = [record for record in records if record.regime is regime]
        for slices, chosen in _slices(asked):
            scored = [record for record in chosen if record.scores]
            for metric, verdicts in _metrics(scored, slices.get("group")):
                if any(verdicts):
                    figures.append(
                        Figure(
                            metric=metric,
                            regime=str(regime),
                            interval=_interval(scored, verdicts, how),
                            slices=slices,
                            num_failed=len(chosen) - len(scored),
                        )
                    )
    return figures


def _slices(records: Sequence[EvaluationRecord]) -> Iterator[tuple[Mapping[str, str], list[EvaluationRecord]]]:
    yield from by_group(records, "lang")
    languages = list(dict.fromkeys(record.slices.get("lang", "") for record in records))
    groups = sorted({group for record in records for group in _groups(record)})
    for language in (None, *(languages if len(languages) > 1 else ())):
        place = {} if language is None else {"lang": language}
        here = [record for record in records if language in (None, record.slices.get("lang", ""))]
        yield place, here
        for group in groups:
            if within := [record for record in here if group in _groups(record)]:
                yield place | {"group": group}, within


def _groups(record: EvaluationRecord) -> set[str]:
    return {group_of(one["id"]) for one in record.reference.get("instructions", ())}


def _metrics(records: Sequence[EvaluationRecord], group: str | None) -> Iterator[tuple[str, list[list[bool]]]]:
    """(metric, the verdicts on each record)."""
    told = [
        [one for one in record.details["instructions"] if group in (None, group_of(one["id"]))] for record in records
    ]
    for mode in MODES:
        if group is None:
            yield f"prompt_{mode}", [[all(one[mode] for one in own)] for own in told]
        yield f"instruction_{mode}", [[bool(one[mode]) for one in own] for own in told]


def _interval(records: Sequence[EvaluationRecord], verdicts: Sequence[Sequence[bool]], how: Resampling) -> Interval:
    sizes = [len(own) for own in verdicts]
    prompts, seeds = (np.repeat(names, sizes) for names in (prompts_of(records), seeds_of(records)))
    return rate(np.array([float(one) for own in verdicts for one in own]), prompts, seeds, how=how)
