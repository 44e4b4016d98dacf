"""How often headers are right, by category, head and tail: the model beside the majority and the nearest neighbours.

Letters: N answers, V values of a category, B resamples.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from treasure.analysis.config import Resampling
from treasure.analysis.lever_studies.reliability import Scored, error_interval
from treasure.analysis.scores.figure import Figure
from treasure.analysis.statistics import DEFAULT, SHARE, mean, paired_lift, rate, ratios, resamples
from treasure.evaluation.metrics.marker_prediction import ERROR, MISSING, RIGHT, values_of
from treasure.evaluation.record import EvaluationRecord
from treasure.intervals import Interval, percentile_interval

MODEL, MAJORITY, NEIGHBOURS = "model", "majority", "neighbours"
ALL, HEAD, TAIL = "all", "head", "tail"
Beliefs = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Prompt -> category -> value -> probability."""


@dataclass(frozen=True, slots=True)
class _Guess:
    """One guess at one category: its scores, what it says, and how sure it is of the first value (None: not known)."""

    prompt: str
    seed: int
    right: float
    missing: bool
    error: float | None
    said: tuple[str, ...]
    true: tuple[str, ...]
    confidence: float | None
    confident_of: str


def marker_figures(
    records: Sequence[EvaluationRecord], beliefs: Beliefs | None = None, *, how: Resampling = DEFAULT
) -> list[Figure]:
    """For each regime, category and guesser ('model', 'majority', 'neighbours'), over all prompts, head and tail.

    `accuracy` counts headers that hold just the true values; one that lacks the category is wrong, and counted in
    `num_failed`; `accuracy_said` leaves those out. `macro_f1` is the mean over values of F1, of those that are true or
    said somewhere; in head and tail of those that are true there. `error` is the mean distance, in ranks or in the
    number's unit, of headers that say something. `ece` is the calibration error of the first value: the model's by
    `beliefs`, if given. `over_majority` and `over_neighbours` are the model's accuracy less theirs, paired by prompt.
    """
    figures: list[Figure] = []
    for regime in dict.fromkeys(record.regime.value for record in records):
        chosen = [record for record in records if record.regime.value == regime]
        for category in dict.fromkeys(name for record in chosen for name in record.reference["truth"]):
            asked = [record for record in chosen if category in record.reference["truth"]]
            for group in (ALL, HEAD, TAIL):
                inside = [r for r in asked if group in (ALL, r.reference["groups"].get(category))]
                if inside:
                    figures += _category(regime, category, group, inside, beliefs, how)
    return figures


def _category(
    regime: str,
    category: str,
    group: str,
    records: Sequence[EvaluationRecord],
    beliefs: Beliefs | None,
    how: Resampling,
) -> Iterator[Figure]:
    guesses = {
        MODEL: [_model(record, category, beliefs) for record in records],
        MAJORITY: [_baseline(record, category, MAJORITY) for record in records],
        NEIGHBOURS: [_baseline(record, category, NEIGHBOURS) for record in records],
    }
    for name, own in guesses.items():
        slices = {"category": category, "group": group, "by": name}
        missing = sum(guess.missing for guess in own)
        yield _figure("accuracy", regime, slices, _accuracy(own, how), missing, counts_failed=True)
        if said := [guess for guess in own if not guess.missing]:
            yield _figure("accuracy_said", regime, slices, _accuracy(said, how), missing)
        yield _figure("macro_f1", regime, slices, _macro_f1(own, group, how), missing, counts_failed=True)
        if errors := [guess for guess in own if guess.error is not None]:
            yield _figure(
                "error", regime, slices, _error(errors, how), len(own) - len(errors), unit="ranks or own unit"
            )
        if sure := [guess for guess in own if guess.confidence is not None]:
            yield _figure("ece", regime, slices, _calibration(sure, how), len(own) - len(sure))
    for name in (MAJORITY, NEIGHBOURS):
        slices = {"category": category, "group": group, "by": MODEL}
        yield _figure(f"over_{name}", regime, slices, _lift(guesses[name], guesses[MODEL], how), 0)


def _figure(
    metric: str,
    regime: str,
    slices: Mapping[str, str],
    interval: Interval,
    num_failed: int,
    *,
    counts_failed: bool = False,
    unit: str = "rate",
) -> Figure:
    return Figure(
        metric=metric,
        regime=regime,
        interval=interval,
        slices=slices,
        num_failed=num_failed,
        counts_failed=counts_failed,
        unit=unit,
    )


def _model(record: EvaluationRecord, category: str, beliefs: Beliefs | None) -> _Guess:
    belief = (beliefs or {}).get(record.prompt_id, {}).get(category, {})
    best = max(belief, key=lambda value: belief[value]) if belief else ""
    return _guess(record, category, record.scores, record.predicted, belief.get(best), best)


def _baseline(record: EvaluationRecord, category: str, name: str) -> _Guess:
    guess = record.reference["guesses"][name]
    said = values_of(guess["values"].get(category))
    first = str(said[0]) if said else ""
    return _guess(record, category, record.details[name], guess["values"], guess["confidence"].get(category), first)


def _guess(
    record: EvaluationRecord,
    category: str,
    scores: Mapping[str, float],
    values: Mapping[str, object],
    confidence: float | None,
    confident_of: str,
) -> _Guess:
    return _Guess(
        prompt=record.prompt_id,
        seed=record.seed,
        right=scores[f"{RIGHT}/{category}"],
        missing=bool(scores[f"{MISSING}/{category}"]),
        error=scores.get(f"{ERROR}/{category}"),
        said=tuple(map(str, values_of(values.get(category)))),
        true=tuple(map(str, values_of(record.reference["truth"][category]))),
        confidence=confidence,
        confident_of=confident_of,
    )


def _drawn_by(guesses: Sequence[_Guess]) -> tuple[np.ndarray, np.ndarray]:
    """(prompts, seeds), each (N,)."""
    return np.array([guess.prompt for guess in guesses]), np.array([guess.seed for guess in guesses])


def _accuracy(guesses: Sequence[_Guess], how: Resampling) -> Interval:
    return rate(np.array([guess.right for guess in guesses], dtype=float), *_drawn_by(guesses), how=how)


def _macro_f1(guesses: Sequence[_Guess], group: str, how: Resampling) -> Interval:
    """The mean over values of 2 right / (true + said), of those that are drawn."""
    values = {value for guess in guesses for value in (guess.true if group != ALL else guess.true + guess.said)}
    places = {value: at for at, value in enumerate(sorted(values))}
    both, either = np.zeros((len(guesses), len(places))), np.zeros((len(guesses), len(places)))
    for row, guess in enumerate(guesses):
        for value in set(guess.true) & set(guess.said):
            both[row, places[value]] += 1
        for value in (*set(guess.true), *set(guess.said)):
            if value in places:
                either[row, places[value]] += 1

    def score(right: np.ndarray, there: np.ndarray) -> np.ndarray:
        """(…, V) -> (…,)."""
        return ratios(2 * right, there, empty=0.0).sum(axis=-1) / np.maximum((there > 0).sum(axis=-1), 1)

    drawn = resamples(*_drawn_by(guesses), how=how)
    estimate = float(score(both.sum(axis=0), either.sum(axis=0)))
    draws = score(drawn.sums(both), drawn.sums(either))
    return percentile_interval(estimate, draws, drawn.num_clusters, drawn.num_clusters, SHARE)


def _error(guesses: Sequence[_Guess], how: Resampling) -> Interval:
    return mean(np.array([guess.error for guess in guesses], dtype=float), *_drawn_by(guesses), how=how)


def _calibration(guesses: Sequence[_Guess], how: Resampling) -> Interval:
    """Of several true values the guess is right with any: a belief is about the value that is written first."""
    unused = np.zeros(len(guesses))
    prompts, seeds = _drawn_by(guesses)
    found = Scored(
        confidence=np.array([guess.confidence for guess in guesses], dtype=float),
        right=np.array([guess.confident_of in guess.true for guess in guesses], dtype=bool),
        nll=unused,
        brier=unused,
        entropy=unused,
        clusters=prompts,
    )
    return error_interval(found, seeds, how=how)


def _lift(less: Sequence[_Guess], more: Sequence[_Guess], how: Resampling) -> Interval:
    before, after = (np.array([guess.right for guess in own], dtype=float) for own in (less, more))
    return paired_lift(before, after, *_drawn_by(more), how=how)
