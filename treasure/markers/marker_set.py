"""`MarkerSet`: what is known of one example, in canonical order."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from treasure.errors import TaxonomyError
from treasure.taxonomy.taxonomy import Scalar, Taxonomy


@dataclass(frozen=True, slots=True)
class Marker:
    """One statement about an example, such as (domain, Legal)."""

    category: str
    value: Scalar


class State(StrEnum):
    """What is known of a category: a value, nothing yet, or that the question makes no sense."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True)
class MarkerSet:
    """Known markers in the taxonomy's order, and the categories known not to apply.

    Only `MarkerSet.of` checks against a taxonomy; the other methods keep what was checked.
    """

    markers: tuple[Marker, ...] = ()
    not_applicable: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        taxonomy: Taxonomy,
        values: Mapping[str, Scalar | Sequence[Scalar]],
        not_applicable: Iterable[str] = (),
    ) -> Self:
        """Builds a set from category -> value (or a list of values where the category allows several).

        Raises:
            TaxonomyError: an unknown category or value, several values for a category that holds one, or a value for
                a category that does not apply.
        """
        excluded = frozenset(not_applicable)
        for name in excluded:
            taxonomy.category(name)
        markers: list[Marker] = []
        for name in sorted(values, key=taxonomy.index):
            if name in excluded:
                raise TaxonomyError(f"Category '{name}' is marked as not applicable and cannot have a value.")
            markers += _markers_of(taxonomy, name, values[name])
        found = cls(tuple(markers), excluded)
        _check_applicability(taxonomy, found)
        return found

    def __len__(self) -> int:
        return len(self.markers)

    def __contains__(self, category: str) -> bool:
        return any(marker.category == category for marker in self.markers)

    @property
    def categories(self) -> tuple[str, ...]:
        """The known categories, each once, in canonical order."""
        return tuple(dict.fromkeys(marker.category for marker in self.markers))

    def values(self, category: str) -> tuple[Scalar, ...]:
        """All values of `category`, in canonical order; empty when it is not known."""
        return tuple(marker.value for marker in self.markers if marker.category == category)

    def value(self, category: str) -> Scalar | None:
        """The first value of `category`, or None when it is not known."""
        return next((marker.value for marker in self.markers if marker.category == category), None)

    def state(self, category: str) -> State:
        """Whether `category` is known, unknown or not applicable."""
        if category in self:
            return State.KNOWN
        return State.NOT_APPLICABLE if category in self.not_applicable else State.UNKNOWN

    def only(self, categories: Iterable[str]) -> Self:
        """The same set with nothing known outside `categories`."""
        kept = frozenset(categories)
        return type(self)(tuple(m for m in self.markers if m.category in kept), self.not_applicable)

    def without(self, categories: Iterable[str]) -> Self:
        """The same set with nothing known of `categories`."""
        dropped = frozenset(categories)
        return type(self)(tuple(m for m in self.markers if m.category not in dropped), self.not_applicable)

    def to_dict(self) -> dict[str, Scalar | list[Scalar]]:
        """category -> value, or -> list of values where there are several; `MarkerSet.of` takes it back."""
        found: dict[str, Scalar | list[Scalar]] = {}
        for name in self.categories:
            values = self.values(name)
            found[name] = values[0] if len(values) == 1 else list(values)
        return found


def _markers_of(taxonomy: Taxonomy, name: str, raw: Scalar | Sequence[Scalar]) -> list[Marker]:
    category = taxonomy.category(name)
    raw_values: Sequence[Scalar] = [raw] if isinstance(raw, str | int | float) else raw
    values = list(dict.fromkeys(category.parse(value) for value in raw_values))
    if len(values) > 1 and not category.multiple:
        raise TaxonomyError(f"Category '{name}' holds one value, got {len(values)}: {', '.join(map(str, values))}.")
    if not category.is_numeric:
        values.sort(key=lambda value: category.value_names.index(str(value)))
    return [Marker(name, value) for value in values]


def applies(taxonomy: Taxonomy, markers: MarkerSet, category: str) -> bool:
    """Whether `category` makes sense beside `markers`; also true where the category it hangs on is not known."""
    rule = taxonomy.category(category).applies_when
    return rule is None or rule.category not in markers or bool(set(markers.values(rule.category)) & set(rule.values))


def _check_applicability(taxonomy: Taxonomy, found: MarkerSet) -> None:
    for name in found.categories:
        rule = taxonomy.category(name).applies_when
        if rule is not None and not applies(taxonomy, found, name):
            given = ", ".join(str(value) for value in found.values(rule.category))
            raise TaxonomyError(
                f"Category '{name}' applies only when '{rule.category}' is one of {', '.join(rule.values)}; "
                f"here it is {given}."
            )
