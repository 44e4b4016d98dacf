"""Answers of a model, in the shapes of Arena-Hard (`model_answer`) and AlpacaEval (`model_outputs.json`).

A plain shape is read too: prompt_id or prompt, and content; model if it is known.

Source of the shapes: github.com/lmarena/arena-hard-auto and github.com/tatsu-lab/alpaca_eval.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from treasure.data.raw_rows import RawRow, raw_rows
from treasure.evaluation.exchange.cells import cells, id_cell, text_cell
from treasure.evaluation.exchange.prompt_index import PromptIndex
from treasure.jsonl import write_json, write_jsonl

UNNAMED = "unnamed"
"""The model of answers that do not tell whose they are."""


@dataclass(frozen=True, kw_only=True)
class StoredAnswer:
    """What `model` answered to one prompt. `prompt_id` or `prompt` may be empty where a file does not tell."""

    prompt_id: str
    prompt: str
    content: str
    model: str
    dataset: str = ""


AnswerIndex = PromptIndex[StoredAnswer]
"""The answers of one model."""


def read_answers(path: str) -> AnswerIndex:
    """The answers in a file of either shape, plain or packed, JSON or JSON Lines.

    Raises:
        DataError: a row is of neither shape, several models answered, or a prompt was answered twice.
    """
    return AnswerIndex((_answer(row) for row in raw_rows(path)), path)


def write_arena_answers(path: Path, answers: Sequence[StoredAnswer]) -> None:
    """Writes a `model_answer` file of Arena-Hard; it is whole or untouched."""
    write_jsonl(path, (_arena_row(answer) for answer in answers))


def write_alpaca_outputs(path: Path, answers: Sequence[StoredAnswer]) -> None:
    """Writes a `model_outputs.json` of AlpacaEval; it is whole or untouched."""
    write_json(path, [_alpaca_row(answer) for answer in answers])


def _answer(row: RawRow) -> StoredAnswer:
    if "instruction" in cells(row):
        return StoredAnswer(
            prompt_id=id_cell(row),
            prompt=text_cell(row, "instruction"),
            content=text_cell(row, "output"),
            model=text_cell(row, "generator"),
            dataset=str(row.fields.get("dataset") or ""),
        )
    if "messages" in row.fields:
        turns = row.fields["messages"]
        if not isinstance(turns, list) or len(turns) < 2 or not all(isinstance(turn, dict) for turn in turns):
            raise row.error("'messages' must be a list of at least two turns.")
        prompt, content = turns[-2].get("content"), turns[-1].get("content")
        content = content.get("answer") if isinstance(content, dict) else content
        return _checked(row, prompt, content, text_cell(row, "model"))
    if "choices" in row.fields:  # Arena-Hard before 2025, and MT-Bench, whose first question alone is asked
        try:
            content = row.fields["choices"][0]["turns"][0]
        except (TypeError, LookupError) as error:
            raise row.error(f"'choices' must hold one list of turns: {error!r}.") from error
        content = content.get("content") if isinstance(content, dict) else content
        return _checked(row, "", content, text_cell(row, "model_id"))
    if "content" in row.fields:
        prompt = row.fields.get("prompt", "")
        return _checked(row, prompt, row.fields["content"], str(row.fields.get("model") or UNNAMED))
    raise row.error(
        "Neither an answer of Arena-Hard (columns uid, model, messages, or question_id, model_id, choices) nor of "
        "AlpacaEval (instruction, output, generator), nor a plain one (prompt_id or prompt, content)."
    )


def _checked(row: RawRow, prompt: Any, content: Any, model: str) -> StoredAnswer:
    if not isinstance(prompt, str) or not isinstance(content, str):
        raise row.error("The last two turns must hold the text of a prompt and of an answer.")
    return StoredAnswer(prompt_id=id_cell(row), prompt=prompt, content=content, model=model)


def _arena_row(answer: StoredAnswer) -> dict[str, Any]:
    turns = [
        {"role": "user", "content": answer.prompt},
        {"role": "assistant", "content": {"answer": answer.content}},
    ]
    ans_id = hashlib.blake2b(f"{answer.model}\x00{answer.content}".encode(), digest_size=11).hexdigest()
    return {"uid": answer.prompt_id, "ans_id": ans_id, "model": answer.model, "messages": turns}


def _alpaca_row(answer: StoredAnswer) -> dict[str, Any]:
    named = {"id": answer.prompt_id} if answer.prompt_id else {}
    row = {"instruction": answer.prompt, "output": answer.content, "generator": answer.model}
    return named | ({"dataset": answer.dataset} if answer.dataset else {}) | row
