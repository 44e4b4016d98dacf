"""Means over answers with intervals by prompt, and the slices that records fall into.

Letters: N answers.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from treasure.analysis.config import Resampling
from treasure.analysis.scores.figure import Figure
from treasure.analysis.statistics import DEFAULT, mean, rate
from treasure.evaluation.record import EvaluationRecord
from treasure.intervals import MIN_CLUSTERS, Interval


def prompts_of(records: Sequence[EvaluationRecord]) -> np.ndarray:
    """The prompt of each record, (N,): what is drawn as one."""
    return np.array([record.prompt_id for record in records])


def seeds_of(records: Sequence[EvaluationRecord]) -> np.ndarray:
    """The seed of each record, (N,): the second level of draws."""
    return np.array([record.seed for record in records])


def mean_interval(records: Sequence[EvaluationRecord], values: np.ndarray, how: Resampling = DEFAULT) -> Interval:
    """The mean of `values` (N,), one a record, with the interval of `mean`; `n` counts prompts."""
    return mean(values, prompts_of(records), seeds_of(records), how=how)


def rate_interval(records: Sequence[EvaluationRecord], values: np.ndarray, how: Resampling = DEFAULT) -> Interval:
    """The mean of `values` (N,) in [0, 1], one a record, with the interval of `rate`; `n` counts prompts."""
    return rate(values, prompts_of(records), seeds_of(records), how=how)


def mean_figures(
    records: Sequence[EvaluationRecord],
    score: str,
    metric: str,
    regime: str,
    slices: Mapping[str, str] | None = None,
    *,
    unit: str = "rate",
    how: Resampling = DEFAULT,
) -> list[Figure]:
    """The mean of `score` over the records that have it, as one figure; none where no record has it.

    A rate has the interval of `rate_interval`, anything else that of `mean_interval`.
    """
    found = [record for record in records if score in record.scores]
    if not found:
        return []
    measure = rate_interval if unit == "rate" else mean_interval
    interval = measure(found, np.array([record.scores[score] for record in found]), how)
    failed = len(records) - len(found)
    return [
        Figure(metric=metric, regime=regime, slices=dict(slices or {}), interval=interval, num_failed=failed, unit=unit)
    ]


def by_regime(records: Sequence[EvaluationRecord]) -> Iterator[tuple[str, list[EvaluationRecord]]]:
    """The records of each regime, in the order in which these first come."""
    for regime in dict.fromkeys(record.regime for record in records):
        yield str(regime), [record for record in records if record.regime is regime]


def by_slice(records: Sequence[EvaluationRecord]) -> Iterator[tuple[Mapping[str, str], list[EvaluationRecord]]]:
    """All records, then those of each value of each slice, then of head and tail of each category (`<category> group`).

    A slice in which all records have the same value, or values have fewer than five prompts on average (two values
    may), says nothing and is left out.
    """
    most = max(2, len({record.prompt_id for record in records}) // MIN_CLUSTERS)
    yield {}, list(records)
    for suffix, attribute in (("", "slices"), (" group", "groups")):
        names = dict.fromkeys(name for record in records for name in getattr(record, attribute))
        for name in names:
            found: dict[str, list[EvaluationRecord]] = {}
            for record in records:
                value = getattr(record, attribute).get(name)
                if value is not None:
                    found.setdefault(value, []).append(record)
            if 1 < len(found) <= most:
                for value in sorted(found):
                    yield {name + suffix: value}, found[value]
