"""BLEU, chrF++ and XCOMET of many segments, and what changes between two sets of answers to the same texts.

B counts resamples.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from treasure.analysis.config import Resampling
from treasure.analysis.scores.clusters import document_of
from treasure.analysis.scores.figure import Figure
from treasure.analysis.scores.groups import by_group
from treasure.analysis.statistics import DEFAULT, Resamples, ratios, resamples
from treasure.evaluation.metrics.translation import bleu_of, chrf_of
from treasure.evaluation.record import EvaluationRecord
from treasure.intervals import Interval, percentile_interval

BLEU, CHRF, XCOMET = "bleu", "chrf", "xcomet"
DIFFERENCE = "_difference"
_Key = tuple[str, int, int]


def _mean_of(sums: np.ndarray) -> np.ndarray:
    """The mean of (…, 2), a sum and a count; 0 where nothing was counted."""
    return ratios(sums[..., 0], sums[..., 1], empty=0.0)


_SCORES: dict[str, Callable[[np.ndarray], np.ndarray]] = {BLEU: bleu_of, CHRF: chrf_of, XCOMET: _mean_of}
_UNITS = {BLEU: "points of 100", CHRF: "points of 100", XCOMET: "0 to 1"}


def translation_figures(records: Iterable[EvaluationRecord], *, how: Resampling = DEFAULT) -> list[Figure]:
    """Each metric by regime: of each pair, of each domain of a pair, and the mean over pairs; also over those into
    languages of the head and of the tail, where these are known (`lang group`).

    Segments of a document hang together, and pairs share their sources, so intervals draw whole documents again for all
    pairs at once, and seeds as a second level. `interval.n` counts segments.
    """
    by_regime: dict[str, list[EvaluationRecord]] = {}
    for record in records:
        by_regime.setdefault(record.regime.value, []).append(record)
    figures: list[Figure] = []
    for regime, group in by_regime.items():
        for metric in _SCORES:
            for slices, chosen in _views(group):
                found = [record for record in chosen if _has(record, metric)]
                if found:
                    failed = len(chosen) - len(found)
                    figures.append(_figure(metric, regime, slices, _interval(metric, found, how), failed))
    return figures


def compare_translations(
    before: Sequence[EvaluationRecord], after: Sequence[EvaluationRecord], *, how: Resampling = DEFAULT
) -> list[Figure]:
    """What `after` has more than `before`, such as another model or regime, on the segments that both scored.

    Paired: each resample draws the same documents for both, so that hard texts cancel out. `num_failed` counts the
    segments that only one of them scored.

    Source: Koehn, 'Statistical significance tests for machine translation evaluation', EMNLP 2004; here documents are
    drawn, not segments.
    """
    figures: list[Figure] = []
    regime = "/".join(dict.fromkeys(record.regime.value for record in (*after, *before)))
    for metric in _SCORES:
        first, second = ({_key(r): r for r in records if _has(r, metric)} for records in (before, after))
        for slices, chosen in _views([*{**second, **first}.values()]):
            keys = [key for record in chosen if (key := _key(record)) in first and key in second]
            if keys:
                interval = _interval(metric, [second[key] for key in keys], how, [first[key] for key in keys])
                figures.append(_figure(metric + DIFFERENCE, regime, slices, interval, len(chosen) - len(keys)))
    return figures


def _figure(metric: str, regime: str, slices: Mapping[str, str], interval: Interval, num_failed: int) -> Figure:
    unit = _UNITS[metric.removesuffix(DIFFERENCE)]
    return Figure(metric=metric, regime=regime, interval=interval, slices=slices, num_failed=num_failed, unit=unit)


def _key(record: EvaluationRecord) -> _Key:
    return record.prompt_id, record.seed, record.sample


def _has(record: EvaluationRecord, metric: str) -> bool:
    return metric in record.scores


def _views(records: Sequence[EvaluationRecord]) -> Iterator[tuple[dict[str, str], list[EvaluationRecord]]]:
    """(slices, records): all, head and tail of the languages translated into, each pair, each domain of a pair."""
    found: dict[tuple[tuple[str, str], ...], list[EvaluationRecord]] = {}
    for record in records:
        pair, domain = ("pair", record.slices["pair"]), ("domain", record.slices["domain"])
        for view in ((), (pair,), (pair, domain)):
            found.setdefault(view, []).append(record)
    for view in sorted(found):
        yield dict(view), found[view]
    for slices, members in by_group(records, "lang"):
        yield dict(slices), members


def _interval(
    metric: str,
    records: Sequence[EvaluationRecord],
    how: Resampling,
    other: Sequence[EvaluationRecord] | None = None,
) -> Interval:
    """The mean over pairs of the score of `records`, less that of the `other` answers to the same texts."""
    documents = [document_of(record) for record in records]
    drawn = resamples(
        np.array(["/".join(document) for document in documents]),
        np.array([record.seed for record in records]),
        how=how,
        strata=np.array([language for language, _ in documents]),
    )
    pairs = np.array([record.slices["pair"] for record in records])
    number, draws = _mean_over_pairs(metric, records, pairs, drawn)
    if other is not None:
        less, drawn_less = _mean_over_pairs(metric, other, pairs, drawn)
        number, draws = number - less, draws - drawn_less
    return percentile_interval(number, draws, drawn.num_clusters, len(records))


def _mean_over_pairs(
    metric: str, records: Sequence[EvaluationRecord], pairs: np.ndarray, drawn: Resamples
) -> tuple[float, np.ndarray]:
    """(score, (B,) scores of the resamples)."""
    columns, score = np.stack([_own(record, metric) for record in records]), _SCORES[metric]
    inside = [(pairs == pair)[:, None] * columns for pair in np.unique(pairs)]
    whole = [float(score(own.sum(axis=0))) for own in inside]
    return float(np.mean(whole)), np.mean([score(drawn.sums(own)) for own in inside], axis=0)


def _own(record: EvaluationRecord, metric: str) -> np.ndarray:
    return np.array([record.scores[XCOMET], 1.0] if metric == XCOMET else record.details[metric], dtype=float)
