"""Study `posteriors`: how right a model's probabilities of values are, before and after a temperature a category."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from treasure.analysis.lever_studies.contents import LeverStudy, StudyFigure, StudyTable
from treasure.analysis.lever_studies.posteriors_figure import draw_distances, draw_reliability
from treasure.analysis.lever_studies.reliability import (
    Belief,
    Scored,
    calibration_error,
    chance_error,
    divergence,
    error_interval,
    scored,
    variation,
)
from treasure.analysis.statistics import paired_lift
from treasure.analysis.wording import MINUS, count
from treasure.evaluation.studies.posteriors import MARGINAL, TAUGHT
from treasure.evaluation.studies.study import Row
from treasure.inference.posterior_calibration import tempered
from treasure.intervals import Interval

_OTHER = "(other numbers)"
_APPLIES = 0.05
"""Prompts on which the category is written with less than this true probability say nothing of its values."""

_WORTH = 0.001
"""Changes of KL in nats that are smaller are not told, however sure."""


def summarize(rows: list[Row]) -> LeverStudy:
    """Sentences, tables and figures of the study; the world's rows also say how far the truth is."""
    taught = _by_category([row for row in rows if row["kind"] == TAUGHT])
    marginal = _by_category([row for row in rows if row["kind"] == MARGINAL])
    found = {name: both for name, own in taught.items() if (both := _scores(own)) is not None}
    temperatures = {name: taught[name][0]["temperature"] for name in found}
    distances = {name: one for name, own in marginal.items() if (one := _distance(own)) is not None}
    tables = [_taught_table(found, temperatures, taught), _written_table(taught)]
    figures = [_reliability_figure(found)] if found else []
    if distances:
        tables.append(_world_table(distances))
        figures.append(_distance_figure(distances))
    sentences = [*_taught_sentences(found, temperatures), *_written_sentences(taught), *_world_sentences(distances)]
    return LeverStudy(
        "posteriors",
        "Do the probabilities of markers mean what they say?",
        tuple(sentences) or ("No held-out example has a known marker, so nothing could be measured.",),
        tuple(tables),
        tuple(figures),
    )


@dataclass(frozen=True)
class _Distance:
    """One category of the world: marginals against the true ones, on prompts where its values can be written."""

    before: Interval
    after: Interval
    change: Interval
    variation: Interval
    written: Interval
    model: Scored
    warm: Scored
    truth: Scored
    num_headers: int


def _by_category(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["category"], []).append(row)
    return found


def _belief(row: Row, key: str = "values") -> dict[str, float]:
    """Value -> probability given that one is written; numbers too improbable to be told apart are one."""
    shares = {**row[key], **({_OTHER: row["other"]} if row["other"] else {})}
    total = sum(shares.values())
    return {value: p / total for value, p in shares.items()} if total > 0 else {}


def _known(rows: Sequence[Row]) -> list[tuple[Row, str]]:
    """(row, true outcome) where a value is known and the grammar could have written it."""
    found = []
    for row in rows:
        belief = _belief(row) if row["truth"] is not None else {}
        truth = row["truth"] if row["truth"] in belief or _OTHER not in belief else _OTHER
        if belief:
            found.append((row, truth))
    return found


def _scores(rows: Sequence[Row]) -> tuple[Scored, Scored] | None:
    """Taught posteriors (before, after) the temperature; None where no value is known."""
    known = _known(rows)
    if not known:
        return None
    truths, clusters = [truth for _, truth in known], [row["prompt"] for row, _ in known]
    before = [_belief(row) for row, _ in known]
    after = [tempered(belief, row["temperature"] or 1.0) for belief, (row, _) in zip(before, known, strict=True)]
    return scored(before, truths, clusters), scored(after, truths, clusters)


def _distance(rows: Sequence[Row]) -> _Distance | None:
    """Marginals against the true posteriors; None where the category is too rare to say."""
    shown = [row for row in rows if row["true_written"] >= _APPLIES and _belief(row)]
    known = [(row, truth) for row, truth in _known(rows) if row["true"]]
    if not shown or not known:
        return None
    truths = [_shared_out(row["true"]) for row in shown]
    beliefs = [_belief(row) for row in shown]
    warm = [_belief(row, "calibrated") for row in shown]
    prompts = [row["prompt"] for row in shown]
    before, after = (
        np.array([divergence(truth, belief) for truth, belief in zip(truths, own, strict=True)])
        for own in (beliefs, warm)
    )
    gaps = [abs(1 - row["not_written"] - row["true_written"]) for row in rows]
    values, clusters = [truth for _, truth in known], [row["prompt"] for row, _ in known]
    return _Distance(
        before=_mean(before, prompts),
        after=_mean(after, prompts),
        change=paired_lift(before, after, np.asarray(prompts)),
        variation=_mean([variation(t, b) for t, b in zip(truths, beliefs, strict=True)], prompts),
        written=_mean(gaps, [row["prompt"] for row in rows]),
        model=scored([_belief(row) for row, _ in known], values, clusters),
        warm=scored([_belief(row, "calibrated") for row, _ in known], values, clusters),
        truth=scored([_shared_out(row["true"]) for row, _ in known], values, clusters),
        num_headers=rows[0]["num_headers"],
    )


def _shared_out(shares: Belief) -> dict[str, float]:
    total = sum(shares.values())
    return {value: p / total for value, p in shares.items()}


def _mean(values: Sequence[float] | np.ndarray, clusters: Sequence[str] | np.ndarray) -> Interval:
    numbers = np.asarray(values, dtype=float)
    return paired_lift(np.zeros(len(numbers)), numbers, np.asarray(clusters))


def _pooled(parts: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Interval:
    """The mean change (before, after, clusters), every category counting alike; prompts are drawn whole."""
    weights = [sum(len(own[0]) for own in parts) / (len(parts) * len(before)) for before, _, _ in parts]
    before = np.concatenate([weight * own[0] for weight, own in zip(weights, parts, strict=True)])
    after = np.concatenate([weight * own[1] for weight, own in zip(weights, parts, strict=True)])
    return paired_lift(before, after, np.concatenate([own[2] for own in parts]))


def _taught_sentences(found: dict[str, tuple[Scored, Scored]], temperatures: dict[str, float | None]) -> list[str]:
    if not found:
        return []
    before, after, chance = (
        100 * float(np.mean([measure(both) for both in found.values()]))
        for measure in (
            lambda both: calibration_error(both[0].confidence, both[0].right),
            lambda both: calibration_error(both[1].confidence, both[1].right),
            lambda both: chance_error(both[1].confidence),
        )
    )
    sizes = [len(both[0]) for both in found.values()]
    change = _pooled([(first.nll, second.nll, first.clusters) for first, second in found.values()])
    verdict = (
        "fits better"
        if change.high < 0
        else "fits worse"
        if change.low > 0
        else "fits neither better nor worse for sure"
    )
    fitted = {name: t for name, t in temperatures.items() if t is not None}
    sentences = [
        f"With the true earlier markers in the header, a value's probability is off by {before:.1f} points on average "
        f"(expected calibration error, mean of {len(found)} categories with {count(min(sizes))} to {count(max(sizes))} "
        f"examples each) and by {after:.1f} points after one temperature a category; perfect probabilities would show "
        f"{chance:.1f} points with so few examples.",
        f"On examples that the temperatures were not fitted to, the model {verdict} with them: log loss changes by "
        f"{_signed(change, 3)} nats a category.",
    ]
    if fitted:
        unsure = [name for name, t in fitted.items() if t > 1.1]
        sure = [name for name, t in fitted.items() if t < 0.9]
        sentences.append(
            f"Temperatures lie between {min(fitted.values()):.2f} and {max(fitted.values()):.2f}; too sure of itself "
            f"(above 1.1) was the model in {_listed(unsure)}, too unsure (below 0.9) in {_listed(sure)}."
        )
    return sentences


def _written_sentences(rows: dict[str, list[Row]]) -> list[str]:
    """Whether categories are as probable to be written as they are known."""
    gaps = {
        name: paired_lift(
            np.array([row["truth"] is not None for row in own], dtype=float),
            np.array([1 - row["not_written"] for row in own]),
            np.array([row["prompt"] for row in own]),
        )
        for name, own in rows.items()
    }
    if not gaps:
        return []
    name, worst = max(gaps.items(), key=lambda item: abs(item[1].estimate))
    beyond = [name for name, gap in gaps.items() if gap.low > 0 or gap.high < 0]
    told = f"in {_listed(beyond)}" if beyond else "in no category"
    return [
        f"How probable it is that a category is written at all differs from how often it is known beyond chance {told}; "
        f"most in {name}, by {_shown(worst, 1, 100)} points."
    ]


def _world_sentences(found: dict[str, _Distance]) -> list[str]:
    if not found:
        return []
    names = sorted(found, key=lambda name: found[name].before.estimate)
    nearest, farthest = names[0], names[-1]
    errors = [
        100 * float(np.mean([calibration_error(own(one).confidence, own(one).right) for one in found.values()]))
        for own in (lambda one: one.model, lambda one: one.warm, lambda one: one.truth)
    ]
    right = [
        100 * float(np.mean([own(one).right.mean() for one in found.values()]))
        for own in (lambda one: one.model, lambda one: one.truth)
    ]
    better = [name for name, one in found.items() if one.change.high < 0 and one.change.estimate <= -_WORTH]
    worse = [name for name, one in found.items() if one.change.low > 0 and one.change.estimate >= _WORTH]
    headers = next(iter(found.values())).num_headers
    return [
        f"Against the true posterior of the world, marginals over {headers} sampled headers are nearest for {nearest} "
        f"({_shown(found[nearest].before, 3)} nats) and farthest for {farthest} "
        f"({_shown(found[farthest].before, 3)} nats).",
        f"Temperatures, fitted to the conditional ones, bring marginals nearer to the truth for {_listed(better)} and "
        f"farther from it for {_listed(worse)} (by {_WORTH:g} nats or more, beyond chance).",
        f"The most probable value of the marginal is right in {right[0]:.1f} % of examples and that of the true "
        f"posterior in {right[1]:.1f} % (means of {len(found)} categories); their calibration errors are {errors[0]:.1f} "
        f"points, {errors[1]:.1f} with temperatures, and {errors[2]:.1f} for the truth itself, the floor here.",
    ]


def _taught_table(
    found: dict[str, tuple[Scored, Scored]], temperatures: dict[str, float | None], rows: dict[str, list[Row]]
) -> StudyTable:
    lines = []
    for name, (before, after) in found.items():
        temperature = temperatures[name]
        invalid = float(np.mean([row["invalid_mass"] for row in rows[name]]))
        lines.append((
            name, count(len(before)), "none" if temperature is None else f"{temperature:.2f}",
            f"{100 * before.right.mean():.1f} %",
            f"{_shown(_mean(before.nll, before.clusters), 2)}",
            _signed(paired_lift(before.nll, after.nll, before.clusters), 3),
            _shown(error_interval(before), 1, 100), _shown(error_interval(after), 1, 100),
            f"{100 * chance_error(after.confidence):.1f}",
            f"{before.brier.mean():.3f} \N{RIGHTWARDS ARROW} {after.brier.mean():.3f}",
            f"{before.entropy.mean():.2f}", f"{100 * invalid:.2f} %",
        ))  # fmt: skip
    return StudyTable(
        "Probabilities of values, given the true earlier markers and that a value is written",
        ("category", "n", "temperature", "right", "log loss", "change of log loss", "ECE, points", "ECE after",
         "ECE by chance", "Brier", "entropy", "invalid"),
        tuple(lines),
        "n counts examples where the value is known. Log loss and entropy in nats; ECE over bins of equal mass; 'by "
        "chance' is the ECE that perfect probabilities would show with so few examples, and it is taken from the "
        "intervals, which may lie below the estimate. Brier from 0 to 2. 'Invalid' is the probability that the free "
        "model gives to what no valid header goes on with.",
    )  # fmt: skip


def _written_table(rows: dict[str, list[Row]]) -> StudyTable:
    lines = []
    for name, own in rows.items():
        said = [1 - row["not_written"] for row in own]
        prompts = [row["prompt"] for row in own]
        by_state = [
            [p for p, row in zip(said, own, strict=True) if row["state"] == state]
            for state in ("known", "not_applicable", "unknown")
        ]
        lines.append((
            name, count(len(own)), _shown(_mean(said, prompts), 1, 100) + " %",
            f"{100 * len(by_state[0]) / len(own):.1f} %",
            *(f"{100 * float(np.mean(group)):.1f} % (n {count(len(group))})" if group else "none" for group in by_state),
        ))  # fmt: skip
    return StudyTable(
        "How probable it is that a category is written at all, given the true earlier markers",
        ("category", "n", "probability", "share written", "where known", "where it does not apply", "where unknown"),
        tuple(lines),
        "A header leaves out what is unknown and what does not apply alike, so the probability of 'not written' mixes "
        "both. Temperatures leave it as it is.",
    )


def _world_table(found: dict[str, _Distance]) -> StudyTable:
    lines = [
        (
            name, count(one.before.n), _shown(one.before, 3), _signed(one.change, 3), _shown(one.variation, 1, 100),
            _shown(one.written, 1, 100), f"{100 * one.model.right.mean():.1f} %", f"{100 * one.truth.right.mean():.1f} %",
            *(_shown(error_interval(own), 1, 100) for own in (one.model, one.warm, one.truth)),
        )
        for name, one in found.items()
    ]  # fmt: skip
    return StudyTable(
        "Marginals against the true posteriors of the world",
        ("category", "n", "KL, nats", "change by temperature", "total variation, points", "written, points off",
         "right", "right at best", "ECE", "ECE after", "ECE of the truth"),
        tuple(lines),
        "KL and total variation compare the values given that one is written, on prompts where that has a true "
        f"probability of at least {_APPLIES:g}; 'written' compares that probability itself, where the truth includes "
        "how often markers of the corpus are unknown. The last five columns count examples with a known value.",
    )  # fmt: skip


def _reliability_figure(found: dict[str, tuple[Scored, Scored]]) -> StudyFigure:
    return StudyFigure(
        "posteriors_reliability",
        "Reliability of posteriors",
        "Share right against the probability of the most probable value, given the true earlier markers. Each dot "
        "holds equally many examples and has Wilson's 95 % interval; on the dashed line probabilities are true.",
        lambda: draw_reliability(found),
    )


def _distance_figure(found: dict[str, _Distance]) -> StudyFigure:
    return StudyFigure(
        "posteriors_distance",
        "Distance of marginals from the true posteriors",
        "Mean over prompts with its 95 % interval; 0 is the truth.",
        lambda: draw_distances(
            list(found), [one.before for one in found.values()], [one.after for one in found.values()]
        ),
    )


def _shown(one: Interval, decimals: int, scale: float = 1.0) -> str:
    """An estimate with its interval."""
    return f"{scale * one.estimate:.{decimals}f} {_span(one, lambda v: f'{scale * v:.{decimals}f}')}"


def _signed(one: Interval, decimals: int) -> str:
    """A change with its sign and interval."""

    def sign(value: float) -> str:
        return f"{MINUS if round(value, decimals) < 0 else '+'}{abs(value):.{decimals}f}"

    return f"{sign(one.estimate)} {_span(one, sign)}"


def _span(one: Interval, write) -> str:
    return "[too few prompts]" if np.isnan(one.low) else f"[{write(one.low)} to {write(one.high)}]"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) if names else "none"
