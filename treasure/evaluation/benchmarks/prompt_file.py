"""Prompts from a file of any of the public shapes, with what is known of each.

Arena-Hard: uid (or question_id), prompt (or turns), category, cluster. AlpacaEval: instruction, dataset. Any other:
messages, or prompt. JSON, JSON Lines, CSV, TSV (all also .gz) and Parquet are read.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from treasure.data.example import Message, example_id
from treasure.data.raw_rows import RawRow, raw_rows
from treasure.errors import DataError
from treasure.evaluation.exchange.cells import cells, id_cell, text_cell
from treasure.evaluation.exchange.prompt_index import REPEAT


@dataclass(frozen=True, kw_only=True)
class FilePrompt:
    """One row: its conversation, its id (from the content where the file has none), slices, and known markers."""

    id: str
    messages: tuple[Message, ...]
    slices: Mapping[str, str]
    markers: Mapping[str, str]
    row: RawRow

    @property
    def text(self) -> str:
        """The last user turn."""
        return self.messages[-1].content

    @property
    def conversation(self) -> str:
        """What a judge reads as the prompt; with earlier turns each under its role."""
        if len(self.messages) == 1:
            return self.text
        return "\n\n".join(f"({message.role})\n{message.content}" for message in self.messages)


def read_prompts(
    path: str, slice_columns: Mapping[str, str], annotations: str = "", annotated: Sequence[str] = ()
) -> list[FilePrompt]:
    """All prompts of `path`, in its order.

    `slice_columns` says which column a slice stands in; a row without it is in none. `annotations` is a file that
    `treasure-annotate export` wrote of the same prompts, found by their words; its markers of the categories
    `annotated` become slices too, and go before columns.

    Raises:
        DataError: a file is missing or empty, a row is not as it should be, or `annotations` are of other prompts.
    """
    known = _markers(annotations) if annotations else {}
    found: list[FilePrompt] = []
    taken: dict[str, int] = {}
    for row in raw_rows(path):
        messages = _messages(row)
        name = id_cell(row) or example_id(tuple(map(_encodable, messages)), "")
        if id_cell(row) and name in taken:
            raise row.error(f"The id '{name}' stands in line {taken[name]} too.")
        while name in taken:  # the same words asked twice
            name += REPEAT
        taken[name] = row.line
        slices = {key: str(row.fields[column]) for key, column in slice_columns.items() if row.fields.get(column)}
        markers = known.get(messages[-1].content, {})
        slices |= {category: markers[category] for category in annotated if category in markers}
        found.append(FilePrompt(id=name, messages=messages, slices=slices, markers=markers, row=row))
    if not found:
        raise DataError("There is no prompt in this file.", path)
    if annotations and known.keys().isdisjoint(prompt.text for prompt in found):
        raise DataError(f"None of its {len(known)} prompts is one of '{path}'. Annotate those.", annotations)
    return found


def _messages(row: RawRow) -> tuple[Message, ...]:
    fields = cells(row)
    if "messages" in fields:
        return tuple(_turns(row, fields["messages"]))
    if "turns" in fields:
        turns = fields["turns"]
        first = turns[0] if isinstance(turns, list) and turns else None
        text = first.get("content") if isinstance(first, dict) else first
        if not isinstance(text, str) or not text.strip():
            raise row.error("'turns' must begin with the text of a prompt.")
        return (Message("user", text),)
    column = next((name for name in ("instruction", "prompt") if name in fields), None)
    if column is None:
        raise row.error(f"No prompt here: one of the columns messages, turns, instruction, prompt is needed; "
                        f"got {', '.join(fields) or 'none'}.")  # fmt: skip
    text = text_cell(row, column)
    if not text.strip():
        raise row.error(f"'{column}' is empty.")
    return (Message("user", text),)


def _encodable(message: Message) -> Message:
    """Halves of surrogate pairs, which cannot be hashed, are question marks."""
    return Message(message.role, message.content.encode("utf-8", "replace").decode())


def _turns(row: RawRow, turns: object) -> Iterator[Message]:
    if not isinstance(turns, list) or not turns:
        raise row.error("'messages' must be a list of turns.")
    for turn in turns:
        role, content = (turn.get("role"), turn.get("content")) if isinstance(turn, dict) else (None, None)
        if role not in ("system", "user", "assistant") or not isinstance(content, str):
            raise row.error("Each turn of 'messages' needs a role (system, user, assistant) and text as content.")
        yield Message(role, content)
    if turns[-1]["role"] != "user":
        raise row.error("The last turn of 'messages' must be the user's.")
    if not turns[-1]["content"].strip():
        raise row.error("The last turn of 'messages' is empty.")


def _markers(path: str) -> dict[str, dict[str, str]]:
    """Prompt -> category -> value; of several values the first."""
    found: dict[str, dict[str, str]] = {}
    for row in raw_rows(path):
        markers = cells(row).get("markers")
        if not isinstance(markers, dict):
            raise row.error("No markers here; expected a file that treasure-annotate export wrote, as .jsonl.")
        found[_messages(row)[-1].content] = {name: _first(value) for name, value in markers.items() if value != []}
    return found


def _first(value: object) -> str:
    return str(value[0] if isinstance(value, Sequence) and not isinstance(value, str) else value)
