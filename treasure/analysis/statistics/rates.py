"""Shares of answers that pass or win, when several answers belong to one prompt.

Letters: N answers, P prompts (clusters).
"""

from dataclasses import dataclass, replace

import numpy as np

from treasure.analysis.config import Resampling
from treasure.analysis.statistics.bootstrap import SHARE, mean
from treasure.analysis.statistics.resamples import DEFAULT
from treasure.intervals import Interval, effective_wilson_interval

_NO_SPREAD = 1e-12


@dataclass(frozen=True, slots=True)
class WinRate:
    """How often one side wins: `rate` counts a tie half, `ties` is the share of ties; both have `n` prompts."""

    rate: Interval
    ties: Interval
    num_games: int


def rate(
    values: np.ndarray, clusters: np.ndarray, seeds: np.ndarray | None = None, *, how: Resampling = DEFAULT
) -> Interval:
    """The mean of `values` (N,), each in [0, 1], with an interval for whole prompts; `n` counts prompts.

    Wilson's score for as many independent prompts as would vary as much (`effective_wilson_interval`): where each
    prompt has one answer that passes or fails, this is Wilson's own interval. How often it holds the truth, and where
    too rarely, is in docs/statistics.md.

    Several `seeds` are a second level, and then prompts and seeds are drawn (`mean`), except where all answers are
    alike: no draw would ever show another. Fewer than `MIN_CLUSTERS` prompts give no interval unless each has one
    answer that passes or fails, or all answers pass or none does.

    Source: Franco, Little, Louis and Slud, 'Comparative study of confidence intervals for proportions in complex
    sample surveys', Journal of Survey Statistics and Methodology 2019.
    """
    assert len(values) == len(clusters) > 0
    assert values.min() >= 0 and values.max() <= 1, (values.min(), values.max())
    if seeds is not None and len(np.unique(seeds)) > 1 and np.ptp(values) > _NO_SPREAD:
        return mean(values, clusters, seeds, how=how, scale=SHARE)
    _, places = np.unique(clusters, return_inverse=True)
    found = effective_wilson_interval(np.bincount(places, weights=values), np.bincount(places))
    return replace(found, estimate=float(np.mean(values)))  # to the last digit, whatever is added up first


def win_rate(
    outcomes: np.ndarray, clusters: np.ndarray, seeds: np.ndarray | None = None, *, how: Resampling = DEFAULT
) -> WinRate:
    """The win rate over games with `outcomes` (N,): 1 won, 0.5 tied, 0 lost. All games of a prompt move together.

    A prompt has as many games as were judged, such as both orders of two answers: leave out none of them, count what
    cannot be judged apart.
    """
    is_tie = (outcomes == 0.5).astype(float)
    assert np.isin(outcomes, (0, 0.5, 1)).all()
    won, tied = (rate(values, clusters, seeds, how=how) for values in (outcomes, is_tie))
    return WinRate(won, tied, len(outcomes))
