"""Takes a header off the front of a text: total on any string, reports what is wrong, keeps what is right."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from treasure.errors import TaxonomyError
from treasure.markers.marker_set import Marker, MarkerSet, applies
from treasure.taxonomy.taxonomy import Scalar, Taxonomy

_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?")
_SPACE = re.compile(r"\s*")
OUT_OF_ORDER = "the markers are not in canonical order"
"""A problem only for a model that has met its markers in canonical order."""


@dataclass(frozen=True, slots=True)
class ParsedHeader:
    """What a text begins with, and what follows.

    `markers` are the valid ones; `found` says whether there was a header at all, valid or not; `problems` names
    everything in it that a correct header would not hold. Without a header `content` is the whole text.
    """

    markers: MarkerSet
    content: str
    found: bool
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Syntax:
    """How one surface spells a header.

    `opening`, `closing` and `separator` are literal; the separator stands once between the closing and the content.
    `element` matches one marker, with groups `category` and `value` (and `number`, where numbers are spelled apart);
    `start` matches the beginning of an element, with group `category`, or the closing; `fragment` matches an element
    that was cut off.
    """

    opening: str
    closing: str
    separator: str
    element: re.Pattern[str]
    start: re.Pattern[str]
    fragment: re.Pattern[str]


def parse_header(text: str, taxonomy: Taxonomy, syntax: Syntax) -> ParsedHeader:
    """Splits `text` into its header and its content; never raises, whatever the text.

    A header stands at the very start, after white space at most. Junk within one of its lines is skipped when a known
    category or the end follows on that line; otherwise the header is over, and what follows is content.
    """
    begin = _SPACE.match(text).end()  # pyright: ignore[reportOptionalMemberAccess]  # the pattern matches anything
    if not text.startswith(syntax.opening, begin):
        return ParsedHeader(MarkerSet(), text, found=False)
    problems: list[str] = []
    elements, end = _scan(text, begin + len(syntax.opening), taxonomy, syntax, problems)
    if text.startswith(syntax.separator, end):
        end += len(syntax.separator)
    content = text[end:]
    if content.lstrip().startswith(syntax.opening):
        problems.append("a second header follows the first")
    return ParsedHeader(_collect(elements, taxonomy, problems), content, found=True, problems=tuple(problems))


def _scan(
    text: str, position: int, taxonomy: Taxonomy, syntax: Syntax, problems: list[str]
) -> tuple[list[tuple[str, str]], int]:
    """All (category, raw value) pairs of the header whose inside begins at `position`, and where the header ends."""
    elements: list[tuple[str, str]] = []
    while True:
        place = _SPACE.match(text, position).end()  # pyright: ignore[reportOptionalMemberAccess]
        on_new_line = "\n" in text[position:place]
        if text.startswith(syntax.closing, place):
            return elements, place + len(syntax.closing)
        if text.startswith(syntax.opening, place):
            problems.append("the header is opened twice")
            position = place + len(syntax.opening)
            continue
        element = syntax.element.match(text, place)
        if element and (element["category"] in taxonomy or not on_new_line):
            elements.append((element["category"], _raw_value(element)))
            position = element.end()
        elif not on_new_line and (junk_end := _end_of_junk(text, place, taxonomy, syntax)) is not None:
            problems.append(f"not a marker: {_shown(text[place:junk_end])}")
            position = junk_end
        else:
            problems.append("the header has no end")
            return elements, _end_of_fragment(text, position, place, on_new_line, syntax)


def _raw_value(element: re.Match[str]) -> str:
    groups = element.groupdict()
    return (groups["value"] or groups.get("number") or "").strip()


def _end_of_junk(text: str, place: int, taxonomy: Taxonomy, syntax: Syntax) -> int | None:
    """Where the header goes on after junk at `place`; None when it does not on the same line or within 200 letters."""
    limit = min(len(text), place + 200)
    line_end = text.find("\n", place, limit)
    for found in syntax.start.finditer(text, place + 1, line_end if line_end >= 0 else limit):
        if found["category"] is None or found["category"] in taxonomy:
            return found.start()
    return None


def _end_of_fragment(text: str, position: int, place: int, on_new_line: bool, syntax: Syntax) -> int:
    """The end of a header that breaks off at `place`, the first visible letter from `position` on."""
    if place == len(text):
        return place
    fragment = None if on_new_line else syntax.fragment.match(text, place)
    return fragment.end() if fragment else position


def _shown(text: str) -> str:
    text = text.strip()
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _collect(elements: Iterable[tuple[str, str]], taxonomy: Taxonomy, problems: list[str]) -> MarkerSet:
    """The valid markers among `elements`, in canonical order."""
    values: dict[str, list[Scalar]] = {}
    ranks: list[tuple[int, int]] = []
    for name, raw in elements:
        value = _value(name, raw, taxonomy, problems)
        if value is None or _is_repeated(name, value, values, taxonomy, problems):
            continue
        values.setdefault(name, []).append(value)
        ranks.append(_rank(name, value, taxonomy))
    if ranks != sorted(ranks):
        problems.append(OUT_OF_ORDER)
    return _without_inapplicable(MarkerSet(_ordered(values, taxonomy)), taxonomy, problems)


def _value(name: str, raw: str, taxonomy: Taxonomy, problems: list[str]) -> Scalar | None:
    if name not in taxonomy:
        problems.append(f"unknown category {_shown(name)}")
        return None
    category = taxonomy.category(name)
    if raw in category.value_names:
        return raw
    digits = raw.replace(" ", "")  # some tokenizers put a blank before each digit when they decode
    if category.is_numeric and _NUMBER.fullmatch(digits):
        try:
            return category.parse(digits)
        except TaxonomyError:
            pass  # out of range, and reported in the words of a header
    problems.append(f"{name} cannot be {_shown(raw)}")
    return None


def _is_repeated(
    name: str, value: Scalar, values: dict[str, list[Scalar]], taxonomy: Taxonomy, problems: list[str]
) -> bool:
    earlier = values.get(name, [])
    if value in earlier:
        problems.append(f"{name} {value} is repeated")
        return True
    if earlier and not taxonomy.category(name).multiple:
        problems.append(f"{name} holds one value, {value} is one more")
        return True
    return False


def _rank(name: str, value: Scalar, taxonomy: Taxonomy) -> tuple[int, int]:
    category = taxonomy.category(name)
    return taxonomy.index(name), 0 if category.is_numeric else category.value_names.index(str(value))


def _ordered(values: dict[str, list[Scalar]], taxonomy: Taxonomy) -> tuple[Marker, ...]:
    found = [Marker(name, value) for name, listed in values.items() for value in listed]
    return tuple(sorted(found, key=lambda marker: _rank(marker.category, marker.value, taxonomy)))


def _without_inapplicable(found: MarkerSet, taxonomy: Taxonomy, problems: list[str]) -> MarkerSet:
    wrong = [name for name in found.categories if not applies(taxonomy, found, name)]
    problems += [f"{name} does not apply here" for name in wrong]
    return found.without(wrong)
