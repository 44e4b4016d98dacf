"""How well predicted values agree with known ones, with intervals over prompts.

Letters: N rows, K values, B resamples.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from treasure.seeding import key_to_int

CONFIDENCE = 0.95
NUM_RESAMPLES = 1_000
_BLOCK = 50


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 95 % interval, by percentiles of a bootstrap that draws whole prompts; NaN for what has none,
    such as kappa where all rows have one value.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Agreement:
    """Agreement of one prediction a row with the truth; `confusion` (K, K) counts rows by truth, then prediction.

    Where the truth has several values, a prediction that is one of them is right, and else the first of them counts as
    the truth. `f1_head` and `f1_tail` are the mean F1 of the values that many and that few rows have; None where there
    are none.
    """

    num_rows: int
    num_prompts: int
    accuracy: Estimate
    macro_f1: Estimate
    kappa: Estimate
    f1_head: Estimate | None
    f1_tail: Estimate | None
    confusion: np.ndarray


def agreement(
    truth: np.ndarray, predicted: np.ndarray, prompts: np.ndarray, is_tail: np.ndarray, *, seed: int = 0
) -> Agreement:
    """Agreement of `predicted` (N,) with `truth` (N, K), where a value that holds is above 0.

    `prompts` (N,) says which rows move together when rows are drawn, `is_tail` (K,) which values are rare.
    """
    num_values = truth.shape[1]
    is_right = truth[np.arange(len(predicted)), predicted] > 0
    true = np.where(is_right, predicted, truth.argmax(axis=1))
    _, clusters = np.unique(prompts, return_inverse=True)
    cells: Any = csr_matrix(
        (np.ones(len(true)), (clusters, true * num_values + predicted)), shape=(clusters.max() + 1, num_values**2)
    )
    confusion = np.asarray(cells.sum(axis=0)).reshape(num_values, num_values)
    drawn = np.concatenate(list(_resampled(cells, num_values, seed)))
    occurs = confusion.sum(axis=1) > 0

    def estimate(which: np.ndarray | None = None, name: str = "f1") -> Estimate:
        measure = _MEASURES[name]
        values = measure(np.concatenate([confusion[None], drawn]), occurs if which is None else occurs & which)
        known = values[1:][~np.isnan(values[1:])]
        if not len(known):
            return Estimate(float(values[0]), float("nan"), float("nan"))
        low, high = np.quantile(known, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        return Estimate(float(values[0]), float(low), float(high))

    return Agreement(
        num_rows=len(predicted),
        num_prompts=cells.shape[0],
        accuracy=estimate(name="accuracy"),
        macro_f1=estimate(),
        kappa=estimate(name="kappa"),
        f1_head=estimate(~is_tail) if (occurs & ~is_tail).any() else None,
        f1_tail=estimate(is_tail) if (occurs & is_tail).any() else None,
        confusion=confusion.astype(int),
    )


def _resampled(cells: Any, num_values: int, seed: int) -> Iterator[np.ndarray]:
    """Confusion matrices (B, K, K) of as many prompts, drawn with replacement."""
    num_prompts = cells.shape[0]
    rng = np.random.default_rng(key_to_int("agreement", seed))
    for start in range(0, NUM_RESAMPLES, _BLOCK):
        num = min(_BLOCK, NUM_RESAMPLES - start)
        picks = rng.integers(num_prompts, size=(num, num_prompts)) + np.arange(num)[:, None] * num_prompts
        counts = np.bincount(picks.ravel(), minlength=num * num_prompts).reshape(num, num_prompts)
        yield np.asarray(cells.T @ counts.T).T.reshape(num, num_values, num_values)


def _accuracy(confusions: np.ndarray, _: np.ndarray) -> np.ndarray:
    return np.trace(confusions, axis1=1, axis2=2) / confusions.sum(axis=(1, 2))


def _kappa(confusions: np.ndarray, _: np.ndarray) -> np.ndarray:
    """Cohen's kappa; NaN where chance alone would agree always."""
    total = confusions.sum(axis=(1, 2))
    observed = np.trace(confusions, axis1=1, axis2=2) / total
    by_chance = (confusions.sum(axis=1) * confusions.sum(axis=2)).sum(axis=1) / total**2
    return np.divide(observed - by_chance, 1 - by_chance, out=np.full(len(total), np.nan), where=by_chance < 1)


def _mean_f1(confusions: np.ndarray, which: np.ndarray) -> np.ndarray:
    """The mean F1 of the values in `which` (K,); a value that is neither true nor predicted has none."""
    diagonal = np.diagonal(confusions, axis1=1, axis2=2)
    sizes = confusions.sum(axis=1) + confusions.sum(axis=2)
    f1 = np.divide(2 * diagonal, sizes, out=np.full(sizes.shape, np.nan), where=sizes > 0)[:, which]
    is_known = ~np.isnan(f1)
    num = is_known.sum(axis=1)
    sums = np.where(is_known, f1, 0).sum(axis=1)
    return np.divide(sums, num, out=np.full(len(f1), np.nan), where=num > 0)


_MEASURES = {"accuracy": _accuracy, "kappa": _kappa, "f1": _mean_f1}
