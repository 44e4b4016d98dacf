"""LPR and WPR: shares of answers in the right language, per language and averaged as the reference averages.

Letters: B resamples, C clusters (a row of a subset, which all languages share), K cells (a language of a subset).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from treasure.analysis.scores.figure import Figure
from treasure.analysis.scores.groups import HEAD, TAIL
from treasure.evaluation.metrics.language_confusion import (
    LINE_ACCURACY,
    LINE_PASS,
    LINE_PASS_STRICT,
    WORD_LANGUAGES,
    WORD_PASS,
    WORD_PASS_STRICT,
)
from treasure.evaluation.record import EvaluationRecord
from treasure.intervals import NUM_RESAMPLES, Interval, percentile_interval, wilson_interval
from treasure.seeding import key_to_int

METRICS = {
    "lpr": LINE_PASS,
    "wpr": WORD_PASS,
    "line_accuracy": LINE_ACCURACY,
    "lpr_strict": LINE_PASS_STRICT,
    "wpr_strict": WORD_PASS_STRICT,
}
"""Figure -> score. `wpr` is a share of the answers whose lines pass, `wpr_strict` of all."""


@dataclass(frozen=True, slots=True)
class _Table:
    """Sums of scores and counts of scored answers, both (C, K). `subsets` (C,) gives each cluster's subset."""

    cells: tuple[tuple[str, str], ...]
    subsets: np.ndarray
    sums: np.ndarray
    counts: np.ndarray
    prompts: np.ndarray
    without: np.ndarray
    groups: Mapping[str, str]
    """Language -> head or tail, as far as it is known."""


def language_figures(records: Iterable[EvaluationRecord]) -> list[Figure]:
    """All metrics of all regimes and tasks: each language of a subset, each language, each subset, and the task.

    A language counts as the mean of its subsets; a task, a subset, and head and tail of a task where these are known
    (`lang group`) as the mean of their languages. As in the reference, a
    language of a subset in which no answer could be judged counts as 1 in `lpr` and `wpr`; `num_failed` says how many
    answers have no score. Intervals draw rows of a subset again, with the answers of all languages and seeds to them.
    """
    by_place: dict[tuple[str, str], list[EvaluationRecord]] = {}
    for record in records:
        by_place.setdefault((record.regime.value, record.slices["task"]), []).append(record)
    figures: list[Figure] = []
    for (regime, task), group in by_place.items():
        for metric, score in METRICS.items():
            chosen = group if score not in (WORD_PASS, WORD_PASS_STRICT) else [*filter(_has_words, group)]
            if chosen:
                figures += _figures(regime, task, metric, _table(chosen, score))
    return figures


def _has_words(record: EvaluationRecord) -> bool:
    return record.slices["lang"] in WORD_LANGUAGES


def _table(records: Sequence[EvaluationRecord], score: str) -> _Table:
    cells = sorted({(record.slices["lang"], record.slices["subset"]) for record in records})
    clusters = sorted({(record.slices["subset"], record.slices["row"]) for record in records})
    cell_at, cluster_at = ({key: at for at, key in enumerate(keys)} for keys in (cells, clusters))
    shape = (len(clusters), len(cells))
    sums, counts, without = np.zeros(shape), np.zeros(shape), np.zeros(len(cells), dtype=int)
    for record in records:
        slices = record.slices
        at = cluster_at[slices["subset"], slices["row"]], cell_at[slices["lang"], slices["subset"]]
        if score in record.scores:
            sums[at] += record.scores[score]
            counts[at] += 1
        else:
            without[at[1]] += 1
    subsets = np.array([subset for subset, _ in clusters])
    groups = {record.slices["lang"]: record.groups["lang"] for record in records if "lang" in record.groups}
    return _Table(tuple(cells), subsets, sums, counts, (counts > 0).sum(axis=0), without, groups)


def _figures(regime: str, task: str, metric: str, table: _Table) -> Iterator[Figure]:
    rates = _rates(table.sums.sum(axis=0), table.counts.sum(axis=0))
    draws = _draws(table)
    for slices, weights in _views(table.cells, table.groups):
        inside = weights > 0
        counts = table.counts[:, inside].sum(axis=1)
        is_plain = inside.sum() == 1 and len(set(counts[counts > 0])) == 1
        found = _interval(
            float(rates @ weights),
            draws @ weights,
            int((counts > 0).sum()),
            int(table.prompts[inside].sum()),
            is_plain=is_plain,
        )
        yield Figure(
            metric=metric,
            regime=regime,
            interval=found,
            slices={"task": task, **slices},
            num_failed=int(table.without[inside].sum()),
        )


def _rates(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Shares by cell; 1 where nothing was judged, as the reference has it."""
    return np.divide(sums, counts, out=np.ones_like(sums), where=counts > 0)


def _draws(table: _Table) -> np.ndarray:
    """(B, K) rates by cell, each subset's clusters drawn again among themselves."""
    generator = np.random.default_rng(key_to_int("language figures", len(table.subsets)))
    weights = np.zeros((NUM_RESAMPLES, len(table.subsets)))
    for subset in np.unique(table.subsets):
        at = np.flatnonzero(table.subsets == subset)
        weights[:, at] = generator.multinomial(len(at), np.full(len(at), 1 / len(at)), size=NUM_RESAMPLES)
    return _rates(weights @ table.sums, weights @ table.counts)


def _views(cells: Sequence[tuple[str, str]], groups: Mapping[str, str]) -> Iterator[tuple[dict[str, str], np.ndarray]]:
    """(slices, weights (K,) that add up to 1): the task, head and tail if it has both, each language, subset, cell."""
    languages, subsets = (sorted(set(names)) for names in zip(*cells, strict=True))
    by_language = {language: np.array([float(found == language) for found, _ in cells]) for language in languages}
    by_language = {language: weights / weights.sum() for language, weights in by_language.items()}
    yield {}, np.mean([*by_language.values()], axis=0)
    if {HEAD, TAIL} <= set(groups.values()):
        for group in (HEAD, TAIL):
            members = [weights for language, weights in by_language.items() if groups.get(language) == group]
            yield {"lang group": group}, np.mean(members, axis=0)
    for language, weights in by_language.items():
        yield {"lang": language}, weights
    for subset in subsets:
        inside = np.array([float(found == subset) for _, found in cells])
        yield {"subset": subset}, inside / inside.sum()
    for at, (language, subset) in enumerate(cells):
        yield {"lang": language, "subset": subset}, np.eye(len(cells))[at]


def _interval(estimate: float, draws: np.ndarray, num_clusters: int, n: int, *, is_plain: bool) -> Interval:
    """Wilson's over clusters where `is_plain` (one language of a subset, as many answers to each row), which holds near
    0 and 1 too, and where all answers fared alike, of which no draw can tell; else by drawing again.
    """
    if n == 0:
        return Interval(estimate, float("nan"), float("nan"), 0)
    if is_plain or (np.ptp(draws) == 0 and estimate in (0.0, 1.0)):
        found = wilson_interval(min(estimate, 1.0) * num_clusters, num_clusters)
        return Interval(estimate, found.low, found.high, n)
    return percentile_interval(estimate, draws, num_clusters, n)
