"""Which rows a classifier learns from: of each value and dataset so many, and what they say as arrays."""

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from treasure.data.example import Example, MarkedExample
from treasure.seeding import key_to_int
from treasure.taxonomy.taxonomy import Taxonomy

_Drawn = tuple[MarkedExample, str]
"""A row and the dataset that it counts for."""


@dataclass(frozen=True)
class Labelled:
    """N rows of one category whose value is known: row i is `examples[i]`.

    `truth` has shape (N, K), a column for each of `values`, and rows that sum to 1: a row with several values is shared
    among them. `prompts` (N,) numbers what is asked, so that answers to the same prompt can be kept together.
    `left_out` are values of the closed list that have no column.
    """

    category: str
    values: tuple[str, ...]
    examples: Sequence[Example]
    truth: np.ndarray
    prompts: np.ndarray
    datasets: np.ndarray
    left_out: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.examples)


def draw(
    examples: Iterable[MarkedExample], taxonomy: Taxonomy, categories: Sequence[str], max_per_dataset: int, seed: int
) -> dict[str, Labelled]:
    """Category -> rows: of each value and dataset at most `max_per_dataset`, drawn by a keyed hash of their ids.

    Rows that are not drawn are let go at once. Datasets that are read from the same file count as one, under the name
    of the first.
    """
    owners: dict[str, str] = {}
    drawn: dict[tuple[str, str, str], dict[str, _Drawn]] = {}
    heaps: dict[tuple[str, str, str], list[tuple[int, str]]] = {}
    for marked in examples:
        example = marked.example
        file = str(example.metadata.get("place", "")).rpartition(":")[0]
        dataset = owners.setdefault(file, example.dataset) if file else example.dataset
        for category in categories:
            for value in marked.markers.values(category):
                key = (category, str(value), dataset)
                held, heap = drawn.setdefault(key, {}), heaps.setdefault(key, [])
                if example.id in held:
                    continue
                held[example.id] = (marked, dataset)
                heapq.heappush(heap, (-key_to_int("draw", seed, example.id), example.id))
                if len(heap) > max_per_dataset:
                    del held[heapq.heappop(heap)[1]]
    return {
        category: _labelled(
            category,
            taxonomy.category(category).value_names,
            {
                example_id: found
                for key in sorted(drawn)
                if key[0] == category
                for example_id, found in drawn[key].items()
            },
        )
        for category in categories
    }


def balanced_weights(truth: np.ndarray, datasets: np.ndarray) -> np.ndarray:
    """How much each row counts, shape (N,), 1 on average.

    All values count the same, and so do the datasets that hold a value, lest the largest file stand for it. `truth` has
    shape (N, K), `datasets` (N,); where they are all the same, the rows of a value count the same.
    """
    _, places = np.unique(datasets.astype(str), return_inverse=True)
    cells = np.zeros((places.max() + 1, truth.shape[1]))
    np.add.at(cells, places, truth)
    shares = np.divide(1, cells * (cells > 0).sum(axis=0), out=np.zeros_like(cells), where=cells > 0)
    weights = (truth * shares[places]).sum(axis=1)
    return weights * (len(weights) / weights.sum())


def _labelled(category: str, values: Sequence[str], drawn: dict[str, _Drawn]) -> Labelled:
    rows = [drawn[example_id] for example_id in sorted(drawn)]
    truth = np.zeros((len(rows), len(values)), dtype=np.float32)
    for index, (marked, _) in enumerate(rows):
        held = [values.index(str(value)) for value in marked.markers.values(category)]
        truth[index, held] = 1 / len(held)
    examples = [marked.example for marked, _ in rows]
    _, prompts = np.unique([asked(example) for example in examples], return_inverse=True) if rows else (None, [])
    datasets = np.array([dataset for _, dataset in rows], dtype=object)
    return Labelled(category, tuple(values), examples, truth, np.asarray(prompts, dtype=int), datasets)


def asked(example: Example) -> str:
    """What tells prompts apart, as splits do: the words of the first user turn."""
    opening = next(message.content for message in example.messages if message.role == "user")
    return " ".join(opening.split()).encode("utf-8", "replace").decode()


def learnable(rows: Labelled, min_prompts: int) -> Labelled:
    """`rows` without the values that fewer than `min_prompts` different prompts have, and without rows left bare."""
    num_prompts = [len(np.unique(rows.prompts[rows.truth[:, column] > 0])) for column in range(len(rows.values))]
    columns = np.flatnonzero(np.array(num_prompts) >= min_prompts)
    truth = rows.truth[:, columns]
    kept = np.flatnonzero(truth.sum(axis=1) > 0)
    truth = truth[kept]
    return Labelled(
        rows.category,
        tuple(rows.values[column] for column in columns),
        [rows.examples[int(index)] for index in kept],
        truth / truth.sum(axis=1, keepdims=True),
        rows.prompts[kept],
        rows.datasets[kept],
        tuple(value for column, value in enumerate(rows.values) if column not in columns),
    )
