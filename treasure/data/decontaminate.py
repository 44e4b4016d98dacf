"""Keeps evaluation prompts out of training data: rows that ask what a benchmark asks are left out and counted."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from treasure.data.example import Example
from treasure.errors import DataError
from treasure.jsonl import read_jsonl


@dataclass(kw_only=True, slots=True)
class ExcludedPrompts:
    """A file of evaluation prompts that training must not hold."""

    path: str
    """JSON Lines, plain or .gz."""
    field: str = "prompt"
    """Field of each object that holds the prompt."""


class PromptFilter:
    """Recognises prompts that agree with an excluded one in all letters and digits, whatever their case and marks."""

    def __init__(self, excluded: Iterable[ExcludedPrompts]) -> None:
        """Reads the files.

        Raises:
            DataError: a file is missing, or a row has no such field.
        """
        self._known = {essence(prompt) for source in excluded for prompt in _prompts(source)}

    def holds(self, example: Example) -> bool:
        """Whether any user turn of `example` is an excluded prompt."""
        return bool(self._known) and any(
            essence(message.content) in self._known for message in example.messages if message.role == "user"
        )


def essence(text: str) -> str:
    """The letters and digits of `text` in lower case."""
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _prompts(source: ExcludedPrompts) -> Iterable[str]:
    for line, row in read_jsonl(Path(source.path)):
        prompt = row.get(source.field)
        if not isinstance(prompt, str) or not essence(prompt):
            fields = ", ".join(row)
            raise DataError(f"No prompt in the field '{source.field}'. Fields: {fields}.", source.path, line)
        yield prompt
