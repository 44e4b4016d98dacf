"""Where quality buckets begin: quarters of the scores within each language, cut once and kept in a file.

Scores come from a column of the data (people, or a model that someone asked) or from a reward model; they are compared
only with scores of the same scorer.
"""

import json
import math
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from treasure.annotation.quality_config import QualityConfig
from treasure.errors import ConfigError, DataError
from treasure.jsonl import write_json
from treasure.taxonomy.taxonomy import Taxonomy

BUCKET = "quality_bucket"
_FORMAT = 1


@dataclass(frozen=True)
class Group:
    """Scores of one language, or of one task of it (`task` is empty for the language as a whole).

    `edges` fall, one fewer than there are buckets: a score is in the first bucket whose edge it reaches, else in the
    last. `percentiles_95` has the 95th percentile of the scores in each bucket; None for a bucket that none is in.
    """

    language: str
    task: str
    num_scores: int
    edges: tuple[float, ...]
    percentiles_95: tuple[float | None, ...]

    def place(self, score: float) -> int:
        """The bucket, 0 for the best; a score that is exactly on an edge is in the better one."""
        return sum(score < edge for edge in self.edges)


@dataclass(frozen=True)
class QualityEdges:
    """Where buckets begin, by language and task, for the scores of one scorer; `buckets` are best first."""

    scorer: str
    buckets: tuple[str, ...]
    within_task: bool
    groups: Mapping[tuple[str, str], Group] = field(hash=False)

    def bucket(self, score: float, language: str, task: str = "", *, fall_back: bool = True) -> str | None:
        """The bucket of `score`; None where there are no edges for it.

        With `fall_back` a task without edges of its own is cut where its language is.
        """
        group = self.groups.get((language, task if self.within_task else ""))
        if group is None and fall_back:
            group = self.groups.get((language, ""))
        return None if group is None else self.buckets[group.place(score)]

    def quality_95th(self, bucket: str, language: str) -> float | None:
        """The 95th percentile of the scores in `bucket` of `language`, to set as `quality` beside it; None if unknown.

        Source: D'souza et al. 2025, arXiv 2506.14702, Figure 4.

        Raises:
            ConfigError: there is no such bucket.
        """
        if bucket not in self.buckets:
            raise ConfigError(f"There is no quality bucket '{bucket}'. Allowed: {', '.join(self.buckets)}.")
        group = self.groups.get((language, ""))
        return None if group is None else group.percentiles_95[self.buckets.index(bucket)]

    def save(self, path: Path) -> None:
        """Writes the file that `load` reads; it is whole or untouched."""
        groups = [
            {
                "language": group.language,
                "task": group.task,
                "num_scores": group.num_scores,
                "edges": list(group.edges),
                "percentiles_95": list(group.percentiles_95),
            }
            for _, group in sorted(self.groups.items())
        ]
        head = {"format": _FORMAT, "scorer": self.scorer, "buckets": list(self.buckets)}
        write_json(path, {**head, "within_task": self.within_task, "groups": groups})

    @classmethod
    def load(cls, path: Path, scorer: str) -> Self:
        """The edges in `path`.

        Raises:
            DataError: the file is missing or broken, or its edges are of another scorer than `scorer`.
        """
        data = _read(path)
        if data["scorer"] != scorer:
            raise DataError(
                f"These edges cut the scores of '{data['scorer']}', and these scores are of '{scorer}': scores of two "
                "scorers cannot be compared. Fit edges for it in another file.",
                path,
            )
        try:
            groups = [
                Group(
                    str(entry["language"]),
                    str(entry["task"]),
                    int(entry["num_scores"]),
                    tuple(float(edge) for edge in entry["edges"]),
                    tuple(None if score is None else float(score) for score in entry["percentiles_95"]),
                )
                for entry in data["groups"]
            ]
            buckets = tuple(map(str, data["buckets"]))
            if any(len(group.edges) != len(buckets) - 1 for group in groups):
                raise ValueError("a group has too few or too many edges")
            return cls(scorer, buckets, bool(data["within_task"]), {(g.language, g.task): g for g in groups})
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"Not a file of quality edges: {error!r}.", path) from error


class EdgeFitter:
    """Takes scores one at a time and cuts them at exact quantiles; holds eight bytes a score (16 within tasks)."""

    def __init__(self, config: QualityConfig, taxonomy: Taxonomy) -> None:
        """Buckets are those of `quality_bucket` in `taxonomy`, best first.

        Raises:
            ConfigError: the taxonomy has no such category, or fewer than two buckets.
        """
        self._config, self._buckets = config, buckets_of(taxonomy)
        self._scores: dict[tuple[str, str], array[float]] = {}

    def add(self, score: float, language: str, task: str = "") -> None:
        """Takes one finite score; an empty task is none."""
        assert math.isfinite(score), score
        self._scores.setdefault((language, ""), array("d")).append(score)
        if self._config.within_task and task:
            self._scores.setdefault((language, task), array("d")).append(score)

    def edges(self) -> QualityEdges:
        """The edges of all groups with enough scores.

        Raises:
            DataError: no group has enough.
        """
        groups = {
            key: _group(*key, np.asarray(scores), len(self._buckets))
            for key, scores in sorted(self._scores.items())
            if len(scores) >= self._config.min_examples
        }
        if not groups:
            largest = max(map(len, self._scores.values()), default=0)
            raise DataError(
                f"No language has {self._config.min_examples} scores of quality; the most that one has is {largest}. "
                "Give more scores, or lower quality.min_examples."
            )
        return QualityEdges(self._config.scorer, self._buckets, self._config.within_task, groups)


def _group(language: str, task: str, scores: np.ndarray, num_buckets: int) -> Group:
    edges = np.quantile(scores, [1 - index / num_buckets for index in range(1, num_buckets)])
    places = (scores[:, None] < edges).sum(axis=1)
    percentiles = [
        float(np.quantile(scores[places == place], 0.95)) if (places == place).any() else None
        for place in range(num_buckets)
    ]
    return Group(language, task, len(scores), tuple(map(float, edges)), tuple(percentiles))


def buckets_of(taxonomy: Taxonomy) -> tuple[str, ...]:
    """The quality buckets of `taxonomy`, best first.

    Raises:
        ConfigError: it has no such category, or fewer than two buckets.
    """
    buckets = taxonomy.category(BUCKET).value_names if BUCKET in taxonomy else ()
    if len(buckets) < 2:
        raise ConfigError(
            f"Quality buckets need a category '{BUCKET}' with at least two values, best first; the taxonomy "
            f"'{taxonomy.name}' has {', '.join(buckets) or 'none'}."
        )
    return buckets


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError("No such file of quality edges. Fit them first, on the scores of all data.", path) from error
    except (OSError, ValueError) as error:
        raise DataError(f"Not a readable file of quality edges: {error}.", path) from error
    if not isinstance(data, dict) or data.get("format") != _FORMAT or not {"scorer", "buckets", "groups"} <= set(data):
        raise DataError("Not a file of quality edges, or one of another version.", path)
    return data
