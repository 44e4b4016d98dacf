"""A conversation and its answer as the ids a reward model reads, whole or cut in the middle of long texts."""

from collections.abc import Sequence
from typing import Any

from transformers import PreTrainedTokenizerFast

from treasure.data.config import TemplateConfig
from treasure.data.example import Example
from treasure.data.template import ChatTemplate, make_template
from treasure.data.text_codec import TextCodec, start_ids
from treasure.errors import DataError

_MAX_CHARACTERS_A_TOKEN = 32
_MARK = "qZ7xAnswerQz9"


class RewardText:
    """Writes examples as the chat template does, in at most `max_tokens` tokens.

    Words are never read as control text. Of a conversation that is too long the longest texts are cut, each in its
    middle, until it fits; control text stays, and so does the end, where models read their score.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, config: TemplateConfig, max_tokens: int) -> None:
        """Raises:
        ConfigError: the tokenizer lacks the chat template that is asked for, or a token that ends an answer.
        """
        self._tokenizer, self._config, self._max_tokens = tokenizer, config, max_tokens
        self._template, self._codec = make_template(config, tokenizer), TextCodec(tokenizer)
        self._start = start_ids(tokenizer)
        self._controls: dict[tuple[str, ...], tuple[tuple[int, ...], list[list[int]]]] = {}

    def ids(self, example: Example) -> list[int]:
        """The ids of one example.

        Raises:
            DataError: the template cannot write its turns, or they do not fit even without words.
        """
        slots, controls = self._control_ids(tuple(message.role for message in example.messages))
        texts = [*(example.messages[slot].content for slot in slots), example.completion]
        words = self._codec.words([self._clipped(text) for text in texts])
        room = self._max_tokens - sum(map(len, controls))
        if room < len(words):
            raise DataError(f"{len(words)} turns do not fit into {self._max_tokens} tokens.")
        found = list(controls[0])
        for control, part in zip(controls[1:], _shortened(words, room), strict=True):
            found += part + control
        return found

    def _control_ids(self, roles: tuple[str, ...]) -> tuple[tuple[int, ...], list[list[int]]]:
        """The order of the messages, and the ids before, between and after the texts; made once a sequence of roles."""
        if roles not in self._controls:
            frame = self._template.frame(roles)
            texts = [*frame.before, frame.bridge, self._tail(roles, frame.end)]
            ids = [self._codec.control(text, first=place == 0) if text else [] for place, text in enumerate(texts)]
            if ids[0][: len(self._start)] != self._start:
                ids[0] = [*self._start, *ids[0]]
            self._controls[roles] = (frame.slots, ids)
        return self._controls[roles]

    def _tail(self, roles: tuple[str, ...], end: str) -> str:
        """All that the template writes after an answer: models were trained to give their score at its very end."""
        if not isinstance(self._template, ChatTemplate):
            return end
        turns = [{"role": role, "content": "x"} for role in roles] + [{"role": "assistant", "content": _MARK}]
        variables: dict[str, Any] = dict(self._config.variables)
        text = self._tokenizer.apply_chat_template(turns, tokenize=False, **variables)
        return str(text).rpartition(_MARK)[2]

    def _clipped(self, text: str) -> str:
        """`text` without the middle that would be cut anyway, so that a million characters need not be encoded."""
        half = self._max_tokens * _MAX_CHARACTERS_A_TOKEN // 2
        clipped = text if len(text) <= 2 * half else text[:half] + text[-half:]
        return clipped.encode("utf-8", "replace").decode()  # half a surrogate pair cannot be encoded


def _shortened(parts: Sequence[list[int]], room: int) -> list[list[int]]:
    """`parts` in at most `room` ids, by cutting all to the largest common length at which they fit."""
    low, high = 0, max(map(len, parts))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if sum(min(len(part), middle) for part in parts) <= room else (low, middle - 1)
    return [_without_middle(part, low) for part in parts]


def _without_middle(ids: list[int], length: int) -> list[int]:
    if len(ids) <= length:
        return ids
    num_head = (length + 1) // 2
    return ids[:num_head] + ids[len(ids) - (length - num_head) :]
