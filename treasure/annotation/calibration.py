"""Whether an annotator that says 90 % is right nine times in ten: reliability, expected calibration error, Brier score.

Probabilities are counted to three decimals. Letters: N answers, C kinds (pairs of probability and right), M bins.
"""

from dataclasses import dataclass

import numpy as np

from treasure.intervals import (
    NUM_RESAMPLES,
    Interval,
    basic_interval,
    percentile_interval,
    resampled_counts,
    wilson_interval,
)
from treasure.seeding import key_to_int

NUM_BINS = 10
_STEPS = 1000
_NUM_CHANCE = 200


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers with a probability from `low` to under `high` (the last: up to 1): what was said and what was right."""

    low: float
    high: float
    num_answers: int
    mean_probability: float
    right: Interval


@dataclass(frozen=True, slots=True)
class Calibration:
    """`ece`: the distance between probability and share of right answers, averaged over answers by bins of 0.1.

    Few answers push it above 0 even where every probability is true: `chance_ece` is what that would be here, and the
    interval, from which that push is taken, may lie below the estimate. `brier`: the mean of (probability - right)².
    `bins` holds those with answers.
    """

    num_answers: int
    ece: Interval
    chance_ece: float
    brier: Interval
    bins: tuple[Bin, ...]


def calibration(
    probability: np.ndarray,
    right: np.ndarray,
    clusters: np.ndarray | None = None,
    *,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> Calibration:
    """How well `probability` (N,) in [0, 1] tells whether the answer is `right` (N,) bool, of at least one answer.

    Intervals come from prompts (`clusters` (N,), None: each answer its own) drawn again.

    Source: Guo et al., 'On Calibration of Modern Neural Networks', ICML 2017, with bins of equal width.
    """
    kinds, of_answer, counts = _counted(probability, right)
    blocks = list(resampled_counts(of_answer, clusters, num_kinds=len(kinds), num_resamples=num_resamples, seed=seed))
    num_prompts = len(right) if clusters is None else len(np.unique(clusters))
    exact = [float(measure(counts[None], kinds)[0]) for measure in (_ece, _brier)]
    draws = [np.concatenate([np.full(1, np.nan), *(measure(b, kinds) for b in blocks)]) for measure in (_ece, _brier)]
    ece = basic_interval(exact[0], draws[0], num_prompts, num_prompts, (0.0, 1.0))
    brier = percentile_interval(exact[1], draws[1], num_prompts, num_prompts, (0.0, 1.0))
    return Calibration(len(right), ece, _chance_ece(counts, kinds, seed), brier, _bins(counts, kinds))


def calibration_error(probability: np.ndarray, right: np.ndarray) -> float:
    """The `ece` of `calibration` alone, from 0 (best) to 1."""
    kinds, _, counts = _counted(probability, right)
    return float(_ece(counts[None], kinds)[0])


def _counted(probability: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(kinds (C,), the place of each answer's kind (N,), how many answers each kind has (C,))."""
    assert len(probability) == len(right) > 0
    assert ((probability >= 0) & (probability <= 1)).all(), "probabilities must be in [0, 1]"
    codes = 2 * np.rint(probability * _STEPS).astype(np.int64) + right.astype(np.int64)
    return np.unique(codes, return_inverse=True, return_counts=True)


def _said(kinds: np.ndarray) -> np.ndarray:
    return kinds // 2 / _STEPS


def _by_bin(counts: np.ndarray, weights: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """Sums of `counts` (B, C) times `weights` (C,) in each bin, (B, M)."""
    places = np.minimum(kinds // 2 * NUM_BINS // _STEPS, NUM_BINS - 1)
    return counts @ ((places[:, None] == np.arange(NUM_BINS)) * weights[:, None])


def _ece(counts: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    return np.abs(_by_bin(counts, _said(kinds) - kinds % 2, kinds)).sum(axis=1) / counts.sum(axis=1)


def _brier(counts: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    return counts @ (_said(kinds) - kinds % 2) ** 2 / counts.sum(axis=1)


def _chance_ece(counts: np.ndarray, kinds: np.ndarray, seed: int) -> float:
    """The mean ECE of answers that are right exactly as often as their probabilities say."""
    levels, places = np.unique(kinds // 2, return_inverse=True)
    num = np.bincount(places, weights=counts).astype(np.int64)
    generator = np.random.default_rng(key_to_int("chance ece", seed))
    right = generator.binomial(num, levels / _STEPS, size=(_NUM_CHANCE, len(levels)))
    drawn = np.concatenate([num - right, right], axis=1)
    return float(_ece(drawn, np.concatenate([2 * levels, 2 * levels + 1])).mean())


def _bins(counts: np.ndarray, kinds: np.ndarray) -> tuple[Bin, ...]:
    weights = (np.ones(len(kinds)), _said(kinds), kinds % 2)
    sizes, said, right = (_by_bin(counts[None], weight, kinds)[0] for weight in weights)
    return tuple(
        Bin(
            low=m / NUM_BINS,
            high=(m + 1) / NUM_BINS,
            num_answers=int(sizes[m]),
            mean_probability=float(said[m] / sizes[m]),
            right=wilson_interval(float(right[m]), int(sizes[m])),
        )
        for m in range(NUM_BINS)
        if sizes[m]
    )
