"""The rows that flow through the project: `Example` as read, `MarkedExample` once it knows what it is."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from treasure.markers.marker_set import MarkerSet


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. `role` is 'system', 'user' or 'assistant'."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Example:
    """One training row: the turns up to and including the last user turn, and the completion to learn.

    `id` is a stable hash of the content, so the same row has the same id in any file, order and run.
    """

    id: str
    messages: tuple[Message, ...]
    completion: str
    dataset: str
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def prompt(self) -> str:
        """The last user turn."""
        return self.messages[-1].content


@dataclass(frozen=True, slots=True)
class MarkedExample:
    """An example together with all that is known of it."""

    example: Example
    markers: MarkerSet


def example_id(messages: tuple[Message, ...], completion: str) -> str:
    """16 hex digits from the content of a row."""
    digest = hashlib.blake2b(digest_size=8)
    for part in (*(text for message in messages for text in (message.role, message.content)), completion):
        digest.update(len(part.encode()).to_bytes(8, "big"))
        digest.update(part.encode())
    return digest.hexdigest()
