"""Whether answers obey and rise with a lever, and what else moves: the rows of the study `entanglement` in words."""

import math
from collections.abc import Mapping, Sequence
from functools import partial

from treasure.analysis.entanglement import Cell, entanglement
from treasure.analysis.lever_answers import LeverAnswer
from treasure.analysis.lever_response import Monotonicity, adherence, monotonicity
from treasure.analysis.lever_studies.contents import LeverStudy, StudyFigure, StudyTable
from treasure.analysis.lever_studies.entanglement_figure import draw_matrix
from treasure.analysis.lever_studies.estimates import shown_share
from treasure.analysis.wording import MINUS
from treasure.evaluation.studies.rows import BEST_FORM, CORRECT, Row
from treasure.intervals import MIN_CLUSTERS, Interval
from treasure.plurals import plural
from treasure.taxonomy.taxonomy import LENGTHS, Scalar

NAME = "entanglement"
LENGTH = "length_bucket"
TITLE = "Does a lever move what it names, and what else?"
FALSE_SHARE = 0.05
"""Cells are told as moved where at most this share of the cells so told is false."""
_STANDS_FOR = {"quality_bucket": (BEST_FORM,), "length_bucket": ("length_tokens",)}
"""Lever -> numbers of the text that should rise with it, where it is not such a number itself."""
_NAMES = {**_STANDS_FOR, "length_tokens": ("length_bucket",)}
"""Lever -> attributes that it names beside its own."""
_MOST_TOLD = 4


def summarize(rows: Sequence[Row]) -> LeverStudy:
    """Sentences, tables and the figure of the study."""
    answers = [LeverAnswer(row["prompt_id"], row["lever"], row["asked"], row["attributes"]) for row in rows]
    orders = _orders(rows)
    rising = [
        monotonicity(answers, lever, attribute, order)
        for lever, order in orders.items()
        for attribute in _responses(rows, lever)
    ]
    cells = entanglement(answers, {lever: (order[0], order[-1]) for lever, order in orders.items()})
    num_prompts, cut = len({row["prompt_id"] for row in rows}), sum(not row["finished"] for row in rows)
    sentences = [
        f"{plural(len(rows), 'answer')} to {plural(num_prompts, 'prompt')}, one lever set at a time; "
        f"{cut} of them not finished. What is measured is the text, never the model's own header.",
        *_longer(cells),
        *map(_rises, rising),
        *(_moves([cell for cell in cells if cell.lever == lever]) for lever in orders),
    ]
    tables = (_adherence_table(rows, answers, orders), _rising_table(rising), _matrix_table(cells))
    figure = StudyFigure(NAME, "What a lever moves", _CAPTION, partial(draw_matrix, cells, FALSE_SHARE))
    return LeverStudy(NAME, TITLE, tuple(sentences), tuple(t for t in tables if t.rows), (figure,) if cells else ())


def _orders(rows: Sequence[Row]) -> dict[str, list[Scalar]]:
    """Lever -> the values asked for, in their order."""
    found: dict[str, dict[int, Scalar]] = {}
    for row in rows:
        found.setdefault(row["lever"], {})[row["place"]] = row["asked"]
    return {lever: [values[place] for place in sorted(values)] for lever, values in found.items()}


def _responses(rows: Sequence[Row], lever: str) -> tuple[str, ...]:
    """The measured numbers that should rise with a lever whose values have an order."""
    own = [row for row in rows if row["lever"] == lever]
    if not own[0]["is_ordered"]:
        return ()
    named = (lever,) if lever in LENGTHS else _STANDS_FOR.get(lever, ())
    return tuple(name for name in named if any(name in row["attributes"] for row in own))


def _rises(found: Monotonicity) -> str:
    if found.pairs is None:
        return f"{found.lever}: {found.attribute} could be measured in no pair of answers to a prompt."
    share = found.pairs.rate
    verdict = "more than chance" if share.low > 0.5 else "the wrong way" if share.high < 0.5 else "not told from chance"
    return (
        f"{found.lever}: of two answers to a prompt, the one asked for more has more {found.attribute} in "
        f"{shown_share(share)} of pairs, ties as a half ({100 * found.pairs.ties.estimate:.0f} % are ties): {verdict} "
        f"({plural(found.pairs.num_games, 'pair')}, {plural(share.n, 'prompt')})."
    )


def _moves(cells: Sequence[Cell]) -> str:
    """What one lever moves, its own attribute and others, strongest first."""
    lever, ends = cells[0].lever, f"{cells[0].low} to {cells[0].high}"
    moved = sorted((cell for cell in cells if cell.q_value <= FALSE_SHARE), key=lambda cell: -abs(cell.effect.estimate))
    named = (lever, *_NAMES.get(lever, ()))
    others = [cell for cell in moved if cell.attribute.partition("=")[0] not in named]
    if not others:
        own = "what it names alone" if moved else "nothing that is measured"
        return f"{lever} from {ends} moves {own}, of {plural(len(cells), 'attribute')} (q at most {FALSE_SHARE:g})."
    told = "; ".join(_told(cell) for cell in others[:_MOST_TOLD])
    more = f" and {len(others) - _MOST_TOLD} more" if len(others) > _MOST_TOLD else ""
    return f"{lever} from {ends} moves, beside what it names, {told}{more} (q at most {FALSE_SHARE:g})."


def _longer(cells: Sequence[Cell]) -> list[str]:
    """The answer to 'is quality just longer?', beside what a lever of length does to the same attributes."""
    quality, length = ({c.attribute: c for c in cells if c.lever == name} for name in ("quality_bucket", LENGTH))
    longer = quality.get("length_tokens")
    if longer is None:
        return []
    verdict = "longer" if longer.q_value <= FALSE_SHARE and longer.difference > 0 else "not shown to be longer"
    told = [f"Is quality just longer? Bucket {longer.high} is {verdict} than {longer.low}: {_told(longer)}"]
    told += [_told(quality[name]) for name in (BEST_FORM, CORRECT) if name in quality]
    text = ", ".join(told)
    if "length_tokens" in length:
        turned = length["length_tokens"]
        beside = [_told(length[name]) for name in ("length_tokens", BEST_FORM, CORRECT) if name in length]
        text += f". {LENGTH} turned instead from {turned.low} to {turned.high} gives {', '.join(beside)}"
    return [text + f" (effects; n = {plural(longer.effect.n, 'prompt')})."]


def _told(cell: Cell) -> str:
    return f"{cell.attribute} {_effect(cell.effect)}"


def _adherence_table(
    rows: Sequence[Row], answers: Sequence[LeverAnswer], orders: Mapping[str, Sequence[Scalar]]
) -> StudyTable:
    found: list[tuple[str, ...]] = []
    for lever, order in orders.items():
        if any(lever in row["attributes"] for row in rows):
            for one in adherence(answers, lever, order):
                counts = str(one.num_answers), str(one.share.n), str(one.num_unmeasured)
                found.append((lever, str(one.asked), shown_share(one.share), *counts))
    columns = ("lever", "asked for", "has it", "answers", "prompts", "cannot be told")
    return StudyTable(
        "Adherence, by measuring the text", columns, tuple(found), "What cannot be told counts as not had."
    )


def _rising_table(found: Sequence[Monotonicity]) -> StudyTable:
    lines = [
        (
            one.lever,
            one.attribute,
            shown_share(one.pairs.rate),
            f"{100 * one.pairs.ties.estimate:.0f} %",
            str(one.pairs.num_games),
            str(one.pairs.rate.n),
            str(one.num_unmeasured),
        )
        for one in found
        if one.pairs is not None
    ]
    columns = ("lever", "should rise", "pairs in order", "ties", "pairs", "prompts", "pairs left out")
    note = "Ties count half, so 50 % is no response."
    return StudyTable("Does it rise with the lever?", columns, tuple(lines), note)


def _matrix_table(cells: Sequence[Cell]) -> StudyTable:
    lines = [
        (
            f"{cell.lever}: {cell.low} to {cell.high}",
            cell.attribute,
            _effect(cell.effect),
            _signed(cell.difference, 2),
            f"{cell.p_value:.2g}",
            f"{cell.q_value:.2g}",
            str(cell.effect.n),
            str(cell.num_unmeasured),
        )
        for cell in cells
    ]
    columns = ("lever", "attribute", "effect", "difference", "p", "q", "prompts", "left out")
    return StudyTable("One lever turned, everything measured", columns, tuple(lines), _CAPTION)


def _effect(found: Interval) -> str:
    if found.n < MIN_CLUSTERS:
        return f"{_signed(found.estimate, 2)} [too few prompts]"
    if math.isnan(found.low):
        return f"{_signed(found.estimate, 2)} (the same in each draw)"  # which does not make it certain
    return f"{_signed(found.estimate, 2)} [{_signed(found.low, 2)} to {_signed(found.high, 2)}]"


def _signed(value: float, decimals: int) -> str:
    shown = round(value, decimals)
    return f"{MINUS if shown < 0 else '+'}{abs(shown):.{decimals}f}"


_CAPTION = (
    "The effect is the correlation of an attribute with the end of the lever that was asked for, from -1 to 1: half "
    "the mean paired difference in standard deviations. Differences of lengths are in units, of names in shares. "
    "Intervals of 95 % by drawing prompts again, p by flipping the signs of prompts, q after Benjamini and Hochberg "
    "over all cells; framed and told in the text: q at most 5 %."
)
