"""Prompts drawn again, and seeds as a second level: the one bootstrap behind all intervals of tables.

Letters: N answers, P prompts (clusters), S seeds, K columns, B resamples.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.sparse import csr_array

from treasure.analysis.config import Resampling
from treasure.seeding import key_to_int

DEFAULT = Resampling()
_CELLS_AT_ONCE = 100_000


@dataclass(frozen=True)
class Resamples:
    """How often each prompt, (B, P), and each seed, (B, S), is drawn; `clusters` and `seeds` (N,) are those of answers.

    An answer counts as often as its prompt times its seed was drawn.

    Source: Owen, 'The pigeonhole bootstrap', Annals of Applied Statistics 2007.
    """

    clusters: np.ndarray
    seeds: np.ndarray
    cluster_draws: np.ndarray
    seed_draws: np.ndarray

    @property
    def num_clusters(self) -> int:
        """P."""
        return self.cluster_draws.shape[1]

    def sums(self, columns: np.ndarray) -> np.ndarray:
        """The sum over answers of `columns` (N, K) in each resample, (B, K); of (N,) it is (B,)."""
        flat = columns.reshape(len(self.clusters), -1).astype(float)
        found = np.zeros((len(self.cluster_draws), flat.shape[1]))
        for seed in range(self.seed_draws.shape[1]):
            own = np.flatnonzero(self.seeds == seed)
            members = csr_array((np.ones(len(own)), (self.clusters[own], own)), shape=(self.num_clusters, len(flat)))
            found += (self.cluster_draws @ (members @ flat)) * self.seed_draws[:, [seed]]
        return found if columns.ndim > 1 else found[:, 0]

    def weights(self) -> Iterator[np.ndarray]:
        """How often each answer is drawn, in blocks (b, N) of resamples: for what no sums can tell."""
        step = max(1, _CELLS_AT_ONCE // max(1, len(self.clusters)))
        for start in range(0, len(self.cluster_draws), step):
            part = slice(start, start + step)
            yield self.cluster_draws[part][:, self.clusters] * self.seed_draws[part][:, self.seeds]


def resamples(
    clusters: np.ndarray,
    seeds: np.ndarray | None = None,
    *,
    how: Resampling = DEFAULT,
    strata: np.ndarray | None = None,
    all_seeds: np.ndarray | None = None,
    stream: str = "lift",
) -> Resamples:
    """Draws for answers to prompts (`clusters` (N,)) by runs of several `seeds` (N,); the same for the same prompts.

    All answers to a prompt are drawn together. With `strata` (N,) the prompts of each stratum are drawn among
    themselves, so that it keeps its size. Several sets of answers share what happens to their runs by `all_seeds`, the
    seeds of all of them, and draw their prompts apart by `stream`.
    """
    assert len(clusters) > 0
    labels, rows = np.unique(clusters, return_inverse=True)
    given = np.zeros(len(clusters), dtype=int) if seeds is None else seeds
    known = np.unique(given) if all_seeds is None else all_seeds
    seed_draws = _draws(len(known), how.num_resamples, key_to_int("bootstrap", how.seed, "seeds"))
    if strata is None:
        draws = _draws(len(labels), how.num_resamples, key_to_int("bootstrap", how.seed, stream))
    else:
        draws = np.empty((how.num_resamples, len(labels)))
        for stratum in np.unique(strata):
            own = np.unique(rows[strata == stratum])
            draws[:, own] = _draws(len(own), how.num_resamples, key_to_int("bootstrap", how.seed, stream, str(stratum)))
    return Resamples(rows, np.searchsorted(known, given), draws, seed_draws)


def ratios(sums: np.ndarray, counts: np.ndarray, empty: float = float("nan")) -> np.ndarray:
    """`sums / counts` of one shape; `empty` where nothing was counted."""
    return np.divide(sums, counts, out=np.full(np.shape(sums), empty), where=counts > 0)


@lru_cache(maxsize=8)
def _draws(num: int, num_resamples: int, key: int) -> np.ndarray:
    """How often each of `num` units is drawn in each resample, shape (B, num)."""
    picks = np.random.default_rng(key).integers(num, size=(num_resamples, num))
    picks += np.arange(num_resamples)[:, None] * num
    found = np.bincount(picks.ravel(), minlength=num_resamples * num).reshape(num_resamples, num).astype(float)
    found.flags.writeable = False
    return found
