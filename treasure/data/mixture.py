"""Mixtures: how often each dataset is in the training data, and how often examples of the tail are drawn."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from treasure.errors import ConfigError, did_you_mean
from treasure.seeding import stream

T = TypeVar("T")


def mix(datasets: Mapping[str, Sequence[T]], weights: Mapping[str, float], seed: int) -> list[T]:
    """All datasets, one after the other, each taken `weights[name]` times (1.0 where it has no weight).

    A whole number repeats the dataset; the fraction adds a sample without replacement, in the dataset's order. What is
    taken of a dataset depends on its name, size, weight and `seed` alone, and a larger weight keeps what a smaller one
    took.

    Raises:
        ConfigError: a weight is not above 0, or belongs to no dataset.
    """
    for name, weight in weights.items():
        if name not in datasets:
            raise ConfigError(
                f"There is a weight for '{name}', but no such dataset.{did_you_mean(name, datasets)} "
                f"Datasets: {', '.join(datasets)}."
            )
        if not weight > 0:
            raise ConfigError(f"The weight of dataset '{name}' must be above 0, got {weight}.")
    found: list[T] = []
    for name, rows in datasets.items():
        found += _taken(rows, weights.get(name, 1.0), name, seed)
    return found


def _taken(rows: Sequence[T], weight: float, name: str, seed: int) -> list[T]:
    copies, fraction = divmod(weight, 1.0)
    order = list(range(len(rows)))
    stream("mixture", seed, name).shuffle(order)
    sample = sorted(order[: round(fraction * len(rows))])
    return [*rows] * int(copies) + [rows[index] for index in sample]


def with_tail_upsampled(is_tail: np.ndarray, factor: float, seed: int) -> np.ndarray:
    """Indices (int64) of one epoch in which an example of the tail stands `factor` times, all others once.

    `is_tail` is bool, one an example. The fraction of `factor` is a sample of the tail that depends on `seed`.
    """
    tail = np.flatnonzero(is_tail).tolist()
    return np.array(sorted([*np.flatnonzero(~is_tail).tolist(), *_taken(tail, factor, "tail", seed)]), dtype=np.int64)
