"""Shapes of raw rows: which columns hold the prompt and the completion, and how a row becomes conversations."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from string import Formatter
from typing import Any

from treasure.data.example import Message

Conversation = tuple[tuple[Message, ...], str]
"""The turns up to and including a user turn, and the completion that follows."""


class Shape(StrEnum):
    """How the columns of a row are to be read; AUTO looks at the columns of the first row.

    PROMPT_COMPLETION: two columns of text. INSTRUCTION: Alpaca's instruction, input, output, system, history. MESSAGES:
    a list of turns with role and content. CONVERSATIONS: a list of turns with from and value. TEMPLATE: any columns,
    put together by prompt_template and completion_template.

    A column may be a path into what it holds, such as `outputs[gpt4]` or `instances[0][input]`.
    """

    AUTO = "auto"
    PROMPT_COMPLETION = "prompt_completion"
    INSTRUCTION = "instruction"
    MESSAGES = "messages"
    CONVERSATIONS = "conversations"
    TEMPLATE = "template"


class Turns(StrEnum):
    """EACH: every assistant turn is a completion, after the turns before it. LAST: only the last one is."""

    EACH = "each"
    LAST = "last"


class BadRowError(Exception):
    """Why a row holds no example; the reader adds the place."""


FIELDS: Mapping[Shape, Mapping[str, tuple[str, ...]]] = {
    Shape.PROMPT_COMPLETION: {"prompt": ("prompt",), "completion": ("completion", "response")},
    Shape.INSTRUCTION: {
        "instruction": ("instruction",),
        "input": ("input",),
        "output": ("output", "response"),
        "system": ("system",),
        "history": ("history",),
    },
    Shape.MESSAGES: {"messages": ("messages", "conversation"), "answer": ()},
    Shape.CONVERSATIONS: {"conversations": ("conversations", "conversation"), "answer": ()},
    Shape.TEMPLATE: {},
}
"""Of each shape, its fields and the columns in which they usually lie. An `answer` is a turn, or the text of one, that
closes the conversation, such as the chosen one of a pair; only where `fields` names it."""

ROLE_ALIASES: Mapping[str, str] = {"human": "user", "gpt": "assistant", "bot": "assistant", "model": "assistant"}
"""Role names that need no configuration, beside system, user and assistant themselves; in lower case."""

_TURN_KEYS = {Shape.MESSAGES: ("role", "content"), Shape.CONVERSATIONS: ("from", "value")}
_OPTIONAL = frozenset({"input", "system", "history", "answer"})
_PATH = re.compile(r"([^\[\].]+)((?:\[[^\[\]]+\])*)")
_ROLES = ("system", "user", "assistant")


@dataclass(frozen=True, kw_only=True)
class RowReader:
    """Turns the fields of one row into conversations. `fields` maps a field of the shape to another column name."""

    shape: Shape
    fields: Mapping[str, str]
    roles: Mapping[str, str]
    turns: Turns
    prompt_template: str
    completion_template: str

    def conversations(self, row: Mapping[str, Any]) -> list[Conversation]:
        """All (messages, completion) of a row; at least one.

        Raises:
            BadRowError: a column is missing, empty or of the wrong type, or the turns do not alternate.
        """
        if self.shape is Shape.PROMPT_COMPLETION:
            return [((Message("user", self._text(row, "prompt")),), self._text(row, "completion"))]
        if self.shape is Shape.INSTRUCTION:
            return [self._instruction(row)]
        if self.shape is Shape.TEMPLATE:
            return [((Message("user", _filled(self.prompt_template, row)),), _filled(self.completion_template, row))]
        return self._from_turns(self._messages(row))

    def _column(self, row: Mapping[str, Any], name: str) -> str:
        candidates = (self.fields[name],) if name in self.fields else FIELDS[self.shape][name]
        return next((column for column in candidates if column in row), candidates[0])

    def _text(self, row: Mapping[str, Any], name: str) -> str:
        column = self._column(row, name)
        return _required_text(row, column)

    def _instruction(self, row: Mapping[str, Any]) -> Conversation:
        prompt = self._text(row, "instruction")
        given = self._optional_text(row, "input")
        system = self._optional_text(row, "system")
        messages = [Message("system", system)] if system else []
        for asked, answered in self._history(row):
            messages += [Message("user", asked), Message("assistant", answered)]
        messages.append(Message("user", f"{prompt}\n\n{given}" if given else prompt))
        return tuple(messages), self._text(row, "output")

    def _optional_text(self, row: Mapping[str, Any], name: str) -> str:
        value = cell_of(row, self._column(row, name))
        if value is not None and not isinstance(value, str):
            raise BadRowError(f"Column '{self._column(row, name)}' must hold text, got {type(value).__name__}.")
        return value if value and value.strip() else ""

    def _history(self, row: Mapping[str, Any]) -> list[tuple[str, str]]:
        pairs = cell_of(row, self._column(row, "history")) or []
        if not isinstance(pairs, Sequence) or not all(_is_pair(pair) for pair in pairs):
            raise BadRowError("Column 'history' must be a list of [question, answer] pairs of non-empty text.")
        return [(pair[0], pair[1]) for pair in pairs]

    def _messages(self, row: Mapping[str, Any]) -> list[Message]:
        column = self._column(row, next(iter(FIELDS[self.shape])))
        turns = cell_of(row, column)
        if not isinstance(turns, list) or not turns:
            raise BadRowError(f"Column '{column}' must be a list of turns, got {_shown(turns)}.")
        if "answer" in self.fields:
            turns = [*turns, self._answer(row)]
        return [self._message(turn, number) for number, turn in enumerate(turns, start=1)]

    def _answer(self, row: Mapping[str, Any]) -> Any:
        answer = cell_of(row, self.fields["answer"])
        role_key, content_key = _TURN_KEYS[self.shape]
        return {role_key: "assistant", content_key: answer} if isinstance(answer, str) else answer

    def _message(self, turn: Any, number: int) -> Message:
        role_key, content_key = _TURN_KEYS[self.shape]
        if not isinstance(turn, Mapping) or role_key not in turn or content_key not in turn:
            raise BadRowError(f"Turn {number} must have '{role_key}' and '{content_key}', got {_shown(turn)}.")
        content = turn[content_key]
        if not isinstance(content, str) or not content.strip():
            raise BadRowError(f"Turn {number} must hold text in '{content_key}', got {_shown(content)}.")
        return Message(self._role(turn[role_key], number), content)

    def _role(self, given: Any, number: int) -> str:
        name = str(given)
        role = self.roles.get(name) or ROLE_ALIASES.get(name.lower(), name.lower())
        if role not in _ROLES:
            known = ", ".join((*_ROLES, *ROLE_ALIASES, *self.roles))
            raise BadRowError(f"Turn {number} has the unknown role '{name}'. Known: {known}; add others under `roles`.")
        return role

    def _from_turns(self, messages: list[Message]) -> list[Conversation]:
        body = messages[1:] if messages[0].role == "system" else messages
        for place, message in enumerate(body):
            expected = "assistant" if place % 2 else "user"
            if message.role != expected:
                raise BadRowError(
                    f"Turns must alternate, user first (after a system turn, if any); turn "
                    f"{place + 1 + len(messages) - len(body)} is {message.role} where {expected} is due."
                )
        ends = [place for place, message in enumerate(messages) if message.role == "assistant"]
        if not ends:
            raise BadRowError("No assistant turn, so there is nothing to learn.")
        chosen = ends if self.turns is Turns.EACH else ends[-1:]
        return [(tuple(messages[:end]), messages[end].content) for end in chosen]


def detect_shape(row: Mapping[str, Any], fields: Mapping[str, str], prompt_template: str) -> Shape | None:
    """The shape whose fields are all among the columns of `row`; None when there is none."""
    if prompt_template:
        return Shape.TEMPLATE
    for shape in (Shape.MESSAGES, Shape.CONVERSATIONS, Shape.INSTRUCTION, Shape.PROMPT_COMPLETION):
        columns = {name: (fields[name],) if name in fields else usual for name, usual in FIELDS[shape].items()}
        present = {
            name: next((c for c in names if c in row or cell_of(row, c) is not None), None)
            for name, names in columns.items()
        }
        complete = all(column for name, column in present.items() if name not in _OPTIONAL)
        if complete and set(fields) <= set(columns) and _turns_fit(shape, row, next(iter(present.values()))):
            return shape
    return None


def template_columns(template: str) -> list[str]:
    """The columns, or paths into columns, that a template names in braces.

    Raises:
        ValueError: the braces do not match, or hold more than a column's name and a path into it.
    """
    found = [(name, spec, conversion) for _, name, spec, conversion in Formatter().parse(template) if name is not None]
    for name, spec, conversion in found:
        if not name or spec or conversion or not _PATH.fullmatch(name):
            raise ValueError("braces may hold a column's name, or a path such as {outputs[gpt4]}, and nothing else")
    return [name for name, _, _ in found]


def _filled(template: str, row: Mapping[str, Any]) -> str:
    parts = Formatter().parse(template)
    return "".join(text + (_required_text(row, path) if path is not None else "") for text, path, _, _ in parts)


def cell_of(row: Mapping[str, Any], path: str) -> Any:
    """What the column `path` holds, or lies below it at the end of the path; None where there is nothing."""
    found = _PATH.fullmatch(path)
    if path in row or found is None:
        return row.get(path)
    value: Any = row.get(found[1])
    for key in re.findall(r"\[([^\[\]]+)\]", found[2]):
        if isinstance(value, Mapping):
            value = value.get(key)
        elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value


def _required_text(row: Mapping[str, Any], column: str) -> str:
    value = cell_of(row, column)
    if value is None and column not in row:
        raise BadRowError(f"Column '{column}' is missing; there are {', '.join(map(str, row)) or 'none'}.")
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise BadRowError(f"Column '{column}' must hold text, got {_shown(value)}.")
    if not value.strip():
        raise BadRowError(f"Column '{column}' is empty.")
    return value


def _is_pair(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(x, str) and x.strip() for x in value)


def _turns_fit(shape: Shape, row: Mapping[str, Any], column: str | None) -> bool:
    """Whether the column holds turns with the keys of `shape`, if it is one of turns at all."""
    if shape not in _TURN_KEYS:
        return True
    turns = row.get(column or "")
    first = turns[0] if isinstance(turns, list) and turns else None
    return isinstance(first, Mapping) and set(_TURN_KEYS[shape]) <= set(first)


def _shown(value: Any) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"
