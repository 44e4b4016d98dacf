"""Mixtures: how often each dataset is in the training data."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

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
