"""Examples that are too long for the context: dropped, refused or cut, never silently."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from treasure.data.config import OverflowPolicy
from treasure.data.tokenize import TokenizedExample
from treasure.errors import DataError


@dataclass(slots=True)
class EncodeReport:
    """What became of the examples: how many were given, kept, left out and cut."""

    num_examples: int = 0
    num_kept: int = 0
    num_dropped: int = 0
    num_truncated: int = 0

    def describe(self) -> str:
        """One line for people."""
        return (
            f"{self.num_kept} of {self.num_examples} examples tokenized; {self.num_dropped} left out and "
            f"{self.num_truncated} cut for length."
        )


def length_with_room(example: TokenizedExample, header_room: int) -> int:
    """Tokens of the longest sequence that `example` can become, with headers of at least `header_room` tokens."""
    return example.length + 2 * max(0, header_room - example.header_length)


def fit_length(
    examples: Sequence[TokenizedExample],
    max_length: int,
    policy: OverflowPolicy,
    report: EncodeReport,
    *,
    room: Sequence[int] | None = None,
) -> list[TokenizedExample]:
    """The examples that fit into `max_length` tokens with the full header on both sides; `report` counts the others.

    Prompt, headers and the first content token are never cut: an example for which they are too long is dropped also
    under TRUNCATE_CONTENT. `room` asks that a header of that many tokens would fit, for each example: models that
    write other headers, or none, then see the same examples.

    Raises:
        DataError: under STOP, an example is too long; the message names it.
    """
    kept: list[TokenizedExample] = []
    for example, header_room in zip(examples, room or [0] * len(examples), strict=True):
        report.num_examples += 1
        length = length_with_room(example, header_room)
        excess = length - max_length
        if excess > 0 and policy is OverflowPolicy.STOP:
            raise DataError(
                f"Example '{example.example_id}' needs {length} tokens with its header on both sides, but the "
                f"context holds {max_length}. Raise the context, or set data.overflow to drop or truncate_content."
            )
        if excess <= 0:
            kept.append(example)
        elif policy is OverflowPolicy.TRUNCATE_CONTENT and excess < len(example.content_ids):
            kept.append(replace(example, content_ids=example.content_ids[:-excess]))
            report.num_truncated += 1
        else:
            report.num_dropped += 1
    report.num_kept += len(kept)
    return kept
