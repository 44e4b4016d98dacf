"""Win rates of a benchmark that a judge decides, and what is to be known to trust them."""

from collections.abc import Sequence

import numpy as np

from treasure.analysis.config import Resampling
from treasure.analysis.scores.clustered import by_regime, by_slice, mean_figures, prompts_of, seeds_of
from treasure.analysis.scores.figure import Figure
from treasure.analysis.statistics import DEFAULT, SHARE, resamples
from treasure.evaluation.metrics.length_controlled import length_controlled_win_rate
from treasure.evaluation.record import EvaluationRecord
from treasure.intervals import Interval, percentile_interval


def open_ended_figures(records: Sequence[EvaluationRecord], *, how: Resampling = DEFAULT) -> list[Figure]:
    """Figures of one model on one open-ended benchmark, by regime.

    - `win_rate`, on all, each slice, and head and tail: the mean over games in both orders; ties count half, games
      without a verdict as lost. Answers that nobody could judge at all are not in it, but in `num_failed`.
    - `judge_failure_rate`: the share of games without a verdict.
    - `flip_rate`: among answers with a verdict in both orders, those whose winner changes with the order.
    - `length_controlled_win_rate`: see `length_controlled_win_rate`.
    - `length_difference`: by how many characters answers are longer than their opponents'.
    """
    figures: list[Figure] = []
    for regime, group in by_regime(records):
        for slices, part in by_slice(group):
            figures += mean_figures(part, "win_rate", "win_rate", regime, slices, how=how)
        figures += mean_figures(group, "judge_failed", "judge_failure_rate", regime, how=how)
        figures += mean_figures(group, "flip", "flip_rate", regime, how=how)
        figures += _length_controlled(group, regime, how)
        figures += mean_figures(group, "length_difference", "length_difference", regime, unit="characters", how=how)
    return figures


def _length_controlled(records: Sequence[EvaluationRecord], regime: str, how: Resampling) -> list[Figure]:
    found = [record for record in records if {"win_rate", "length_difference"} <= set(record.scores)]
    if not found:
        return []
    interval = length_controlled_interval(found, how=how)
    failed = len(records) - len(found)
    return [Figure(metric="length_controlled_win_rate", regime=regime, interval=interval, num_failed=failed)]


def length_controlled_interval(records: Sequence[EvaluationRecord], *, how: Resampling = DEFAULT) -> Interval:
    """The length-controlled win rate of `records`, fitted anew to each resample of their prompts."""
    wins = np.array([record.scores["win_rate"] for record in records])
    differences = np.array([record.scores["length_difference"] for record in records])
    estimate = float(length_controlled_win_rate(wins, differences)[0])
    drawn = resamples(prompts_of(records), seeds_of(records), how=how)
    draws = np.concatenate([length_controlled_win_rate(wins, differences, part) for part in drawn.weights()])
    return percentile_interval(estimate, draws, drawn.num_clusters, drawn.num_clusters, SHARE)
