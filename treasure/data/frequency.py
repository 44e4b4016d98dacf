"""`Frequency`: how common each value is in the training mixture, and so what is head and what is tail."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from treasure.data.example import MarkedExample
from treasure.errors import TaxonomyError, did_you_mean
from treasure.markers.marker_set import State
from treasure.taxonomy.taxonomy import Scalar, Taxonomy


@dataclass(frozen=True, slots=True)
class CategoryCounts:
    """Examples of one category: in all three states, and with each value.

    An example with several values counts once in `known` and once for each value, so shares may add up to more than 1.
    """

    known: int
    unknown: int
    not_applicable: int
    values: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Frequency:
    """Counts of every category that has a closed list of values; numbers are left out."""

    categories: Mapping[str, CategoryCounts]

    def share(self, category: str, value: Scalar) -> float:
        """The share in [0, 1] of `value` among the examples whose `category` is known; 0 when it was never seen.

        Raises:
            TaxonomyError: the category was not counted.
        """
        counts = self._counts(category)
        return counts.values.get(str(value), 0) / counts.known if counts.known else 0.0

    def group(self, category: str, value: Scalar, threshold: float = 0.05) -> Literal["head", "tail"]:
        """'tail' when the share is under `threshold` (never seen included), else 'head'.

        Raises:
            TaxonomyError: the category was not counted.

        Source: the threshold is that of D'souza et al. 2025, arXiv 2506.14702.
        """
        return "tail" if self.share(category, value) < threshold else "head"

    def tail_values(self, threshold: float = 0.05) -> list[bool]:
        """Whether each value is tail, in the order in which `FrequencyCounter` numbers them."""
        return [
            self.group(category, value, threshold) == "tail"
            for category, counts in self.categories.items()
            for value in counts.values
        ]

    def table(self, threshold: float = 0.05) -> list[dict[str, Any]]:
        """One row a value, then one each for unknown and not applicable; `share` and `group` are empty for these."""
        rows: list[dict[str, Any]] = []
        for category, counts in self.categories.items():
            for value, count in counts.values.items():
                share = round(self.share(category, value), 6)
                group = self.group(category, value, threshold)
                rows.append(_row(category, State.KNOWN, value, count, share, group))
            rows.append(_row(category, State.UNKNOWN, "", counts.unknown, "", ""))
            rows.append(_row(category, State.NOT_APPLICABLE, "", counts.not_applicable, "", ""))
        return rows

    def to_dict(self) -> dict[str, Any]:
        """JSON values; `from_dict` takes them back."""
        return {
            category: {
                "known": counts.known,
                "unknown": counts.unknown,
                "not_applicable": counts.not_applicable,
                "values": dict(counts.values),
            }
            for category, counts in self.categories.items()
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Frequency":
        """Takes back what `to_dict` gave."""
        return cls({category: CategoryCounts(**counts) for category, counts in data.items()})

    def _counts(self, category: str) -> CategoryCounts:
        if category not in self.categories:
            raise TaxonomyError(
                f"Category '{category}' has no frequencies: it is numeric or not in the taxonomy."
                f"{did_you_mean(category, self.categories)} Counted: {', '.join(self.categories)}."
            )
        return self.categories[category]


class FrequencyCounter:
    """Counts each closed value of a taxonomy, example by example; values that never occur are counted too, as 0."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self._values_of = {
            category.name: taxonomy.category(category.name).value_names
            for category in taxonomy.categories
            if not category.is_numeric
        }
        pairs = ((name, value) for name, values in self._values_of.items() for value in values)
        self._numbers = {pair: number for number, pair in enumerate(pairs)}
        self._states: dict[str, Counter[State]] = {name: Counter() for name in self._values_of}
        self._values: dict[str, Counter[str]] = {name: Counter() for name in self._values_of}

    def add(self, marked: MarkedExample) -> list[int]:
        """Counts one more example, and returns the numbers of its known values; measured numbers have none."""
        found: list[int] = []
        known: set[str] = set()
        for marker in marked.markers.markers:
            if marker.category in self._values_of:
                value = str(marker.value)
                self._values[marker.category][value] += 1
                found.append(self._numbers[marker.category, value])
                known.add(marker.category)
        for name, states in self._states.items():
            states[State.KNOWN if name in known else marked.markers.state(name)] += 1
        return found

    def frequency(self) -> Frequency:
        """What was counted so far."""
        return Frequency(
            {
                name: CategoryCounts(
                    known=self._states[name][State.KNOWN],
                    unknown=self._states[name][State.UNKNOWN],
                    not_applicable=self._states[name][State.NOT_APPLICABLE],
                    values={value: self._values[name][value] for value in values},
                )
                for name, values in self._values_of.items()
            }
        )


def count(examples: Iterable[MarkedExample], taxonomy: Taxonomy) -> Frequency:
    """Counts each closed value over `examples`, values of the taxonomy that never occur included."""
    counter = FrequencyCounter(taxonomy)
    for marked in examples:
        counter.add(marked)
    return counter.frequency()


def _row(category: str, state: State, value: str, number: int, share: float | str, group: str) -> dict[str, Any]:
    return {
        "category": category,
        "state": str(state),
        "value": value,
        "count": number,
        "share": share,
        "group": group,
    }
