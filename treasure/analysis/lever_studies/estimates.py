"""Shares and means of rows with their intervals, and how they are written."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from treasure.analysis.benchmarks import Metric
from treasure.analysis.statistics import paired_lift, rate
from treasure.analysis.wording import change, percent, signed
from treasure.evaluation.studies.rows import Row
from treasure.intervals import MIN_CLUSTERS, Interval, Method

NO_INTERVAL = "too few prompts"


def mean_of(rows: Sequence[Row], value: Callable[[Row], float]) -> Interval:
    """The mean of `value` over `rows`, which are not empty; answers to one prompt move together."""
    return mean([float(value(row)) for row in rows], [row["prompt_id"] for row in rows])


def mean(values: Sequence[float] | np.ndarray, clusters: Sequence[str] | np.ndarray) -> Interval:
    """The mean with an interval from prompts (`clusters`) drawn again."""
    numbers = np.asarray(values, dtype=float)
    return paired_lift(np.zeros(len(numbers)), numbers, np.asarray(clusters))


def share_of(rows: Sequence[Row], holds: Callable[[Row], object]) -> Interval:
    """The share of `rows`, which are not empty, of which `holds` is true; answers to one prompt move together."""
    found = np.array([float(bool(holds(row))) for row in rows])
    return rate(found, np.array([row["prompt_id"] for row in rows]))


def difference(rows: Sequence[Row], others: Sequence[Row], value: Callable[[Row], float]) -> Interval:
    """The mean of `value` over `rows` minus that over `others`, on the prompts and numbers that both have."""
    keyed = {_key(row): float(value(row)) for row in others}
    pairs = [(keyed[_key(row)], float(value(row)), row["prompt_id"]) for row in rows if _key(row) in keyed]
    before, after, clusters = (np.array(part) for part in zip(*pairs, strict=True))
    return paired_lift(before, after, clusters)


def shown_share(found: Interval) -> str:
    """'61.2 % [55.0 to 67.1]'."""
    if math.isnan(found.low):
        return f"{percent(found.estimate)} [{NO_INTERVAL}]"
    return f"{percent(found.estimate)} [{100 * found.low:.1f} to {100 * found.high:.1f}]"


def shown_points(found: Interval, decimals: int = 1) -> str:
    """'+12.3 points [+9.0 to +15.1]'; drawing prompts again cannot tell how sure it is that none of them changed."""
    metric = Metric("share", "share", decimals=decimals)
    if found.estimate == 0 and found.n >= MIN_CLUSTERS and found.method in (Method.ALIKE, Method.NONE):
        return f"{signed(0.0, metric)} points (the same for each prompt)"
    return change(found.estimate, found.low, found.high, metric)


def _key(row: Row) -> tuple[object, ...]:
    return row["prompt_id"], row.get("unit"), row.get("asked"), row.get("category")
