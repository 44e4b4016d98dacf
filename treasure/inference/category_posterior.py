"""`CategoryPosterior`: what a model believes of one category of its answer, as probabilities."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from treasure.inference.category_tree import Outcome, Outside
from treasure.taxonomy.taxonomy import Scalar


class PosteriorKind(StrEnum):
    """CONDITIONAL: given the earlier categories of one header. MARGINAL: averaged over sampled headers."""

    CONDITIONAL = "conditional"
    MARGINAL = "marginal"


@dataclass(frozen=True, slots=True)
class CategoryPosterior:
    """Probabilities of what a header says of `category`; they sum to 1, the most probable first.

    Beside values there are `Outside.NOT_WRITTEN` and, for numbers, `Outside.OTHER_NUMBER`. A category that may hold
    several values is told by the first that is written. `entropy` is in nats. `invalid_mass` is the probability that
    the free model would leave what the taxonomy and the levers of the request allow, where there is a choice; it is set
    aside. `calibrated` says whether a fitted temperature was applied. `num_headers` were sampled, 0 where none was.
    """

    category: str
    kind: PosteriorKind
    probabilities: Mapping[Outcome, float]
    entropy: float
    invalid_mass: float
    calibrated: bool
    num_headers: int = 0

    @classmethod
    def of(
        cls,
        category: str,
        kind: PosteriorKind,
        shares: Mapping[Outcome, float],
        *,
        invalid_mass: float = 0.0,
        calibrated: bool = False,
        num_headers: int = 0,
    ) -> "CategoryPosterior":
        """The posterior with probabilities in proportion to `shares`."""
        total = sum(shares.values())
        ordered = {outcome: p / total for outcome, p in sorted(shares.items(), key=lambda item: -item[1])}
        entropy = sum(-p * math.log(p) for p in ordered.values() if p > 0)
        return cls(category, kind, ordered, entropy, invalid_mass, calibrated, num_headers)

    @property
    def written(self) -> float:
        """The probability that the header says something of the category."""
        return 1 - self.probabilities.get(Outside.NOT_WRITTEN, 0.0)

    @property
    def values(self) -> dict[Scalar, float]:
        """value -> probability given that one of them is written; empty where none can be."""
        found = {value: p for value, p in self.probabilities.items() if not isinstance(value, Outside)}
        total = sum(found.values())
        return {value: p / total for value, p in found.items()} if total > 0 else {}

    @property
    def mean(self) -> float:
        """The mean of `values`, which are numbers; NaN where there are none."""
        values = self.values
        return sum(float(value) * p for value, p in values.items()) if values else math.nan

    def quantile(self, share: float) -> float:
        """The least of `values`, which are numbers, that has at least `share` in (0, 1] at or below it; or NaN."""
        below = 0.0
        for value, p in sorted(self.values.items(), key=lambda item: float(item[0])):
            below += p
            if below >= share - 1e-9:
                return float(value)
        return math.nan


RequestPosteriors = dict[str, CategoryPosterior]
"""One posterior for each category, in the taxonomy's order."""
