"""Where headers stand, in which order their markers are, and whether the model learns to write one itself."""

from dataclasses import dataclass
from enum import StrEnum


class Placement(StrEnum):
    """BOTH: a header in the prompt and one before the content. PROMPT, COMPLETION: only there."""

    BOTH = "both"
    PROMPT = "prompt"
    COMPLETION = "completion"


class MarkerOrder(StrEnum):
    """CANONICAL: the taxonomy's order. SHUFFLED: another one for each example, epoch and header."""

    CANONICAL = "canonical"
    SHUFFLED = "shuffled"


@dataclass(frozen=True, slots=True)
class HeaderStyle:
    """How a model has met its headers. `is_learned` says that header tokens of the completion were in the loss."""

    placement: Placement = Placement.BOTH
    order: MarkerOrder = MarkerOrder.CANONICAL
    is_learned: bool = True

    @property
    def in_prompt(self) -> bool:
        """Whether there is a prompt header, so that markers can be fixed."""
        return self.placement is not Placement.COMPLETION

    @property
    def in_completion(self) -> bool:
        """Whether answers begin with a header, so that markers can be forced."""
        return self.placement is not Placement.PROMPT

    @property
    def writes_header(self) -> bool:
        """Whether the model writes the header of its answers by itself; else someone has to."""
        return self.in_completion and self.is_learned


DEFAULT_STYLE = HeaderStyle()
