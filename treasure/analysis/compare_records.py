"""One evaluation against another, prompt by prompt: differences by slice with interval, test and q-value.

Letters: N pairs of answers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from treasure.analysis.benchmarks import metric_info
from treasure.analysis.config import Resampling
from treasure.analysis.lifts import HEAD, TAIL
from treasure.analysis.scores.clustered import by_regime, by_slice
from treasure.analysis.scores.clusters import CLUSTER_SLICES, cluster_of
from treasure.analysis.scores.translation import BLEU, CHRF
from treasure.analysis.slice_tests import paired_test
from treasure.analysis.statistics import (
    DEFAULT,
    Pairs,
    benjamini_hochberg,
    difference_in_differences,
    mean,
    paired_lift,
    rate,
)
from treasure.errors import DataError
from treasure.evaluation.record import EvaluationRecord, Regime
from treasure.intervals import Interval

_GROUP = " group"
_OF_CORPORA = {("translation", BLEU), ("translation", CHRF)}
"""Scores of which the mean over answers says little; `compare_translations` compares them."""
_OF_PROMPTS = ("num_instructions",)
"""Scores that the prompt decides, whatever the answer."""
_Key = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """A metric of one regime on one slice (empty: all): its mean here and in `against`, and the paired difference.

    `is_share` says whether all scores lie in [0, 1]. `test` is 'mcnemar' where each cluster passes or fails once on
    either side, else 'sign_flip'. `q_value` is Benjamini's and Hochberg's over the slices of a regime, and NaN for all
    prompts, which are one question. `num_left_out` answers of the slice have no counterpart, or no score on one side.
    """

    benchmark: str
    regime: str
    slices: Mapping[str, str]
    metric: str
    is_share: bool
    own: Interval
    against: Interval
    difference: Interval
    num_seeds: int
    num_left_out: int
    test: str
    p_value: float
    q_value: float = float("nan")


@dataclass(frozen=True, slots=True)
class TailRow:
    """The difference of the tail's prompts minus that of the head's, by one category."""

    benchmark: str
    regime: str
    category: str
    metric: str
    is_share: bool
    difference: Interval
    num_tail_prompts: int
    num_head_prompts: int
    num_seeds: int


@dataclass(frozen=True)
class Compared:
    """All rows, and how many answers of either side have no counterpart."""

    rows: tuple[ComparisonRow, ...]
    tail_rows: tuple[TailRow, ...]
    num_unpaired: int


@dataclass(frozen=True)
class _Side:
    """The paired answers of a benchmark in a regime: `before` has the counterpart of each, by its id in memory."""

    benchmark: str
    regime: str
    kind: str
    after: Sequence[EvaluationRecord]
    before: Mapping[int, EvaluationRecord]

    def pairs(self, records: Sequence[EvaluationRecord], metric: str) -> Pairs | None:
        """Those of `records` that have the metric on both sides; None where none has."""
        both = [(self.before[id(one)], one) for one in records if id(one) in self.before]
        found = [(old, new) for old, new in both if metric in old.scores and metric in new.scores]
        if not found:
            return None
        return Pairs(
            baseline=np.array([old.scores[metric] for old, _ in found], dtype=float),
            marked=np.array([new.scores[metric] for _, new in found], dtype=float),
            clusters=np.array([cluster_of(self.kind, new) for _, new in found]),
            seeds=np.array([new.seed for _, new in found]),
        )


def compare_records(
    own: Sequence[EvaluationRecord],
    against: Sequence[EvaluationRecord],
    *,
    kind: str = "",
    against_regime: Regime | None = None,
    how: Resampling = DEFAULT,
) -> Compared:
    """Compares the records of one benchmark of `kind`; q-values are those of `with_q_values` over its rows alone.

    Answers are paired by prompt, seed and sample. A regime is compared with `against_regime`; if that is None, with the
    only one of `against`, or of several with the same one.

    Raises:
        DataError: an answer is there twice, or no answer has a counterpart.
    """
    rows: list[ComparisonRow] = []
    tail_rows: list[TailRow] = []
    num_pairs, num_unpaired = 0, 0
    for name, after in by_regime(own):
        regime = _counterpart(Regime(name), against, against_regime)
        before = _by_key([record for record in against if record.regime is regime])
        keyed = _by_key(after)
        side = _Side(after[0].benchmark, name, kind, after,
                     {id(record): before[key] for key, record in keyed.items() if key in before})  # fmt: skip
        num_pairs += len(side.before)
        num_unpaired += len(keyed.keys() ^ before.keys())
        rows += _rows(side, how)
        tail_rows += _tail_rows(side, how)
    if not num_pairs:
        raise DataError(_no_pair(own, against))
    return Compared(with_q_values(rows), tuple(tail_rows), num_unpaired)


def with_q_values(rows: Sequence[ComparisonRow]) -> tuple[ComparisonRow, ...]:
    """The rows with the q-values of all slices of each regime."""
    found = list(rows)
    for regime in dict.fromkeys(row.regime for row in rows):
        places = [place for place, row in enumerate(rows) if row.regime == regime and row.slices]
        adjusted = benjamini_hochberg(np.array([rows[place].p_value for place in places]))
        for place, q_value in zip(places, adjusted, strict=True):
            found[place] = replace(rows[place], q_value=float(q_value))
    return tuple(found)


def _counterpart(regime: Regime, against: Sequence[EvaluationRecord], wanted: Regime | None) -> Regime:
    known = {record.regime for record in against}
    return wanted or (next(iter(known)) if len(known) == 1 else regime)


def _by_key(records: Sequence[EvaluationRecord]) -> dict[_Key, EvaluationRecord]:
    found: dict[_Key, EvaluationRecord] = {}
    for record in records:
        key = record.prompt_id, record.seed, record.sample
        if key in found:
            raise DataError(
                f"{record.benchmark}: the prompt '{record.prompt_id}' of seed {record.seed} is there twice. Several "
                "runs are told apart by their seed: give each its own, by treasure-evaluate benchmark seed=1."
            )
        found[key] = record
    return found


def _no_pair(own: Sequence[EvaluationRecord], against: Sequence[EvaluationRecord]) -> str:
    def told(records: Sequence[EvaluationRecord]) -> str:
        seeds, regimes = (sorted({str(getattr(one, name)) for one in records}) for name in ("seed", "regime"))
        return f"seeds {', '.join(seeds)} in {', '.join(regimes)}"

    return (
        f"{own[0].benchmark}: no answer of the one evaluation has a counterpart in the other, of the same prompt "
        f"and seed. 'folder' has {told(own)}, 'against' {told(against)}."
    )


def _slices(side: _Side) -> Iterator[tuple[Mapping[str, str], list[EvaluationRecord]]]:
    for slices, part in by_slice(side.after):
        if not set(slices) & set(CLUSTER_SLICES):
            yield slices, part


def _metrics(side: _Side) -> list[str]:
    names = dict.fromkeys(name for record in side.after for name in record.scores)
    return [name for name in names if (side.kind, name) not in _OF_CORPORA and name not in _OF_PROMPTS]


def _rows(side: _Side, how: Resampling) -> Iterator[ComparisonRow]:
    for slices, part in _slices(side):
        for metric in _metrics(side):
            if (pairs := side.pairs(part, metric)) is not None:
                test, p_value = paired_test(pairs, how)
                yield ComparisonRow(
                    benchmark=side.benchmark,
                    regime=side.regime,
                    slices=dict(slices),
                    metric=metric,
                    is_share=pairs.are_shares and metric_info(metric).is_rate,
                    own=_level(pairs, lambda p: p.marked, how),
                    against=_level(pairs, lambda p: p.baseline, how),
                    difference=paired_lift(pairs.baseline, pairs.marked, pairs.clusters, pairs.seeds, how=how),
                    num_seeds=pairs.num_seeds,
                    num_left_out=len(part) - len(pairs.marked),
                    test=test,
                    p_value=p_value,
                )


def _level(pairs: Pairs, side: Callable[[Pairs], np.ndarray], how: Resampling) -> Interval:
    measure = rate if pairs.are_shares else mean
    return measure(side(pairs), pairs.clusters, pairs.seeds, how=how)


def _tail_rows(side: _Side, how: Resampling) -> Iterator[TailRow]:
    parts = {next(iter(slices.items())): part for slices, part in _slices(side) if slices}
    for category in dict.fromkeys(name.removesuffix(_GROUP) for name, _ in parts if name.endswith(_GROUP)):
        for metric in _metrics(side):
            tail, head = (side.pairs(parts.get((category + _GROUP, kind), []), metric) for kind in (TAIL, HEAD))
            if tail is not None and head is not None:
                yield TailRow(
                    benchmark=side.benchmark,
                    regime=side.regime,
                    category=category,
                    metric=metric,
                    is_share=tail.are_shares and head.are_shares and metric_info(metric).is_rate,
                    difference=difference_in_differences(tail, head, how=how),
                    num_tail_prompts=tail.num_clusters,
                    num_head_prompts=head.num_clusters,
                    num_seeds=len(np.union1d(tail.seeds, head.seeds)),
                )
