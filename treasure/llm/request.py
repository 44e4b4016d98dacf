"""`Request`: one question to a model, and the closed choices that it puts."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from treasure.llm.text import estimate_tokens

LETTERS = "BCDEFGHJKLMNOPQRSTUVWXYZ"
"""One token each in any tokenizer; without A and I, with which a sentence may begin."""

_TOKENS_PER_MESSAGE = 4


@dataclass(frozen=True, slots=True)
class Choice:
    """The labels of one category: `values` in the order in which they are known, and all, `abstain` too, as shown.

    Without a label to abstain by, `abstain` is empty.
    """

    category: str
    values: tuple[str, ...]
    abstain: str
    shown: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """Values in their own order, then the abstention."""
        return (*self.values, self.abstain) if self.abstain else self.values

    @property
    def letters(self) -> dict[str, str]:
        """Letter -> label, in the order shown."""
        return dict(zip(LETTERS, self.shown, strict=False))


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a model. `key` stands for the whole of it and for all that decides the answer."""

    key: str
    example_id: str
    choices: tuple[Choice, ...]
    system: str
    user: str

    @property
    def categories(self) -> tuple[str, ...]:
        """What is asked."""
        return tuple(choice.category for choice in self.choices)

    @property
    def messages(self) -> list[dict[str, str]]:
        """The request as a chat."""
        return [{"role": "system", "content": self.system}, {"role": "user", "content": self.user}]

    @property
    def num_tokens(self) -> int:
        """About how many tokens the prompt has."""
        return estimate_tokens(self.system) + estimate_tokens(self.user) + 2 * _TOKENS_PER_MESSAGE


def best(probabilities: Mapping[str, float]) -> str:
    """The most probable label."""
    return max(probabilities, key=lambda label: probabilities[label])


def digest(value: Any, size: int = 12) -> str:
    """Hex digits, two for each byte of `size`, that stand for plain data."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()
