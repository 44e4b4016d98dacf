"""Templates: where the user's words, the control text, the two headers and the content of an example stand.

    prompt | prompt header | bridge | header | content | end

The prompt ends with the last user turn's words; the bridge is the control text from there to the start of the
assistant turn; the end is the control text that closes it. A template depends on roles alone and never sees the words
of a user, so nothing that a user writes can move a boundary.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any, Protocol, runtime_checkable

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerFast

from treasure.data.config import TemplateConfig, TemplateKind
from treasure.data.example import Message
from treasure.errors import ConfigError, DataError


class SegmentKind(IntEnum):
    """What a token belongs to; only HEADER and CONTENT are learned."""

    PROMPT = 0
    PROMPT_HEADER = 1
    HEADER = 2
    CONTENT = 3
    PAD = 4


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of text that is tokenized on its own.

    `is_control` tells control text, in which special tokens are recognised, from words that are only ever words.
    `token` is a vocabulary entry that stands before `text`, in headers on the surface of added tokens.
    """

    kind: SegmentKind
    text: str
    is_control: bool
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """The control text around the turns of a conversation.

    `before[i]` stands before the words of message `slots[i]`; `slots` is the order in which the template writes the
    messages and ends with the last user turn. `bridge` and `end` stand around the completion.
    """

    slots: tuple[int, ...]
    before: tuple[str, ...]
    bridge: str
    end: str


@runtime_checkable
class Template(Protocol):
    """One way of writing conversations."""

    def frame(self, roles: tuple[str, ...]) -> Frame:
        """The control text around messages with these roles, the last of which is 'user', and a completion.

        Raises:
            DataError: the template cannot write such a conversation.
        """
        ...

    def identity(self) -> Mapping[str, object]:
        """All that decides what this template writes, as JSON values; two that are equal write the same."""
        ...


@dataclass(frozen=True)
class PlainTemplate:
    """Turns between fixed strings."""

    config: TemplateConfig
    end: str

    def frame(self, roles: tuple[str, ...]) -> Frame:
        """The strings of the configuration, joined between the turns."""
        _check_roles(roles)
        around = {
            "system": (self.config.system_prefix, self.config.system_suffix),
            "user": (self.config.user_prefix, self.config.user_suffix),
            "assistant": (self.config.assistant_prefix, self.end + self.config.turn_separator),
        }
        suffixes = ["", *(around[role][1] for role in roles)]
        before = tuple(suffix + around[role][0] for suffix, role in zip(suffixes, roles, strict=False))
        bridge = self.config.user_suffix + self.config.assistant_prefix
        return Frame(tuple(range(len(roles))), before, bridge, self.end)

    def identity(self) -> Mapping[str, object]:
        """The strings of the configuration and the resolved end."""
        strings = {name: text for name, text in asdict(self.config).items() if name not in ("kind", "variables")}
        return {**strings, "kind": TemplateKind.PLAIN.value, "end": self.end}


class ChatTemplate:
    """The chat template of a tokenizer, cut into control text by marks put in the place of each turn's words."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast, variables: Mapping[str, str]) -> None:
        self._tokenizer, self._variables = tokenizer, dict(variables)
        self._frames: dict[tuple[str, ...], Frame] = {}

    def frame(self, roles: tuple[str, ...]) -> Frame:
        """Renders the template once for each sequence of roles."""
        if roles not in self._frames:
            _check_roles(roles)
            self._frames[roles] = self._render(roles)
        return self._frames[roles]

    def identity(self) -> Mapping[str, object]:
        """The template's text and the variables handed to it."""
        text = self._tokenizer.get_chat_template()
        return {"kind": TemplateKind.CHAT.value, "chat_template": text, "variables": self._variables}

    def _render(self, roles: tuple[str, ...]) -> Frame:
        marks = [_mark(index) for index in range(len(roles) + 1)]
        turns = [{"role": role, "content": mark} for role, mark in zip((*roles, "assistant"), marks, strict=True)]
        try:
            variables: dict[str, Any] = self._variables
            text = self._tokenizer.apply_chat_template(turns, tokenize=False, **variables)
        except (TemplateError, TypeError) as error:  # templates refuse what they cannot write in both ways
            raise DataError(f"The chat template cannot write the turns {_listed(roles)}: {error}") from error
        assert isinstance(text, str)
        controls, slots = _cut(text, marks, roles)
        return Frame(tuple(slots[:-1]), tuple(controls[: len(roles)]), controls[-2], self._end(controls[-1]))

    def _end(self, tail: str) -> str:
        """The tail up to its first added token; with the end-of-sequence token behind it when there is none.

        What follows the token that closes a turn belongs to the next turn, so it is not learned.
        """
        closers = [token.content for token in self._tokenizer.added_tokens_decoder.values() if token.content.strip()]
        found = [tail.index(closer) + len(closer) for closer in closers if closer in tail]
        return tail[: min(found)] if found else tail + str(self._tokenizer.eos_token)


def make_template(config: TemplateConfig, tokenizer: PreTrainedTokenizerFast) -> Template:
    """The template that `config` asks for.

    Raises:
        ConfigError: CHAT without a chat template, or no token that could end an answer.
    """
    if config.kind is TemplateKind.CHAT and not tokenizer.chat_template:
        raise ConfigError("template.kind is 'chat', but the tokenizer has no chat template. Take 'plain' or 'auto'.")
    if tokenizer.eos_token is None and config.end is None:
        raise ConfigError("The tokenizer has no end-of-sequence token. Set template.kind=plain and template.end.")
    if config.kind is TemplateKind.PLAIN or not tokenizer.chat_template:
        return PlainTemplate(config, str(tokenizer.eos_token) if config.end is None else config.end)
    return ChatTemplate(tokenizer, config.variables)


def prompt_segments(template: Template, messages: Sequence[Message]) -> tuple[Segment, ...]:
    """The prompt up to the end of the last user turn's words, control text and words told apart.

    Raises:
        DataError: the template cannot write these turns.
    """
    frame = template.frame(tuple(message.role for message in messages))
    found: list[Segment] = []
    for slot, before in zip(frame.slots, frame.before, strict=True):
        found.append(Segment(SegmentKind.PROMPT, before, is_control=True))
        found.append(Segment(SegmentKind.PROMPT, messages[slot].content, is_control=False))
    return tuple(segment for segment in found if segment.text)


def _mark(index: int) -> str:
    return f"qZ7xTurn{index}WordsQz9"


def _check_roles(roles: tuple[str, ...]) -> None:
    unknown = set(roles) - {"system", "user", "assistant"}
    if unknown:
        raise DataError(f"Roles are system, user and assistant, got {', '.join(sorted(unknown))}.")
    if not roles or roles[-1] != "user":
        raise DataError(f"The turns before a completion end with a user turn, got {_listed(roles) or 'none'}.")


def _cut(text: str, marks: list[str], roles: tuple[str, ...]) -> tuple[list[str], list[int]]:
    """The control texts between the marks, and the marks in the order they stand in."""
    counts = [text.count(mark) for mark in marks]
    if counts != [1] * len(marks):
        index = next(i for i, count in enumerate(counts) if count != 1)
        name = (*roles, "completion")[index]
        raise DataError(
            f"The chat template writes the words of turn {index + 1} ({name}) {counts[index]} times instead of once, "
            "so control text and words cannot be told apart. Take template.kind=plain, or another template."
        )
    slots = sorted(range(len(marks)), key=lambda i: text.index(marks[i]))
    if slots[-1] != len(roles) or slots[-2] != len(roles) - 1:
        raise DataError("The chat template does not end with the last user turn and the completion. Take kind=plain.")
    controls, rest = [], text
    for slot in slots:
        control, rest = rest.split(marks[slot])
        controls.append(control)
    return [*controls, rest], slots


def _listed(roles: tuple[str, ...]) -> str:
    return ", ".join(roles)
