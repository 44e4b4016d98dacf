"""Figures as JSON: each number with its interval, and how intervals were made."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from treasure.analysis.config import Resampling
from treasure.analysis.scores.figure import Figure
from treasure.evaluation.record import EvaluationRecord
from treasure.evaluation.run_benchmark import never_came
from treasure.inference.fitting import TOO_LONG
from treasure.intervals import CONFIDENCE
from treasure.jsonl import write_json

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FIGURES = "figures.json"


def write_figures(
    folder: Path,
    name: str,
    kind: str,
    figures: Sequence[Figure],
    how: Resampling,
    records: Sequence[EvaluationRecord] = (),
) -> None:
    """Writes all figures as JSON, and how many answers of each regime are in `records`, empty ones counted apart."""
    answers = {"answers": _answers(records)} if records else {}
    facts = {"benchmark": name, "kind": kind, "intervals": interval_facts(how), **answers}
    write_json(folder / FIGURES, {**facts, "figures": [plain(figure) for figure in figures]})


def interval_facts(how: Resampling) -> dict[str, object]:
    """What a file of figures says of its intervals."""
    return {"confidence": CONFIDENCE, **asdict(how)}


def plain(row: "DataclassInstance") -> dict[str, object]:
    """The fields of a row for JSON, in which what is not a number is null."""
    return _without_nan(asdict(row))


def is_empty(record: EvaluationRecord) -> bool:
    """Whether the model, or a server for it, answered and said nothing."""
    return not record.content.strip() and not never_came(record.problems)


def is_too_long(record: EvaluationRecord) -> bool:
    """Whether the prompt did not fit the model's context, and so was not asked."""
    return any(TOO_LONG in problem for problem in record.problems)


def _answers(records: Sequence[EvaluationRecord]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for record in records:
        counts = found.setdefault(str(record.regime), {"num": 0, "num_empty": 0, "num_too_long": 0})
        counts["num"] += 1
        counts["num_empty"] += is_empty(record)
        counts["num_too_long"] += is_too_long(record)
    return found


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nan(one) for name, one in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value
