"""How right probabilities of values are: expected calibration error, Brier score, log loss, distance to the truth.

Letters: N examples, M bins, B resamples.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from treasure.analysis.config import Resampling
from treasure.analysis.statistics import DEFAULT, SHARE, ratios, resamples
from treasure.intervals import Interval, basic_interval
from treasure.seeding import key_to_int

MOST_BINS = 10
_PER_BIN = 30
_NUM_CHANCE = 200
LEAST = 1e-9
"""Probabilities below count as this, so that one impossible truth does not make a mean infinite."""

Belief = Mapping[str, float]


@dataclass(frozen=True)
class Scored:
    """N beliefs against the truth, (N,) each: `confidence` in the most probable value, and whether it is `right`.

    `brier` is the sum over values of (probability - truth)², from 0 to 2; `nll` and `entropy` are in nats.
    """

    confidence: np.ndarray
    right: np.ndarray
    nll: np.ndarray
    brier: np.ndarray
    entropy: np.ndarray
    clusters: np.ndarray

    def __len__(self) -> int:
        return len(self.right)


def scored(beliefs: Sequence[Belief], truths: Sequence[str], clusters: Sequence[str]) -> Scored:
    """Scores beliefs, each of which sums to 1.

    Source: Brier, 'Verification of forecasts expressed in terms of probability', Monthly Weather Review 1950.
    """
    best = [max(belief, key=lambda value: belief[value]) for belief in beliefs]
    own = np.array([belief.get(truth, 0.0) for belief, truth in zip(beliefs, truths, strict=True)])
    squares = np.array([sum(p * p for p in belief.values()) for belief in beliefs])
    return Scored(
        confidence=np.array([belief[value] for belief, value in zip(beliefs, best, strict=True)]),
        right=np.array([value == truth for value, truth in zip(best, truths, strict=True)], dtype=bool),
        nll=-np.log(np.maximum(own, LEAST)),
        brier=squares - 2 * own + 1,
        entropy=np.array([sum(-p * math.log(p) for p in belief.values() if p > 0) for belief in beliefs]),
        clusters=np.asarray(clusters),
    )


@dataclass(frozen=True, slots=True)
class MassBin:
    """Examples of neighbouring confidence: their number, mean confidence, and how many are right."""

    size: int
    confidence: float
    num_right: int


def bins_of(confidence: np.ndarray) -> np.ndarray:
    """The bin (N,) of each example: at most 10 of equal size (to one), of at least 30 examples where N allows."""
    number = max(1, min(MOST_BINS, len(confidence) // _PER_BIN))
    found = np.empty(len(confidence), dtype=np.int64)
    for place, members in enumerate(np.array_split(np.argsort(confidence, kind="stable"), number)):
        found[members] = place
    return found


def mass_bins(confidence: np.ndarray, right: np.ndarray) -> list[MassBin]:
    """What each bin holds, of at least one example."""
    bins = bins_of(confidence)
    return [
        MassBin(int((bins == m).sum()), float(confidence[bins == m].mean()), int(right[bins == m].sum()))
        for m in range(int(bins.max()) + 1)
    ]


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """The distance between confidence and share of right ones, averaged over bins of equal mass; from 0 to 1."""
    gaps = confidence - right
    return float(np.abs(np.bincount(bins_of(confidence), weights=gaps)).sum() / len(gaps))


def chance_error(confidence: np.ndarray, seed: int = 0) -> float:
    """The mean `calibration_error` of examples that are right exactly as often as their confidence says.

    Few examples push the error above 0 even where all confidence is true; this is how far.
    """
    generator = np.random.default_rng(key_to_int("chance error", seed))
    right = generator.random((_NUM_CHANCE, len(confidence))) < confidence
    return float(_errors(right - confidence, bins_of(confidence)).mean())


def error_interval(found: Scored, seeds: np.ndarray | None = None, *, how: Resampling = DEFAULT) -> Interval:
    """`calibration_error` with an interval from prompts and `seeds` (N,) drawn again, less the push of few examples.

    Bins stay those of all examples.
    """
    estimate = calibration_error(found.confidence, found.right)
    drawn = resamples(found.clusters, seeds, how=how)
    bins = bins_of(found.confidence)
    gaps = (bins[:, None] == np.arange(int(bins.max()) + 1)) * (found.confidence - found.right)[:, None]
    draws = ratios(np.abs(drawn.sums(gaps)).sum(axis=1), drawn.sums(np.ones(len(found))))
    return basic_interval(estimate, draws, drawn.num_clusters, drawn.num_clusters, SHARE)


def divergence(truth: Belief, belief: Belief) -> float:
    """KL(truth || belief) in nats, both summing to 1."""
    return sum(p * math.log(p / max(belief.get(value, 0.0), LEAST)) for value, p in truth.items() if p > 0)


def variation(truth: Belief, belief: Belief) -> float:
    """The total variation between both: the greatest difference in the probability of any set of values, in [0, 1]."""
    return sum(abs(truth.get(value, 0.0) - belief.get(value, 0.0)) for value in {*truth, *belief}) / 2


def _errors(gaps: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """The error of each of B rows of gaps (B, N)."""
    members = bins[:, None] == np.arange(int(bins.max()) + 1)
    return np.abs(gaps @ members).sum(axis=1) / gaps.shape[1]
