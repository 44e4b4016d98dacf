"""LPR and WPR: shares of answers in the right language, per language and averaged as the reference averages.

Letters: N answers, B resamples, K cells (a language of a subset).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from treasure.analysis.config import Resampling
from treasure.analysis.scores.clusters import row_of
from treasure.analysis.scores.figure import Figure
from treasure.analysis.scores.groups import HEAD, TAIL
from treasure.analysis.statistics import DEFAULT, SHARE, rate, ratios, resamples
from treasure.evaluation.metrics.language_confusion import (
    LINE_ACCURACY,
    LINE_PASS,
    LINE_PASS_STRICT,
    WORD_LANGUAGES,
    WORD_PASS,
    WORD_PASS_STRICT,
)
from treasure.evaluation.record import EvaluationRecord
from treasure.intervals import Interval, no_interval, percentile_interval

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
    """The answers that have a score: their `values`, `places` among `cells`, `clusters` and `seeds`, each (N,).

    `rates` (K,) and `draws` (B, K) are shares of the cells; `without` (K,) counts answers that have no score.
    """

    cells: tuple[tuple[str, str], ...]
    values: np.ndarray
    places: np.ndarray
    clusters: np.ndarray
    seeds: np.ndarray
    without: np.ndarray
    groups: Mapping[str, str]
    """Language -> head or tail, as far as it is known."""
    rates: np.ndarray
    draws: np.ndarray


def language_figures(records: Iterable[EvaluationRecord], *, how: Resampling = DEFAULT) -> list[Figure]:
    """All metrics of all regimes and tasks: each language of a subset, each language, each subset, and the task.

    A language counts as the mean of its subsets; a task, a subset, and head and tail of a task where these are known
    (`lang group`) as the mean of their languages. As in the reference, a language of a subset in which no answer could
    be judged counts as 1 in `lpr` and `wpr`; `num_failed` says how many answers have no score. Intervals
    draw rows of a subset again, with the answers of all languages to them, and seeds as a second level; those of one
    language of a subset are those of `rate`.
    """
    by_place: dict[tuple[str, str], list[EvaluationRecord]] = {}
    for record in records:
        by_place.setdefault((record.regime.value, record.slices["task"]), []).append(record)
    figures: list[Figure] = []
    for (regime, task), group in by_place.items():
        for metric, score in METRICS.items():
            chosen = group if score not in (WORD_PASS, WORD_PASS_STRICT) else [*filter(_has_words, group)]
            if chosen:
                figures += _figures(regime, task, metric, _table(chosen, score, how), how)
    return figures


def _has_words(record: EvaluationRecord) -> bool:
    return record.slices["lang"] in WORD_LANGUAGES


def _table(records: Sequence[EvaluationRecord], score: str, how: Resampling) -> _Table:
    cells = sorted({(record.slices["lang"], record.slices["subset"]) for record in records})
    cell_at = {cell: at for at, cell in enumerate(cells)}
    places = np.array([cell_at[record.slices["lang"], record.slices["subset"]] for record in records])
    subsets = np.array([record.slices["subset"] for record in records])
    clusters = np.array([row_of(record) for record in records])
    seeds = np.array([record.seed for record in records])
    judged = np.array([score in record.scores for record in records])
    values = np.array([record.scores.get(score, 0.0) for record in records])
    inside = (places[:, None] == np.arange(len(cells))) & judged[:, None]
    sums, counts = inside * values[:, None], inside.astype(float)
    drawn = resamples(clusters, seeds, how=how, strata=subsets)
    return _Table(
        cells=tuple(cells),
        values=values[judged],
        places=places[judged],
        clusters=clusters[judged],
        seeds=seeds[judged],
        without=np.bincount(places[~judged], minlength=len(cells)),
        rates=_rates(sums.sum(axis=0), counts.sum(axis=0)),
        groups={record.slices["lang"]: record.groups["lang"] for record in records if "lang" in record.groups},
        draws=_rates(drawn.sums(sums), drawn.sums(counts)),
    )


def _figures(regime: str, task: str, metric: str, table: _Table, how: Resampling) -> Iterator[Figure]:
    for slices, weights in _views(table.cells, table.groups):
        inside = weights > 0
        yield Figure(
            metric=metric,
            regime=regime,
            interval=_interval(table, weights, how),
            slices={"task": task, **slices},
            num_failed=int(table.without[inside].sum()),
        )


def _rates(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Shares by cell; 1 where nothing was judged, as the reference has it."""
    return ratios(sums, counts, empty=1.0)


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


def _interval(table: _Table, weights: np.ndarray, how: Resampling) -> Interval:
    """Of one cell, and where all answers fare alike, that of `rate`; else that of draws. `n` counts prompts."""
    inside = (weights > 0)[table.places]
    clusters, places = table.clusters[inside], table.places[inside]
    estimate, n = float(table.rates @ weights), len(set(zip(clusters.tolist(), places.tolist(), strict=True)))
    if n == 0:
        return no_interval(estimate, 0)
    values = table.values[inside]
    if (weights > 0).sum() == 1 or (np.ptp(values) == 0 and estimate == values[0]):
        return replace(rate(values, clusters, table.seeds[inside], how=how), n=n)
    return percentile_interval(estimate, table.draws @ weights, len(np.unique(clusters)), n, SHARE)
