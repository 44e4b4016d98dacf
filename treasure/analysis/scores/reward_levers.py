"""What setting a quality does to the reward: against an opponent, against the worst quality, and against none set."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from treasure.analysis.config import Resampling
from treasure.analysis.scores.clustered import by_regime, mean_figures, mean_interval, rate_interval
from treasure.analysis.scores.figure import Figure
from treasure.analysis.statistics import DEFAULT, wins
from treasure.annotation.quality_edges import BUCKET
from treasure.evaluation.record import EvaluationRecord, Regime

_Key = tuple[str, int, int]
"""Prompt of the file, seed and sample."""


def reward_levers_figures(records: Sequence[EvaluationRecord], *, how: Resampling = DEFAULT) -> list[Figure]:
    """Figures of one model at each quality, by regime; prompts stand in `records` at the worst quality first.

    - `reward`: the mean, on the model's own scale; `reward_win_rate` against the opponent's answers, where there are.
    - `reward_win_rate_over_worst`: against its own answer to the same prompt at the worst quality; ties count half.
    - `reward_gain_over_worst`: by how much the reward is higher than there.
    - `reward_win_rate_over_inferred`: against its own answer without any lever.
    """
    asked = [replace(record, prompt_id=str(record.reference["asked"])) for record in records]
    buckets = list(dict.fromkeys(record.slices[BUCKET] for record in asked))
    plain = _rewards(record for record in asked if record.regime is Regime.INFERRED)
    figures: list[Figure] = []
    for regime, group in by_regime(asked):
        worst = _rewards(record for record in group if record.slices[BUCKET] == buckets[0])
        for bucket in buckets:
            part = [record for record in group if record.slices[BUCKET] == bucket]
            at = {BUCKET: bucket}
            figures += mean_figures(part, "reward", "reward", regime, at, unit="reward", how=how)
            figures += mean_figures(part, "reward_win_rate", "reward_win_rate", regime, at, how=how)
            if regime in (Regime.FIXED, Regime.FORCED):
                if bucket != buckets[0]:
                    figures += _against(part, worst, "worst", regime, at, how)
                figures += _against(part, plain, "inferred", regime, at, how)[:1]
    return figures


def _key(record: EvaluationRecord) -> _Key:
    return record.prompt_id, record.seed, record.sample


def _rewards(records: Iterable[EvaluationRecord]) -> dict[_Key, float]:
    return {_key(record): record.scores["reward"] for record in records if "reward" in record.scores}


def _against(
    records: Sequence[EvaluationRecord],
    others: Mapping[_Key, float],
    name: str,
    regime: str,
    at: Mapping[str, str],
    how: Resampling,
) -> list[Figure]:
    """Win rate and gain over `others`, which have no score where they are not listed; none without any pair."""
    pairs = [record for record in records if "reward" in record.scores and _key(record) in others]
    if not pairs:
        return []
    own = np.array([record.scores["reward"] for record in pairs])
    other = np.array([others[_key(record)] for record in pairs])
    failed = len(records) - len(pairs)
    return [
        Figure(metric=f"reward_{metric}_over_{name}", regime=regime, slices=at, interval=interval, num_failed=failed,
               unit=unit)
        for metric, interval, unit in (
            ("win_rate", rate_interval(pairs, wins(other, own), how), "rate"),
            ("gain", mean_interval(pairs, own - other, how), "reward"),
        )
    ]  # fmt: skip
