"""Examples that are too long for the context: dropped, refused or cut, never silently."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from treasure.data.tokenize import TokenizedExample
from treasure.errors import DataError


class OverflowPolicy(StrEnum):
    """DROP: leave the example out. STOP: refuse the data. TRUNCATE_CONTENT: cut the end of the content."""

    DROP = "drop"
    STOP = "stop"
    TRUNCATE_CONTENT = "truncate_content"


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


def fit_length(
    examples: Iterable[TokenizedExample], max_length: int, policy: OverflowPolicy, report: EncodeReport
) -> list[TokenizedExample]:
    """The examples that fit into `max_length` tokens with the full header on both sides; `report` counts the others.

    Prompt, headers and the first content token are never cut: an example for which they are too long is dropped also
    under TRUNCATE_CONTENT. The length is that of the full headers whatever is written in the end, so that a model
    trained without markers sees the same examples.

    Raises:
        DataError: under STOP, an example is too long; the message names it.
    """
    kept: list[TokenizedExample] = []
    for example in examples:
        report.num_examples += 1
        excess = example.length - max_length
        if excess > 0 and policy is OverflowPolicy.STOP:
            raise DataError(
                f"Example '{example.example_id}' needs {example.length} tokens with its header on both sides, but the "
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
