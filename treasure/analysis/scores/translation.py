"""BLEU, chrF++ and XCOMET of many segments, and what changes between two sets of answers to the same texts.

B counts resamples.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from treasure.analysis.scores.figure import Figure
from treasure.analysis.scores.groups import by_group
from treasure.evaluation.metrics.translation import bleu_of, chrf_of
from treasure.evaluation.record import EvaluationRecord
from treasure.intervals import NUM_RESAMPLES, Interval, percentile_interval
from treasure.seeding import key_to_int

BLEU, CHRF, XCOMET = "bleu", "chrf", "xcomet"
DIFFERENCE = "_difference"
_Key = tuple[str, int, int]


def _mean_of(sums: np.ndarray) -> np.ndarray:
    """The mean of (…, 2), a sum and a count; 0 where nothing was counted."""
    return np.divide(sums[..., 0], sums[..., 1], out=np.zeros(sums.shape[:-1]), where=sums[..., 1] > 0)


_SCORES: dict[str, Callable[[np.ndarray], np.ndarray]] = {BLEU: bleu_of, CHRF: chrf_of, XCOMET: _mean_of}
_UNITS = {BLEU: "points of 100", CHRF: "points of 100", XCOMET: "0 to 1"}


def translation_figures(records: Iterable[EvaluationRecord]) -> list[Figure]:
    """Each metric by regime: of each pair, of each domain of a pair, and the mean over pairs; also over those into
    languages of the head and of the tail, where these are known (`lang group`).

    Segments of a document hang together, and pairs share their sources, so intervals draw whole documents again for all
    pairs at once. `interval.n` counts segments.
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
                    figures.append(_figure(metric, regime, slices, _interval(metric, found), failed))
    return figures


def compare_translations(before: Sequence[EvaluationRecord], after: Sequence[EvaluationRecord]) -> list[Figure]:
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
                interval = _interval(metric, [second[key] for key in keys], [first[key] for key in keys])
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
    metric: str, records: Sequence[EvaluationRecord], other: Sequence[EvaluationRecord] | None = None
) -> Interval:
    """The mean over pairs of the score of `records`, less that of the `other` answers to the same texts."""
    weights = _weights([_document(record) for record in records])
    numbers, draws = [], []
    for pair in sorted({record.slices["pair"] for record in records}):
        number, drawn = _scores(metric, records, pair, weights)
        if other is not None:
            less, drawn_less = _scores(metric, other, pair, weights)
            number, drawn = number - less, drawn - drawn_less
        numbers.append(number)
        draws.append(drawn)
    estimate = float(np.mean(numbers))
    return percentile_interval(estimate, np.mean(draws, axis=0), len(weights), len(records))


def _scores(
    metric: str, records: Sequence[EvaluationRecord], pair: str, weights: Mapping[tuple[str, str], np.ndarray]
) -> tuple[float, np.ndarray]:
    """(score, (B,) scores of the resamples) of one pair."""
    by_document: dict[tuple[str, str], np.ndarray] = {}
    for record in records:
        if record.slices["pair"] == pair:
            document, own = _document(record), _own(record, metric)
            by_document[document] = by_document[document] + own if document in by_document else own
    sums = np.stack([*by_document.values()])
    drawn = np.stack([weights[document] for document in by_document], axis=-1) @ sums
    score = _SCORES[metric]
    return float(score(sums.sum(axis=0))), score(drawn)


def _document(record: EvaluationRecord) -> tuple[str, str]:
    """Source language and document: pairs of one source language share their documents."""
    return record.slices["pair"].partition("-")[0], record.slices["document"]


def _own(record: EvaluationRecord, metric: str) -> np.ndarray:
    return np.array([record.scores[XCOMET], 1.0] if metric == XCOMET else record.details[metric], dtype=float)


def _weights(documents: Sequence[tuple[str, str]]) -> dict[tuple[str, str], np.ndarray]:
    """How often each document is drawn, (B,); those of a source language among themselves."""
    generator = np.random.default_rng(key_to_int("translation figures"))
    found: dict[tuple[str, str], np.ndarray] = {}
    for language in sorted({source for source, _ in documents}):
        own = sorted({document for document in documents if document[0] == language})
        drawn = generator.multinomial(len(own), np.full(len(own), 1 / len(own)), size=NUM_RESAMPLES)
        found.update(zip(own, drawn.T.astype(float), strict=True))
    return found
