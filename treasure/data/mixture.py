"""Mixtures: how often each dataset is in the training data, and how often examples of the tail are drawn."""

from array import array
from collections.abc import Collection, Iterator, Mapping
from typing import TypeVar

import numpy as np

from treasure.errors import ConfigError, did_you_mean
from treasure.seeding import stream

T = TypeVar("T")


def mix(datasets: Mapping[str, Collection[T]], weights: Mapping[str, float], seed: int) -> Iterator[T]:
    """All datasets, one after the other, each row as often as `weights[name]` says (1.0 where it has no weight).

    A whole number repeats each row in its place; the fraction adds one more of a sample without replacement. What is
    taken of a dataset depends on its name, size, weight and `seed` alone, and a larger weight keeps what a smaller one
    took. Rows are gone through once, as they are asked for; a dataset's size is asked for only where its weight has a
    fraction.

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
    return (row for name, rows in datasets.items() for row in _taken(rows, weights.get(name, 1.0), name, seed))


def _taken(rows: Collection[T], weight: float, name: str, seed: int) -> Iterator[T]:
    whole, fraction = divmod(weight, 1.0)
    extra = _sample(len(rows), fraction, name, seed) if fraction else None
    for index, row in enumerate(rows):
        for _ in range(int(whole) + (extra is not None and bool(extra[index]))):
            yield row


def _sample(size: int, fraction: float, name: str, seed: int) -> np.ndarray:
    """Which rows are taken once more: bool [size], with `round(fraction * size)` of them true."""
    order = array("q", range(size))
    stream("mixture", seed, name).shuffle(order)
    chosen = np.zeros(size, dtype=bool)
    chosen[np.frombuffer(order, dtype=np.int64)[: round(fraction * size)]] = True
    return chosen


def with_tail_upsampled(is_tail: np.ndarray, factor: float, seed: int) -> np.ndarray:
    """Indices (int64) of one epoch in which an example of the tail stands `factor` times, all others once.

    `is_tail` is bool, one an example. The fraction of `factor` is a sample of the tail that depends on `seed`.
    """
    tail = np.flatnonzero(is_tail).tolist()
    return np.array(sorted([*np.flatnonzero(~is_tail).tolist(), *_taken(tail, factor, "tail", seed)]), dtype=np.int64)


def copies(names: np.ndarray) -> np.ndarray:
    """For each of `names` how many equal ones stand right before it, int64: copies of a row stand side by side."""
    places = np.arange(len(names))
    starts = np.concatenate([[True], names[1:] != names[:-1]])[: len(names)]
    return places - np.maximum.accumulate(np.where(starts, places, 0))
