"""Intervals of means and of paired comparisons: prompts are drawn again, and seeds as a second level.

Letters: N answers, P prompts (clusters), S seeds, K columns, B resamples.
"""

from dataclasses import dataclass

import numpy as np

from treasure.analysis.config import Resampling
from treasure.analysis.statistics.resamples import DEFAULT, Resamples, ratios, resamples
from treasure.intervals import Interval, Method, percentile_interval

SHARE, LIFT = (0.0, 1.0), (-1.0, 1.0)
"""What a share and a difference of two shares can be."""


@dataclass(frozen=True)
class Pairs:
    """Scores of the same prompts under the same seeds, before and after; all four have shape (N,)."""

    baseline: np.ndarray
    marked: np.ndarray
    clusters: np.ndarray
    seeds: np.ndarray

    @property
    def num_clusters(self) -> int:
        """P, the number of different prompts."""
        return len(np.unique(self.clusters))

    @property
    def num_seeds(self) -> int:
        """S, the number of different seeds."""
        return len(np.unique(self.seeds))

    @property
    def are_shares(self) -> bool:
        """Whether all scores lie in [0, 1]; those that do are taken for shares."""
        return all(part.min() >= 0 and part.max() <= 1 for part in (self.baseline, self.marked))


def paired_lift(
    baseline: np.ndarray,
    marked: np.ndarray,
    clusters: np.ndarray,
    seeds: np.ndarray | None = None,
    *,
    how: Resampling = DEFAULT,
) -> Interval:
    """The mean of `marked - baseline` (each (N,)) with a percentile bootstrap interval over prompts and seeds.

    All answers to one prompt (`clusters`) move together. With several `seeds`, these are drawn too, independently of
    the prompts. Where all prompts differ alike, scores in [0, 1] have `alike_interval`, others none. How often it holds
    the truth is in docs/statistics.md: too rarely where few runs differ much, as so few cannot show how runs vary.
    """
    given = np.zeros(len(baseline), dtype=int) if seeds is None else seeds
    return _lift(Pairs(baseline, marked, clusters, given), how)


def mean(
    values: np.ndarray,
    clusters: np.ndarray,
    seeds: np.ndarray | None = None,
    *,
    how: Resampling = DEFAULT,
    scale: tuple[float, float] | None = None,
) -> Interval:
    """The mean of `values` (N,) with a percentile bootstrap interval over prompts and seeds; `n` counts prompts.

    Where all values are alike, `scale`, the lowest and highest there can be, gives `alike_interval`.
    """
    assert len(values) == len(clusters)
    drawn = resamples(clusters, seeds, how=how)
    return percentile_interval(
        float(np.mean(values)), _means(values, drawn), drawn.num_clusters, drawn.num_clusters, scale
    )


def difference_in_differences(tail: Pairs, head: Pairs, *, how: Resampling = DEFAULT) -> Interval:
    """The tail's lift minus the head's, with its interval; `n` counts the prompts of both.

    Head and tail hold different prompts and are drawn apart; seeds are drawn once for both, as both saw the same runs.
    Where all prompts of one side differ alike, its draws say nothing, and the distances of both lifts from the ends of
    their intervals are squared and added.

    Source: Newcombe, 'Interval estimation for the difference between independent proportions', Statistics in Medicine
    1998, for the latter.
    """
    seeds = np.union1d(tail.seeds, head.seeds)
    parts = [_lift(pairs, how) for pairs in (tail, head)]
    estimate, n = parts[0].estimate - parts[1].estimate, tail.num_clusters + head.num_clusters
    if any(part.method is not Method.PERCENTILE for part in parts):
        one, other = parts
        low, high = one.estimate - one.low, one.high - one.estimate
        down, up = other.high - other.estimate, other.estimate - other.low
        ends = estimate - float(np.hypot(low, down)), estimate + float(np.hypot(high, up))
        return Interval(estimate, *ends, n, Method.NONE if np.isnan(ends).any() else Method.ADDED)
    draws = [_drawn_lifts(pairs, how, seeds, stream) for pairs, stream in ((tail, "tail"), (head, "head"))]
    fewest = min(tail.num_clusters, head.num_clusters)
    return percentile_interval(estimate, draws[0] - draws[1], fewest, n)


def resampled_means(columns: np.ndarray, how: Resampling = DEFAULT) -> np.ndarray:
    """The means (B, K) of `columns` (P, K), one row a prompt, in each resample: for what is made of several means."""
    return resamples(np.arange(len(columns)), how=how, stream="columns").sums(columns) / len(columns)


def wins(baseline: np.ndarray, marked: np.ndarray) -> np.ndarray:
    """1 where `marked` scores higher, 0 where it scores lower, 0.5 where both score the same; shape (N,)."""
    return 0.5 + 0.5 * np.sign(np.round(marked - baseline, 9))


def _lift(pairs: Pairs, how: Resampling) -> Interval:
    assert len(pairs.baseline) == len(pairs.marked) == len(pairs.clusters) == len(pairs.seeds) > 0
    estimate, num = float(np.mean(pairs.marked - pairs.baseline)), pairs.num_clusters
    draws = _drawn_lifts(pairs, how, np.unique(pairs.seeds), "lift")
    return percentile_interval(estimate, draws, num, num, LIFT if pairs.are_shares else None)


def _drawn_lifts(pairs: Pairs, how: Resampling, seeds: np.ndarray, stream: str) -> np.ndarray:
    drawn = resamples(pairs.clusters, pairs.seeds, how=how, all_seeds=seeds, stream=stream)
    return _means(pairs.marked - pairs.baseline, drawn)


def _means(values: np.ndarray, drawn: Resamples) -> np.ndarray:
    """The mean of each of B resamples, shape (B,); NaN for a resample that holds no answer."""
    sums, counts = drawn.sums(np.stack([values, np.ones(len(values))], axis=1)).T
    return ratios(sums, counts)
