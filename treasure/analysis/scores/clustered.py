"""Means over answers with intervals that draw whole prompts again, and the slices that records fall into.

Letters: N answers, P prompts, B resamples.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from treasure.analysis.scores.figure import Figure
from treasure.analysis.statistics.rates import rate
from treasure.evaluation.record import EvaluationRecord
from treasure.intervals import MIN_CLUSTERS, NUM_RESAMPLES, Interval, percentile_interval
from treasure.seeding import key_to_int


@dataclass(frozen=True)
class Resamples:
    """Prompts drawn again: how often each answer is in each resample."""

    rows: np.ndarray
    """Number of the prompt of each answer, (N,)."""
    num_prompts: int
    draws: np.ndarray
    """How often each prompt is drawn, (B, P)."""

    @property
    def weights(self) -> np.ndarray:
        """How often each answer is drawn, (B, N)."""
        return self.draws[:, self.rows]


def resamples(records: Sequence[EvaluationRecord], num_resamples: int = NUM_RESAMPLES) -> Resamples:
    """The same draws for the same number of prompts; all answers to a prompt are drawn together."""
    prompts, rows = np.unique([record.prompt_id for record in records], return_inverse=True)
    generator = np.random.default_rng(key_to_int("scores", "bootstrap"))
    draws = generator.multinomial(len(prompts), np.full(len(prompts), 1 / len(prompts)), size=num_resamples)
    return Resamples(rows, len(prompts), draws.astype(float))


def mean_interval(records: Sequence[EvaluationRecord], values: np.ndarray) -> Interval:
    """The mean of `values` (N,), one a record, with a percentile bootstrap interval over prompts; `n` counts these."""
    drawn = resamples(records)
    sums = np.bincount(drawn.rows, weights=values, minlength=drawn.num_prompts)
    counts = np.bincount(drawn.rows, minlength=drawn.num_prompts)
    means = (drawn.draws @ sums) / (drawn.draws @ counts)
    return percentile_interval(float(np.mean(values)), means, drawn.num_prompts, drawn.num_prompts)


def rate_interval(records: Sequence[EvaluationRecord], values: np.ndarray) -> Interval:
    """The mean of `values` (N,) in [0, 1], one a record, with the interval of `rate`; `n` counts prompts."""
    prompts = np.array([record.prompt_id for record in records])
    found = rate(values, prompts, np.array([record.seed for record in records]))
    return replace(found, estimate=float(np.mean(values)))  # to the last digit, whatever is added up first


def mean_figures(
    records: Sequence[EvaluationRecord],
    score: str,
    metric: str,
    regime: str,
    slices: Mapping[str, str] | None = None,
    unit: str = "rate",
) -> list[Figure]:
    """The mean of `score` over the records that have it, as one figure; none where no record has it.

    A rate has the interval of `rate_interval`, anything else that of `mean_interval`.
    """
    found = [record for record in records if score in record.scores]
    if not found:
        return []
    measure = rate_interval if unit == "rate" else mean_interval
    interval = measure(found, np.array([record.scores[score] for record in found]))
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
