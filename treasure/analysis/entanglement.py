"""What else moves when one lever is turned from one end to the other: is quality just longer?

Letters: P prompts, K columns, B resamples.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from treasure.analysis.lever_answers import LeverAnswer, of_lever
from treasure.analysis.statistics import benjamini_hochberg, resampled_means, sign_flip
from treasure.intervals import Interval, percentile_interval
from treasure.taxonomy.taxonomy import Scalar

LEAST_SHARE = 0.05
"""A name becomes an attribute of its own where at least this share of all answers at either end of a lever has it."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What turning `lever` from `low` to `high` does to `attribute`, paired by prompt.

    `effect` in [-1, 1] is the correlation of the attribute with the end that was asked for: half the mean difference,
    in standard deviations of the answers at both ends. `difference` is that mean difference in the attribute's own
    unit. `p_value` is that of flipped signs, `q_value` what Benjamini and Hochberg leave of it over all cells. Prompts
    of which one end could not be measured are left out and counted in `num_unmeasured`.
    """

    lever: str
    low: Scalar
    high: Scalar
    attribute: str
    effect: Interval
    difference: float
    p_value: float
    q_value: float
    num_unmeasured: int


def entanglement(answers: Sequence[LeverAnswer], ends: Mapping[str, tuple[Scalar, Scalar]]) -> tuple[Cell, ...]:
    """A cell for each lever of `ends` (lever -> low, high) and each attribute; an attribute of names has one a name.

    Attributes come in the order in which answers name them. Several answers to a prompt are averaged first.
    """
    kept = [answer for answer in answers if answer.lever in ends and answer.asked in ends[answer.lever]]
    columns = _columns(kept)
    found = [
        cell
        for lever, (low, high) in ends.items()
        for attribute in columns
        if (cell := _cell(of_lever(kept, lever), (lever, low, high), attribute)) is not None
    ]
    adjusted = benjamini_hochberg(np.array([cell.p_value for cell in found]))
    return tuple(replace(cell, q_value=float(q)) for cell, q in zip(found, adjusted, strict=True))


def _cell(answers: Sequence[LeverAnswer], turned: tuple[str, Scalar, Scalar], attribute: str) -> Cell | None:
    """None where no prompt was measured at both ends."""
    lever, low, high = turned
    at_low, at_high = (_by_prompt([a for a in answers if a.asked == end], attribute) for end in (low, high))
    both = sorted(set(at_low) & set(at_high))
    whole = [prompt for prompt in both if at_low[prompt] is not None and at_high[prompt] is not None]
    if not whole:
        return None
    before, after = (np.array([side[prompt] for prompt in whole], dtype=float) for side in (at_low, at_high))
    return Cell(
        lever, low, high, attribute,
        effect=_effect(before, after),
        difference=float(np.mean(after - before)),
        p_value=sign_flip(after - before, np.arange(len(whole))),
        q_value=float("nan"),
        num_unmeasured=len(both) - len(whole),
    )  # fmt: skip


def _effect(before: np.ndarray, after: np.ndarray) -> Interval:
    """The correlation of values (P,) with their end; its interval draws prompts, and so the deviation moves too."""
    centre = np.mean((before, after))
    before, after = before - centre, after - centre
    moments = np.stack([after - before, before + after, before**2 + after**2], axis=1)
    draws = _correlations(resampled_means(moments))
    estimate = float(_correlations(moments.mean(axis=0, keepdims=True))[0])
    return percentile_interval(estimate, draws, len(before), len(before))


def _correlations(moments: np.ndarray) -> np.ndarray:
    """From means (B, 3) of difference, sum and sum of squares; 0 where nothing varies."""
    variance = moments[:, 2] / 2 - (moments[:, 1] / 2) ** 2
    varies = variance > 1e-12 * np.maximum(1.0, moments[:, 2])
    deviation = np.sqrt(np.where(varies, variance, 1.0))
    return np.where(varies, np.clip(moments[:, 0] / (2 * deviation), -1, 1), 0.0)


def _columns(answers: Sequence[LeverAnswer]) -> tuple[str, ...]:
    """Names of attributes that are numbers, and 'attribute=name' for each name that is not rare at some end."""
    names = dict.fromkeys(name for answer in answers for name in answer.attributes)
    groups: dict[tuple[str, Scalar], list[LeverAnswer]] = {}
    for answer in answers:
        groups.setdefault((answer.lever, answer.asked), []).append(answer)
    found: list[str] = []
    for name in names:
        if not any(isinstance(answer.attributes.get(name), str) for answer in answers):
            found.append(name)
            continue
        common: dict[str, None] = {}
        for own in groups.values():
            counts = Counter(str(a.attributes[name]) for a in own if a.attributes.get(name) is not None)
            common.update((value, None) for value, count in counts.items() if count >= LEAST_SHARE * len(own))
        found += [f"{name}={value}" for value in sorted(common)]
    return tuple(found)


def _by_prompt(answers: Sequence[LeverAnswer], attribute: str) -> dict[str, float | None]:
    """Prompt -> the mean over its answers; None where none of them could be measured."""
    found: dict[str, list[float]] = {answer.prompt_id: [] for answer in answers}
    for answer in answers:
        value = _number(answer.attributes, attribute)
        if value is not None:
            found[answer.prompt_id].append(value)
    return {prompt: float(np.mean(values)) if values else None for prompt, values in found.items()}


def _number(attributes: Mapping[str, float | str | None], column: str) -> float | None:
    """The value of a column of `_columns`; a name is 1 where it is the column's and else 0."""
    if column in attributes:
        value = attributes[column]
        return None if value is None or isinstance(value, str) else float(value)
    name, _, wanted = column.partition("=")
    value = attributes.get(name)
    return None if value is None else float(value == wanted)
