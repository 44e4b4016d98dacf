"""`EvaluationRecord`: one answer to one prompt in one regime, with everything the analysis needs."""

from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from treasure.errors import DataError
from treasure.evaluation.fields import check_fields
from treasure.jsonl import read_jsonl, write_jsonl


class Regime(StrEnum):
    """Which markers the model is given.

    BASELINE: a model trained without markers. INFERRED: none given. FIXED: the benchmark's levers stand in the prompt.
    FORCED: they also stand in the header that the model writes. ORACLE: all true markers stand in the prompt. A model
    that has met no prompt header gets the markers of FORCED and ORACLE in its own header alone.
    """

    BASELINE = "baseline"
    INFERRED = "inferred"
    FIXED = "fixed"
    FORCED = "forced"
    ORACLE = "oracle"


@dataclass(frozen=True, kw_only=True)
class EvaluationRecord:
    """One line of `records.jsonl`.

    `scores` holds only the metrics that make sense for this prompt (0/1 for rates, counts in the metric's own unit).
    `slices` says where the prompt belongs (category -> value), `groups` whether that value is 'head' or 'tail' of the
    training mixture. `step` is the optimizer step of the evaluated checkpoint, `sample` the number of the answer among
    those to the same prompt. `reference` is what scoring needs beside the answer, so that a record can be scored again
    without the model; `unscored` says why `scores` is empty, `details` what else was found. `finished` is False where
    the answer was cut at its limit.
    """

    benchmark: str
    prompt_id: str
    regime: Regime
    seed: int
    step: int
    prompt: str
    content: str
    scores: Mapping[str, float]
    slices: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    levers: Mapping[str, Any] = field(default_factory=dict)
    predicted: Mapping[str, Any] = field(default_factory=dict)
    truth: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    sample: int = 0
    reference: Mapping[str, Any] = field(default_factory=dict)
    unscored: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    finished: bool = True


def write_records(path: Path, records: list[EvaluationRecord]) -> None:
    """Writes one JSON object a record; the file is whole or untouched."""
    write_jsonl(path, (asdict(record) for record in records))


def read_records(path: Path) -> list[EvaluationRecord]:
    """Reads what `write_records` wrote.

    Raises:
        DataError: the file is missing, or a line is no such record; with its number.
    """
    return [_record(row, path, line) for line, row in read_jsonl(path)]


def _record(row: Mapping[str, Any], path: Path, line: int) -> EvaluationRecord:
    given = {name: value for name, value in row.items() if name in _KINDS or name == "regime"}
    if unknown := sorted(row.keys() - given.keys()):
        raise DataError(f"A record has no field '{unknown[0]}'. It has: regime, {', '.join(_KINDS)}.", path, line)
    check_fields(row, {name: kind for name, kind in _KINDS.items() if name in row or name in _NEEDED}, path, line)
    if row.get("regime") not in list(Regime):
        raise DataError(f"'regime' is {row.get('regime')!r}. Allowed: {', '.join(Regime)}.", path, line)
    return EvaluationRecord(
        **{**given, "regime": Regime(row["regime"]), "problems": tuple(map(str, row.get("problems", ())))}
    )


_OF_JSON: dict[str, type] = {"str": str, "int": int, "bool": bool}
_FIELDS = [one for one in fields(EvaluationRecord) if one.name != "regime"]
_KINDS: dict[str, type] = {
    one.name: list if one.name == "problems" else _OF_JSON.get(getattr(one.type, "__name__", ""), dict)
    for one in _FIELDS
}
"""Field -> what it is in JSON."""
_NEEDED = frozenset(one.name for one in _FIELDS if one.default is MISSING and one.default_factory is MISSING)
