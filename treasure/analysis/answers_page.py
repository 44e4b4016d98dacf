"""Writes a page of answers side by side: one HTML file that can be searched and filtered, and needs nothing else."""

import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from treasure.analysis.benchmarks import WIN_RATE, benchmark_info, benchmark_order, metric_info, metric_order
from treasure.analysis.html import render
from treasure.errors import DataError
from treasure.evaluation.record import EvaluationRecord, Regime
from treasure.jsonl import write_text

_REGIMES = list(Regime)
_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
"""What could end the element that holds the data, as JSON writes it otherwise; it stands in strings alone."""

PromptKey = tuple[str, str]
"""Benchmark and id of a prompt."""


@dataclass(frozen=True, slots=True)
class Column:
    """The answers of one model in one regime, by prompt."""

    name: str
    regime: Regime
    answers: Mapping[PromptKey, Sequence[EvaluationRecord]]


def write_answers_page(path: Path, columns: Mapping[str, Sequence[EvaluationRecord]], title: str) -> None:
    """Writes the page of `columns`, which are records by the name of their model, in the order they are to stand in.

    Each regime of a model becomes a column, and each prompt a row, with all seeds and samples of an answer; of several
    steps the last is shown. The file is whole or untouched.

    Raises:
        DataError: there is no record.
    """
    write_text(path, render_answers(columns, title))


def render_answers(columns: Mapping[str, Sequence[EvaluationRecord]], title: str) -> str:
    """The page as HTML. All that prompts, models and files say stands in it as data and never as HTML.

    Raises:
        DataError: there is no record.
    """
    found = [column for name, records in columns.items() for column in _columns(name, records)]
    if not found:
        raise DataError("There are no records, so there is nothing to show.")
    return render("answers.html.j2", title=_whole(title), data=_escaped(_page(found, title)))


def _columns(name: str, records: Sequence[EvaluationRecord]) -> list[Column]:
    """The columns of one model: its regimes, each at its last step."""
    by_regime: dict[Regime, list[EvaluationRecord]] = {}
    for record in records:
        by_regime.setdefault(record.regime, []).append(record)
    return [Column(name, regime, _by_prompt(by_regime[regime])) for regime in sorted(by_regime, key=_REGIMES.index)]


def _by_prompt(records: Iterable[EvaluationRecord]) -> dict[PromptKey, list[EvaluationRecord]]:
    records = list(records)
    last = max(record.step for record in records)
    found: dict[PromptKey, list[EvaluationRecord]] = {}
    for record in sorted(records, key=lambda record: (record.seed, record.sample)):
        if record.step == last:
            found.setdefault((record.benchmark, record.prompt_id), []).append(record)
    return found


def _page(columns: Sequence[Column], title: str) -> dict[str, Any]:
    keys = dict.fromkeys(key for column in columns for key in column.answers)
    ordered = sorted(keys, key=lambda key: benchmark_order(key[0]))  # a benchmark's prompts stay in their order
    metrics: dict[str, set[str]] = {}
    for column in columns:
        for (benchmark, _), records in column.answers.items():
            metrics.setdefault(benchmark, set()).update(name for record in records for name in record.scores)
    names = sorted(set().union(*metrics.values()), key=metric_order)
    return {
        "title": title,
        "columns": [{"name": column.name, "regime": str(column.regime)} for column in columns],
        "metrics": {name: _metric(name) for name in names},
        "benchmarks": {
            name: {"label": benchmark_info(name).label, "primary": _primary(name, metrics[name])}
            for name in sorted(metrics, key=benchmark_order)
        },
        "rows": [_row(key, columns) for key in ordered],
    }


def _metric(name: str) -> dict[str, Any]:
    """How a score is shown; `passes`: 0 and 1 are failed and passed, and no numbers of something."""
    info = metric_info(name)
    label = "wins" if name == WIN_RATE else info.label  # against the opponent of the benchmark, which is no Baseline
    return {"label": label, "sign": info.sign, "passes": info.is_rate}


def _primary(benchmark: str, metrics: Collection[str]) -> str:
    """The main score; of a judged benchmark the wins, which a report has of every benchmark and never leads with."""
    return WIN_RATE if WIN_RATE in metrics else benchmark_info(benchmark, metrics).primary


def _row(key: PromptKey, columns: Sequence[Column]) -> dict[str, Any]:
    answers = [column.answers.get(key, ()) for column in columns]
    first = next(record for records in answers for record in records)
    held = {
        "benchmark": first.benchmark,
        "id": first.prompt_id,
        "prompt": first.prompt,
        "slices": dict(first.slices),
        "groups": dict(first.groups),
        "truth": dict(first.truth),
        "reference": dict(first.reference),
    }
    return {**_filled(held), "answers": [[_answer(record, first.prompt) for record in records] for records in answers]}


def _answer(record: EvaluationRecord, prompt: str) -> dict[str, Any]:
    """What a cell shows; parts that say nothing are left out. `asked` stands where the prompt was another one."""
    held = {
        "asked": record.prompt if record.prompt != prompt else "",
        "seed": record.seed,
        "sample": record.sample,
        "scores": dict(record.scores),
        "levers": dict(record.levers),
        "header": dict(record.predicted),
        "problems": list(record.problems),
        "unscored": record.unscored,
        "details": dict(record.details),
        "cut": not record.finished,
    }
    return {"content": record.content, **_filled(held)}


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in ("", {}, [], 0, False)}


def _escaped(data: Any) -> str:
    """JSON that no text in it can end."""
    text = json.dumps(_plain(data), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign, escape in _ESCAPES.items():
        text = text.replace(sign, escape)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")  # halves of surrogate pairs, as JSON writes them


def _plain(value: Any) -> Any:
    """`value` with what JSON lacks as text: numbers that are none, and keys and objects of other kinds."""
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _whole(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
