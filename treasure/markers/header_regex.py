"""A regular expression for valid headers, for engines that hold what they write to one.

opening | one element a marker, in canonical order, categories left out at will | closing

That a category applies, and that a number lies in the bucket beside it, ties categories to each other: between those
there is one branch for each way in which the rules can hold, and for each bucket.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from treasure.errors import ConfigError
from treasure.markers.marker_set import Marker, MarkerSet
from treasure.markers.number_range import number_range
from treasure.markers.number_regex import number_regex
from treasure.markers.surface import Surface
from treasure.taxonomy.taxonomy import AppliesWhen, Category, Scalar, Taxonomy

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
    A number lies in the bucket beside it.

    Raises:
        ConfigError: no header could be written so.
    """
    writer = _Writer(taxonomy, surface, forced, forbidden, greatest)
    parts: list[str | None] = []
    place = 0
    for first, end, choices in _groups(_choices(taxonomy, forced)):
        parts += [writer.some(place, first, []), writer.some(first, end, choices)]
        place = end
    parts.append(writer.some(place, len(taxonomy.categories), []))
    if None in parts:
        raise ConfigError(
            "No header can hold all that is forced and nothing that is forbidden. Leave out what contradicts. Forced: "
            f"{forced.to_dict()}. Forbidden: { {name: sorted(map(str, values)) for name, values in forbidden.items()} }"
        )
    opening, closing = (_escaped((piece.token or "") + piece.text) for piece in surface.pieces(MarkerSet()))
    return opening + "".join(part for part in parts if part is not None) + closing


@dataclass(frozen=True)
class _Choice:
    """A question that ties the categories from place `first` to before `end` to each other, and its answers.

    A rule either holds or not; a bucket has one of its values, which bounds the number that it is derived from.
    """

    first: int
    end: int
    key: AppliesWhen | str
    answers: tuple[bool, ...] | tuple[str, ...]


Answers = Mapping[AppliesWhen | str, bool | str]


def _choices(taxonomy: Taxonomy, forced: MarkerSet) -> list[_Choice]:
    found: list[_Choice] = []
    for category in taxonomy.categories:
        if category.applies_when is not None:
            places = sorted((taxonomy.index(category.name), taxonomy.index(category.applies_when.category)))
            found.append(_Choice(places[0], places[1] + 1, category.applies_when, (True, False)))
        if category.derived_from is not None and category.derived_from in taxonomy:
            places = sorted((taxonomy.index(category.name), taxonomy.index(category.derived_from)))
            number = forced.value(category.derived_from)
            names = category.value_names if number is None else (category.bucket(float(number)),)
            names = tuple(name for name in names if name in (forced.values(category.name) or names))
            found.append(_Choice(places[0], places[1] + 1, category.name, names))
    return sorted(found, key=lambda choice: choice.first)


def _groups(choices: Sequence[_Choice]) -> list[tuple[int, int, list[_Choice]]]:
    """(first, end, choices) of stretches of categories that have nothing to do with each other, in order."""
    groups: list[tuple[int, int, list[_Choice]]] = []
    for choice in choices:
        if groups and choice.first < groups[-1][1]:
            first, end, members = groups[-1]
            groups[-1] = first, max(end, choice.end), [*members, choice]
        else:
            groups.append((choice.first, choice.end, [choice]))
    return groups


@dataclass(frozen=True)
class _Writer:
    """Writes what stands between opening and closing."""

    taxonomy: Taxonomy
    surface: Surface
    forced: MarkerSet
    forbidden: Mapping[str, frozenset[Scalar]]
    greatest: int

    def some(self, first: int, end: int, choices: Sequence[_Choice]) -> str | None:
        """The categories from place `first` to before `end`; None if no header is so."""
        keys = list(dict.fromkeys(choice.key for choice in choices))
        options = {choice.key: choice.answers for choice in choices}
        branches: list[str] = []
        for answers in itertools.product(*(options[key] for key in keys)):
            given: Answers = dict(zip(keys, answers, strict=True))
            parts = [self._category(category, given) for category in self.taxonomy.categories[first:end]]
            if None not in parts:
                branches.append("".join(part for part in parts if part is not None))
        return _any_of(branches)

    def _category(self, category: Category, given: Answers) -> str | None:
        """One category where the answers to the choices are those `given`."""
        name, is_forced = category.name, category.name in self.forced
        if category.applies_when is not None and not given[category.applies_when]:
            return None if is_forced else ""
        rules = [(frozenset(key.values), bool(is_so)) for key, is_so in given.items() if _is_on(key, name)]
        if category.is_numeric:
            found = self._number(category, given)
        else:
            missed = frozenset[str]().union(*(values for values, is_so in rules if not is_so))
            names = [value for value in self._names(category, given) if value not in missed]
            found = self._values(category, names, [values for values, is_so in rules if is_so])
        if is_forced:
            return found
        return "" if found is None else f"(?:{found})?"

    def _number(self, category: Category, given: Answers) -> str | None:
        if category.name in self.forbidden:
            return None
        if category.name in self.forced:
            return self._element(category, self.forced.values(category.name)[0])
        buckets = {name: str(answer) for name, answer in given.items() if isinstance(name, str)}
        first, last = number_range(self.taxonomy, category, buckets, self.greatest)
        scale = 10**category.decimals
        numbers = number_regex(first / scale, last / scale, category.decimals)
        if numbers is None:
            return None
        before, after = self._around_number(category)
        return _escaped(before) + numbers + _escaped(after)

    def _around_number(self, category: Category) -> tuple[str, str]:
        element = self._text(category, _PROBE)
        before, probe, after = element.partition(category.text(_PROBE))
        assert probe, "a surface writes numbers as the category does"
        return before, after

    def _names(self, category: Category, given: Answers) -> list[str]:
        """The values of a closed list that may be written."""
        allowed = self.forced.values(category.name) or category.value_names
        banned = self.forbidden.get(category.name, frozenset({""}))
        names = [value for value in category.value_names if value in allowed and banned and value not in banned]
        return [value for value in names if value == given[category.name]] if category.name in given else names

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
    return _any_of([*([] if taken is None else [element + taken]), *([] if left is None else [left])])


def _any_of(ways: Sequence[str]) -> str | None:
    return None if not ways else ways[0] if len(ways) == 1 else f"(?:{'|'.join(dict.fromkeys(ways))})"


def _is_on(key: AppliesWhen | str, name: str) -> TypeGuard[AppliesWhen]:
    return isinstance(key, AppliesWhen) and key.category == name


def _escaped(text: str) -> str:
    """`text` to be taken literally; less is escaped than by `re.escape`, since engines know different escapes."""
    return "".join(f"\\{letter}" if letter in r".^$*+?{}[]\|()" else letter for letter in text)
