"""Which single slices moved: a test for each value, benchmark, regime and metric, and what is left of so many."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from treasure.analysis.benchmarks import OVERALL, metric_order
from treasure.analysis.config import Resampling
from treasure.analysis.pairing import Comparison
from treasure.analysis.statistics import DEFAULT, Pairs, benjamini_hochberg, mcnemar, sign_flip

MCNEMAR, SIGN_FLIP = "mcnemar", "sign_flip"


@dataclass(frozen=True, slots=True)
class SliceTestRow:
    """One line of `slice_tests.csv`: marked against Baseline on the prompts of one value.

    `test` is 'mcnemar' where each prompt passes or fails once on either side, else 'sign_flip', by prompt. `q_value` is
    Benjamini's and Hochberg's over all lines of a regime: of those with at most q, a share of at most q is false.
    """

    benchmark: str
    slice: str
    regime: str
    metric: str
    lift: float
    num_prompts: int
    test: str
    p_value: float
    q_value: float


def slice_test_rows(comparisons: Iterable[Comparison], how: Resampling = DEFAULT) -> tuple[SliceTestRow, ...]:
    """A line for each value of each benchmark in each metric, in the order of the benchmarks."""
    found = [row for comparison in comparisons if comparison.benchmark != OVERALL for row in _rows(comparison, how)]
    by_regime: dict[str, list[int]] = {}
    for place, row in enumerate(found):
        by_regime.setdefault(row.regime, []).append(place)
    for places in by_regime.values():
        adjusted = benjamini_hochberg(np.array([found[place].p_value for place in places]))
        for place, q_value in zip(places, adjusted, strict=True):
            found[place] = replace(found[place], q_value=float(q_value))
    return tuple(found)


def _rows(comparison: Comparison, how: Resampling) -> Iterable[SliceTestRow]:
    for category, value in sorted({item for pair in comparison.pairs for item in pair.baseline.slices.items()}):
        part = comparison.where(lambda pair, c=category, v=value: pair.baseline.slices.get(c) == v)
        for metric in sorted(part.metrics, key=metric_order):
            pairs = part.arrays(metric)
            if pairs is not None:
                name, p_value = paired_test(pairs, how)
                lift = float(np.mean(pairs.marked - pairs.baseline))
                place = part.benchmark, f"{category}={value}", part.regime.value, metric
                yield SliceTestRow(*place, lift, pairs.num_clusters, name, p_value, float("nan"))


def paired_test(pairs: Pairs, how: Resampling = DEFAULT) -> tuple[str, float]:
    """(name of the test, its p-value): exact McNemar where each prompt passes or fails once, else flipped signs."""
    passes = np.isin(pairs.baseline, (0, 1)).all() and np.isin(pairs.marked, (0, 1)).all()
    if passes and pairs.num_clusters == len(pairs.marked):
        return MCNEMAR, mcnemar(pairs.baseline, pairs.marked).p_value
    return SIGN_FLIP, sign_flip(pairs.marked - pairs.baseline, pairs.clusters, seed=how.seed)
