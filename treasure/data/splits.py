"""Training and validation, told apart by what is asked, so that no prompt is on both sides."""

from typing import Literal

from treasure.data.example import Example
from treasure.seeding import key_to_int


def split_of(example: Example, validation_fraction: float, seed: int) -> Literal["train", "validation"]:
    """The side `example` is on, decided by a hash of its first user turn.

    So all answers to a prompt, and all turns of a conversation, stay together, in whatever dataset or order they come.
    `validation_fraction` is in [0, 1]; raising it only moves examples from training to validation.
    """
    place = key_to_int("split", seed, opening(example)) / 2**64
    return "validation" if place < validation_fraction else "train"


def opening(example: Example) -> str:
    """The first user turn, with single spaces: examples that share it are on one side."""
    text = next(message.content for message in example.messages if message.role == "user")
    return " ".join(text.split())
