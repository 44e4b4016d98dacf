"""What a model is given to answer, and what it answers."""

from dataclasses import dataclass, field

from treasure.data.example import Message
from treasure.inference.header_grammar import Forbidden
from treasure.markers.marker_set import MarkerSet

NO_ANSWER = "no answer: "
"""What the one problem of a `Generation` begins with that stands for an answer that never came."""


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One conversation to answer. `fixed` stands in the prompt; `forced` is also written into the header.

    `forbidden` says what the header must not hold: category -> values, without values the whole category.
    """

    messages: tuple[Message, ...]
    fixed: MarkerSet = field(default_factory=MarkerSet)
    forced: MarkerSet = field(default_factory=MarkerSet)
    forbidden: Forbidden = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Generation:
    """One answer, its header taken off. `finished` is False when it was cut at `max_new_tokens`."""

    markers: MarkerSet
    content: str
    problems: tuple[str, ...]
    num_tokens: int
    finished: bool
