"""What one annotator says of one category of one example, and what an annotator is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from treasure.data.example import Example
from treasure.taxonomy.taxonomy import Scalar


class Outcome(StrEnum):
    """How it went: values, a question that makes no sense here, no answer though asked, or a fault on the way."""

    FOUND = "found"
    NOT_APPLICABLE = "not_applicable"
    ABSTAINED = "abstained"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """What `annotator` says of one category. `values` are canonical (`Category.parse`) and empty unless found.

    `probability` in [0, 1] is the annotator's own for all that it says here; None where it has none (facts, counts).
    `note` says for people why it failed or abstained.
    """

    annotator: str
    outcome: Outcome
    values: tuple[Scalar, ...] = ()
    probability: float | None = None
    note: str = ""

    @property
    def settles(self) -> bool:
        """Whether annotators that are trusted less need not be asked."""
        return self.outcome in (Outcome.FOUND, Outcome.NOT_APPLICABLE)


class Annotator(Protocol):
    """Something that can be asked about examples."""

    @property
    def name(self) -> str:
        """Its name in sidecars and reports, such as rules or llm."""
        ...

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories it can speak of."""
        ...

    @property
    def version(self) -> str:
        """A short text that differs whenever its answers may differ: settings, model, code of its own."""
        ...

    @property
    def reads(self) -> tuple[str, ...]:
        """The other categories whose values, where known, change what it says."""
        ...

    def annotate(self, examples: Sequence[Example], known: Sequence[Mapping[str, Finding]]) -> list[dict[str, Finding]]:
        """For each example, category -> finding, about categories that `known` does not settle.

        `known` holds, for each example, what annotators that are trusted more have found. A category that is left out
        was not asked about; one that was asked about without an answer is ABSTAINED.
        """
        ...
