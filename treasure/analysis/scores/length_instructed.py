"""How far limits of words are kept, and how often an answer keeps its limit and wins."""

from collections.abc import Sequence

from treasure.analysis.config import Resampling
from treasure.analysis.scores.clustered import by_regime, by_slice, mean_figures
from treasure.analysis.scores.figure import Figure
from treasure.analysis.statistics import DEFAULT
from treasure.evaluation.record import EvaluationRecord


def length_instructed_figures(records: Sequence[EvaluationRecord], *, how: Resampling = DEFAULT) -> list[Figure]:
    """Figures of one model on a benchmark of limits of words, by regime.

    - `length_violation_rate`, on all and each slice: the share of answers with more words than their limit, of those
      that say something; `num_failed` counts the others.
    - `empty_rate`: the share of answers that say nothing.
    - `win_rate`, on all and each slice, where there was a judge: the mean over games; an answer that is empty or beyond
      its limit has lost, ties count half, games without a verdict as lost.
    - `win_rate_within_limit`: the same among the answers that keep their limit.
    - `judge_failure_rate`: the share of games without a verdict, of those that were judged.
    - `num_words`: mean words of an answer.
    """
    figures: list[Figure] = []
    for regime, group in by_regime(records):
        for slices, part in by_slice(group):
            figures += mean_figures(part, "length_violation", "length_violation_rate", regime, slices, how=how)
            figures += mean_figures(part, "win_rate", "win_rate", regime, slices, how=how)
        figures += mean_figures(group, "empty", "empty_rate", regime, how=how)
        kept = [record for record in group if record.scores.get("length_violation") == 0]
        figures += mean_figures(kept, "win_rate", "win_rate_within_limit", regime, how=how)
        figures += mean_figures(kept, "judge_failed", "judge_failure_rate", regime, how=how)
        figures += mean_figures(group, "num_words", "num_words", regime, unit="words", how=how)
    return figures
