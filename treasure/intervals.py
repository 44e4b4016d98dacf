"""`Interval`: an estimate with its 95 % interval, by Wilson's score or by drawing whole prompts again.

Letters: N examples, P clusters (prompts), C kinds of examples, B resamples.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.sparse import csr_array
from scipy.special import ndtr, ndtri, stdtrit

from treasure.seeding import key_to_int

CONFIDENCE = 0.95
NUM_RESAMPLES = 2_000
MIN_CLUSTERS = 5
"""Below this many prompts no interval is given: so few cannot show how prompts vary."""

_CELLS_AT_ONCE = 4_000_000
_NO_SPREAD = 1e-12
_NORMAL = float(ndtri(0.5 + CONFIDENCE / 2))


class Method(StrEnum):
    """Where an interval comes from; `docs/statistics.md` says which number takes which.

    WILSON: Wilson's score. PERCENTILE: the middle of the draws. MIRRORED: the same, mirrored about the estimate.
    ALIKE: all prompts fared alike, so that nothing was to be drawn. ADDED: the distances of two parts, squared and
    added. NONE: there is no interval.
    """

    WILSON = "wilson"
    PERCENTILE = "percentile"
    MIRRORED = "mirrored"
    ALIKE = "alike"
    ADDED = "added"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate from `n` prompts with its 95 % interval; `low` and `high` are NaN where there are too few."""

    estimate: float
    low: float
    high: float
    n: int
    method: Method = Method.NONE


def no_interval(estimate: float, n: int) -> Interval:
    """`estimate` alone."""
    return Interval(estimate, float("nan"), float("nan"), n)


def wilson_interval(successes: float, total: float) -> Interval:
    """The share `successes / total` in [0, 1] with Wilson's score interval, which holds near 0 and 1 too.

    Source: Wilson, 'Probable inference, the law of succession, and statistical inference', JASA 1927.
    """
    assert 0 <= successes <= total, (successes, total)
    assert total > 0
    z = _NORMAL
    rate = successes / total
    centre = (rate + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z / (1 + z**2 / total) * float(np.sqrt(rate * (1 - rate) / total + z**2 / (4 * total**2)))
    low = max(0.0, centre - half) if successes > 0 else 0.0
    high = min(1.0, centre + half) if successes < total else 1.0
    return Interval(rate, low, high, round(total), Method.WILSON)


def effective_wilson_interval(sums: np.ndarray, counts: np.ndarray) -> Interval:
    """The share `sums / counts` over P clusters (each (P,)) with Wilson's interval for the effective number of them.

    That number is how many independent successes and failures would vary as much as the clusters do: fewer than the
    answers if those of a cluster resemble one another. It is P where clusters of one size each pass or fail as a whole,
    and where all have the same share, so that nothing shows how they vary. Else it is measured by the clusters, and few
    of them measure it badly: it is taken smaller, as Student's t is wider than the normal distribution. Below
    `MIN_CLUSTERS` there is no interval then, unless all answers pass or none does.

    Source: Korn and Graubard, 'Confidence intervals for proportions with small expected number of positive counts
    estimated from survey data', Survey Methodology 1998.
    """
    assert (counts > 0).all()
    num = len(sums)
    share = float(sums.sum() / counts.sum())
    if np.ptp(counts) == 0 and np.isin(sums / counts, (0, 1)).all():
        return wilson_interval(float((sums > 0).sum()), num)
    if num < MIN_CLUSTERS and 0 < share < 1:
        return no_interval(share, num)
    variance = float(np.sum((sums - share * counts) ** 2) / counts.sum() ** 2)
    binomial = share * (1 - share)
    varies = variance > _NO_SPREAD and binomial > 0
    size = binomial / variance * (_NORMAL / _student(num)) ** 2 if varies else float(num)
    found = wilson_interval(share * size, size)
    return Interval(share, found.low, found.high, num, Method.WILSON)


def percentile_interval(
    estimate: float, draws: np.ndarray, num_clusters: int, n: int, scale: tuple[float, float] | None = None
) -> Interval:
    """The middle of `draws` (B,) around `estimate`; none below `MIN_CLUSTERS` or where no draw is a number.

    The middle is 95 % where clusters are many, and more where they are few, as drawing again shows too little spread
    then: 96.8 % of 20, 99.8 % of 5. Draws that are all the same show nothing of how prompts vary; then `scale`, the
    lowest and highest number that there can be, gives `alike_interval`, and without it there is no interval.

    Source: Hesterberg, 'What teachers should know about the bootstrap', The American Statistician 2015, section 4.3
    (expanded percentiles).
    """
    drawn = draws[~np.isnan(draws)]
    if num_clusters < MIN_CLUSTERS or not len(drawn):
        return no_interval(estimate, n)
    if np.ptp(drawn) <= _NO_SPREAD * max(1.0, abs(estimate)):
        return no_interval(estimate, n) if scale is None else alike_interval(estimate, num_clusters, n, scale)
    tail = float(ndtr(-np.sqrt(num_clusters / (num_clusters - 1)) * _student(num_clusters)))
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Interval(estimate, float(low), float(high), n, Method.PERCENTILE)


def alike_interval(estimate: float, num_clusters: int, n: int, scale: tuple[float, float]) -> Interval:
    """For prompts that all fared alike: others, of which none was seen, may lie at either end of `scale`.

    There may be as many of them as the exact interval of Clopper and Pearson allows of what was seen 0 times among
    `num_clusters`. A difference of 1 throughout lies above 0 just where the exact McNemar test says so, from six on.

    Source: Clopper and Pearson, 'The use of confidence or fiducial limits', Biometrika 1934.
    """
    unseen = 1 - ((1 - CONFIDENCE) / 2) ** (1 / num_clusters)
    low, high = (estimate + unseen * (end - estimate) for end in scale)
    return Interval(estimate, low, high, n, Method.ALIKE)


def basic_interval(
    estimate: float, draws: np.ndarray, num_clusters: int, n: int, scale: tuple[float, float] | None = None
) -> Interval:
    """`percentile_interval` mirrored about `estimate`, not below 0: for a measure that few examples push up.

    Drawing again pushes it up once more, by about as much; the mirror takes both away, and so the interval may lie
    below the estimate.

    Source: Davison and Hinkley, 'Bootstrap Methods and their Application', 1997, section 5.2.1.
    """
    found = percentile_interval(estimate, draws, num_clusters, n, scale)
    if found.method is not Method.PERCENTILE:
        return found
    low, high = (max(0.0, 2 * estimate - end) for end in (found.high, found.low))
    return Interval(estimate, low, high, n, Method.MIRRORED)


def resampled_counts(
    kinds: np.ndarray,
    clusters: np.ndarray | None = None,
    *,
    num_kinds: int,
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
) -> Iterator[np.ndarray]:
    """How often each kind of example is drawn in each resample: blocks of shape (b, C) with B rows together.

    For statistics that depend on an example only through its kind, `kinds` (N,) in [0, C). All examples of a cluster
    (`clusters` (N,), None: each its own) are drawn together. Clusters of the same content are drawn as one multinomial,
    so that millions of examples cost no more than their different contents.
    """
    contents, weights = _contents(kinds, clusters, num_kinds)
    num_clusters = int(weights.sum())
    generator = np.random.default_rng(key_to_int("resampled counts", seed))
    step = max(1, _CELLS_AT_ONCE // max(len(weights), num_kinds))
    for start in range(0, num_resamples, step):
        size = min(step, num_resamples - start)
        drawn = generator.multinomial(num_clusters, weights / num_clusters, size=size)
        yield np.asarray((contents.T @ drawn.T).T, dtype=float)


def _contents(kinds: np.ndarray, clusters: np.ndarray | None, num_kinds: int) -> tuple[csr_array, np.ndarray]:
    """(sparse (U, C) how often each of U different contents holds each kind, (U,) how many clusters hold it)."""
    if clusters is None:
        clusters = np.arange(len(kinds))
    order = np.lexsort((kinds, clusters))
    kinds, clusters = kinds[order], clusters[order]
    starts = np.flatnonzero(np.r_[True, clusters[1:] != clusters[:-1]]) if len(kinds) else np.zeros(0, dtype=int)
    sizes = np.diff(np.r_[starts, len(kinds)])
    single = np.bincount(kinds[starts[sizes == 1]], minlength=num_kinds)
    found = Counter({(int(kind),): int(single[kind]) for kind in np.flatnonzero(single)})
    for start, size in zip(starts[sizes > 1].tolist(), sizes[sizes > 1].tolist(), strict=True):
        found[tuple(kinds[start : start + size].tolist())] += 1
    rows = np.repeat(np.arange(len(found)), [len(content) for content in found])
    columns = np.array([kind for content in found for kind in content], dtype=int)
    matrix = csr_array((np.ones(len(columns)), (rows, columns)), shape=(len(found), num_kinds))
    return matrix, np.array(list(found.values()), dtype=float)


def _student(num_clusters: int) -> float:
    """Student's t of `num_clusters` - 1 degrees of freedom that 95 % lie within."""
    return float(stdtrit(num_clusters - 1, 0.5 + CONFIDENCE / 2))
