"""A regular expression for valid headers, for engines that hold what they write to one.

opening | one element a marker, in canonical order, categories left out at will | closing

A category that does not apply is no regular thing: the expression has one branch for each way in which the rules of the
taxonomy can hold.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from treasure.errors import ConfigError
from treasure.markers.marker_set import Marker, MarkerSet
from treasure.markers.number_regex import number_regex
from treasure.markers.surface import Surface
from treasure.taxonomy.taxonomy import AppliesWhen, Category, Kind, Scalar, Taxonomy

_DECIMAL_BOUND = 100.0
"""Greatest size of a decimal without bounds, such as the score of a reward model."""
_PROBE = 123456789012
"""A number that no surface writes by itself; it shows where in an element the number stands."""
_NOTHING: Mapping[str, frozenset[Scalar]] = {}


def header_regex(
    taxonomy: Taxonomy,
    surface: Surface,
    *,
    forced: MarkerSet = MarkerSet(),  # noqa: B008  # frozen
    forbidden: Mapping[str, frozenset[Scalar]] = _NOTHING,
    greatest: int = 100_000,
) -> str:
    """Matches exactly the headers in canonical order, separator included, whose parts `surface.parse` finds valid.

    They hold of each category of `forced` these values and no others, and nothing of `forbidden` (category -> values;
    without values the whole category). Numbers go up to `greatest`, decimals to 100, where the taxonomy sets no bounds.
    A number and the bucket derived from it agree where one of them is forced; else they are not compared.

    Raises:
        ConfigError: no header could be written so.
    """
    writer = _Writer(taxonomy, surface, forced, forbidden, greatest)
    rules = list(dict.fromkeys(c.applies_when for c in taxonomy.categories if c.applies_when is not None))
    branches = [
        branch
        for holding in itertools.product((True, False), repeat=len(rules))
        if (branch := writer.branch(dict(zip(rules, holding, strict=True)))) is not None
    ]
    if not branches:
        raise ConfigError(
            "No header can hold all that is forced and nothing that is forbidden. Leave out what contradicts. Forced: "
            f"{forced.to_dict()}. Forbidden: { {name: sorted(map(str, values)) for name, values in forbidden.items()} }"
        )
    opening, closing = (piece for piece in surface.pieces(MarkerSet()))
    ends = [_escaped((piece.token or "") + piece.text) for piece in (opening, closing)]
    return ends[0] + _joined(branches) + ends[1]


@dataclass(frozen=True)
class _Writer:
    """Writes what stands between opening and closing."""

    taxonomy: Taxonomy
    surface: Surface
    forced: MarkerSet
    forbidden: Mapping[str, frozenset[Scalar]]
    greatest: int

    def branch(self, holds: Mapping[AppliesWhen, bool]) -> tuple[str, ...] | None:
        """One expression a category, where just the rules that `holds` names do; None if no header is so."""
        parts = [self._category(category, holds) for category in self.taxonomy.categories]
        found = tuple(part for part in parts if part is not None)
        return found if len(found) == len(parts) else None

    def _category(self, category: Category, holds: Mapping[AppliesWhen, bool]) -> str | None:
        name, is_forced = category.name, category.name in self.forced
        if category.applies_when is not None and not holds[category.applies_when]:
            return None if is_forced else ""
        on_this = [(frozenset(rule.values), is_so) for rule, is_so in holds.items() if rule.category == name]
        missed = [values for values, is_so in on_this if not is_so]
        if category.is_numeric:
            found = self._number(category)
        else:
            names = [value for value in self._names(category) if not any(value in values for values in missed)]
            found = self._values(category, names, [values for values, is_so in on_this if is_so])
        if is_forced:
            return found
        return "" if found is None else f"(?:{found})?"

    def _number(self, category: Category) -> str | None:
        if category.name in self.forbidden:
            return None
        if category.name in self.forced:
            return self._element(category, self.forced.values(category.name)[0])
        is_decimal = category.kind is Kind.DECIMAL
        low = category.minimum if category.minimum is not None else -_DECIMAL_BOUND if is_decimal else 0.0
        high = category.maximum if category.maximum is not None else _DECIMAL_BOUND if is_decimal else self.greatest
        for bucket in self.taxonomy.categories:
            if bucket.derived_from == category.name and bucket.name in self.forced:
                place = bucket.value_names.index(str(self.forced.value(bucket.name)))
                low = max(low, bucket.edges[place - 1]) if place else low
                step = 10.0**-category.decimals
                high = min(high, bucket.edges[place] - step) if place < len(bucket.edges) else high
        numbers = number_regex(low, max(low, high) if category.maximum is None else high, category.decimals)
        if numbers is None:
            return None
        before, after = self._around_number(category)
        return _escaped(before) + numbers + _escaped(after)

    def _around_number(self, category: Category) -> tuple[str, str]:
        element = self._text(category, _PROBE)
        before, probe, after = element.partition(category.text(_PROBE))
        assert probe, "a surface writes numbers as the category does"
        return before, after

    def _names(self, category: Category) -> list[str]:
        """The values of a closed list that may be written."""
        name = category.name
        no_others = self.forced.values(name) or category.value_names
        names = [value for value in category.value_names if value in no_others]
        if name in self.forbidden:
            names = [value for value in names if self.forbidden[name] and value not in self.forbidden[name]]
        number = None if category.derived_from is None else self.forced.value(category.derived_from)
        return names if number is None else [value for value in names if value == category.bucket(float(number))]

    def _values(self, category: Category, names: Sequence[str], hits: Sequence[frozenset[str]]) -> str | None:
        """One value or, where there may be several, some of them in order, at least one of each of `hits`."""
        elements = [(name, self._element(category, name)) for name in names]
        if not category.multiple:
            fitting = [element for name, element in elements if all(name in values for values in hits)]
            wanted = self.forced.values(category.name)
            return "|".join(fitting) if fitting and all(value in names for value in wanted) else None
        if category.name in self.forced:
            chosen = self.forced.values(category.name)
            fits = all(value in names for value in chosen) and all(values & set(map(str, chosen)) for values in hits)
            return "".join(element for _, element in elements) if fits else None
        return _subsets(elements, tuple(hits))

    def _element(self, category: Category, value: Scalar) -> str:
        return _escaped(self._text(category, value))

    def _text(self, category: Category, value: Scalar) -> str:
        piece = self.surface.pieces(MarkerSet((Marker(category.name, value),)))[1]
        return (piece.token or "") + piece.text


def _subsets(elements: Sequence[tuple[str, str]], unmet: tuple[frozenset[str], ...]) -> str | None:
    """Some of `elements` (name, expression), in order, at least one of each set in `unmet`; None if none are so."""
    if not unmet:
        return "".join(f"(?:{element})?" for _, element in elements)
    if not elements:
        return None
    (name, element), rest = elements[0], elements[1:]
    taken = _subsets(rest, tuple(values for values in unmet if name not in values))
    left = _subsets(rest, unmet)
    ways = [*([] if taken is None else [element + taken]), *([] if left is None else [left])]
    return None if not ways else ways[0] if len(ways) == 1 else f"(?:{'|'.join(ways)})"


def _joined(branches: Sequence[tuple[str, ...]]) -> str:
    """The branches as alternatives; what all begin or end with is written once."""
    width = len(branches[0])
    differing = [i for i in range(width) if len({branch[i] for branch in branches}) > 1]
    if not differing:
        return "".join(branches[0])
    first, end = differing[0], differing[-1] + 1
    middle = "|".join("".join(branch[first:end]) for branch in branches)
    return f"{''.join(branches[0][:first])}(?:{middle}){''.join(branches[0][end:])}"


def _escaped(text: str) -> str:
    """`text` to be taken literally; less is escaped than by `re.escape`, since engines know different escapes."""
    return "".join(f"\\{letter}" if letter in r".^$*+?{}[]\|()" else letter for letter in text)
