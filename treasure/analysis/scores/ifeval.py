"""Accuracy on IFEval and M-IFEval: strict and loose, by prompt and by instruction, language and group.

Letters: P prompts, B resamples.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from treasure.analysis.scores.figure import Figure
from treasure.analysis.scores.groups import by_group
from treasure.evaluation.metrics.ifeval.registry import group_of
from treasure.evaluation.record import EvaluationRecord
from treasure.intervals import NUM_RESAMPLES, Interval, percentile_interval, wilson_interval
from treasure.seeding import key_to_int

MODES = ("strict", "loose")


@dataclass(frozen=True, slots=True)
class _Share:
    """Of `total` verdicts on one answer to the prompt, `followed` are good."""

    prompt_id: str
    followed: int
    total: int


def ifeval_figures(records: Sequence[EvaluationRecord], *, seed: int = 0) -> list[Figure]:
    """`prompt_…` is the share of answers that follow all their instructions, `instruction_…` that of instructions
    followed, each strict and loose; for all, by language, by head and tail of languages where these are known (`lang
    group`), and the latter also by group of instructions, of all and of a language.

    Answers without a score are in no share, and counted. `interval.n` counts prompts.
    """
    figures: list[Figure] = []
    for regime in dict.fromkeys(record.regime for record in records):
        asked = [record for record in records if record.regime is regime]
        for slices, chosen in _slices(asked):
            scored = [record for record in chosen if record.scores]
            for metric, shares in _metrics(scored, slices.get("group")):
                if shares:
                    figures.append(
                        Figure(
                            metric=metric,
                            regime=str(regime),
                            interval=_interval(shares, seed),
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


def _metrics(records: Iterable[EvaluationRecord], group: str | None) -> Iterator[tuple[str, list[_Share]]]:
    verdicts = {
        id(record): [one for one in record.details["instructions"] if group in (None, group_of(one["id"]))]
        for record in records
    }
    for mode in MODES:
        if group is None:
            yield f"prompt_{mode}", [_Share(r.prompt_id, _all(verdicts[id(r)], mode), 1) for r in records]
        shares = [_Share(r.prompt_id, sum(one[mode] for one in verdicts[id(r)]), len(verdicts[id(r)])) for r in records]
        yield f"instruction_{mode}", shares


def _all(verdicts: Sequence[Mapping[str, Any]], mode: str) -> int:
    return int(all(one[mode] for one in verdicts))


def _interval(shares: Sequence[_Share], seed: int) -> Interval:
    """Followed / total over all shares. Wilson's where each prompt has one verdict, or where all verdicts are alike, as
    if each prompt had one; else percentiles over B resamples of whole prompts.
    """
    prompts, rows = np.unique([share.prompt_id for share in shares], return_inverse=True)
    followed = np.bincount(rows, weights=[share.followed for share in shares])
    total = np.bincount(rows, weights=[share.total for share in shares])
    estimate = float(followed.sum() / total.sum())
    if (total == 1).all() or estimate in (0.0, 1.0):
        return wilson_interval(estimate * len(prompts), len(prompts))
    draws = np.random.default_rng(key_to_int("ifeval", seed)).multinomial(
        len(prompts), np.full(len(prompts), 1 / len(prompts)), size=NUM_RESAMPLES
    )
    return percentile_interval(estimate, (draws @ followed) / (draws @ total), len(prompts), len(prompts))
