"""`TrainedNumbers`: which numbers of a unit a model met in training, and how often."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from treasure.data.example import MarkedExample

NUM_SEEN = 20_000
"""Held-out examples that tell how often each number was met."""
_MARGIN = 0.01
"""Share of the examples on either side that does not count as the trained range."""
_BEYOND = (1.15, 1.4)
"""How far above the trained range a model is asked, as parts of its upper end."""


@dataclass(frozen=True)
class TrainedNumbers:
    """How many examples, drawn as those of training are, have each number."""

    counts: Counter[int]

    @classmethod
    def of(cls, examples: Iterable[MarkedExample], unit: str) -> Self:
        """The numbers of `unit` that are known of `examples`."""
        values = (marked.markers.value(unit) for marked in examples)
        return cls(Counter(int(value) for value in values if value is not None))

    @property
    def ends(self) -> tuple[int, int]:
        """The range that all but a few lie in."""
        numbers = sorted(self.counts.elements())
        margin = int(_MARGIN * len(numbers))
        return numbers[margin], numbers[-1 - margin]

    def share(self, number: int) -> float:
        """The share in [0, 1] of `number`."""
        return self.counts[number] / self.counts.total()

    def spread(self, most: int) -> list[int]:
        """At most `most` numbers, at least 2 asked for, evenly over the trained range, both ends included."""
        low, high = self.ends
        steps = max(1, min(most, high - low + 1) - 1)
        return sorted({low + round(k * (high - low) / steps) for k in range(steps + 1)})

    def beyond(self) -> list[int]:
        """A number below the trained range, where there is room, and two above; at least 1."""
        low, high = self.ends
        return sorted({max(1, low // 2), *(round(high * part) + 1 for part in _BEYOND)} - {low})
