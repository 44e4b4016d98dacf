"""Turns plain data into a Taxonomy and refuses whatever could not be meant."""

import math
import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from treasure.errors import did_you_mean
from treasure.taxonomy.taxonomy import LENGTHS, AppliesWhen, Category, Kind, Taxonomy, Value
from treasure.taxonomy.yaml_source import Keys, Places

TOP_KEYS = ("name", "categories")
CATEGORY_KEYS = (
    "kind", "definition", "values", "multiple", "applies_when",
    "minimum", "maximum", "decimals", "derived_from", "edges",
)  # fmt: skip
_CLOSED_ONLY = ("values", "multiple", "derived_from", "edges")
_NUMERIC_ONLY = ("minimum", "maximum", "decimals")
_CATEGORY_NAME = re.compile(r"[a-z][a-z0-9_]*")
_VALUE_NAME = re.compile(r"[^\s<>|]([^<>|\n\r\t]{0,98}[^\s<>|])?")
_RESERVED = ("markers",)
_RESERVED_VALUES = ("not_applicable", "unknown")


def build_taxonomy(data: Mapping[str, Any], places: Places) -> Taxonomy:
    """The taxonomy that `data` describes.

    Raises:
        TaxonomyError: `data` is not a valid taxonomy; the message names the place and what is allowed.
    """
    _known_keys(data, TOP_KEYS, (), places)
    name = data.get("name")
    if not isinstance(name, str) or not name.strip():
        raise places.error(("name",), f"A taxonomy needs a 'name', got {name!r}.")
    categories = data.get("categories")
    if not isinstance(categories, Mapping) or not categories:
        raise places.error(("categories",), "'categories' must be a mapping of at least one name to its description.")
    found = tuple(_category(key, entry, places) for key, entry in categories.items())
    by_name = {category.name: category for category in found}
    for category in found:
        _check_derivation(category, by_name, places)
        _check_rule(category, by_name, places)
    return Taxonomy(name, found)


def _category(name: str, entry: Any, places: Places) -> Category:
    keys = ("categories", name)
    if not _CATEGORY_NAME.fullmatch(name) or name in _RESERVED:
        raise places.error(
            keys,
            f"Category name '{name}' is not allowed. Use lower-case letters, digits and '_', beginning with a letter; "
            f"reserved: {', '.join(_RESERVED)}.",
        )
    entry = _mapping(entry, CATEGORY_KEYS, keys, places)
    kind = _kind(entry.get("kind"), (*keys, "kind"), places)
    numeric = kind in (Kind.INTEGER, Kind.DECIMAL)
    for key in _CLOSED_ONLY if numeric else _NUMERIC_ONLY:
        if key in entry:
            raise places.error((*keys, key), f"'{key}' makes no sense for category '{name}' of kind {kind}. Remove it.")
    minimum, maximum = (_number(entry.get(key), (*keys, key), places) for key in ("minimum", "maximum"))
    if minimum is not None and maximum is not None and minimum > maximum:
        raise places.error(keys, f"'minimum' {minimum:g} of category '{name}' is above its 'maximum' {maximum:g}.")
    return Category(
        name=name,
        kind=kind,
        definition=_text(entry.get("definition", ""), (*keys, "definition"), places),
        values=() if numeric else _values(entry.get("values"), (*keys, "values"), places),
        multiple=_flag(entry.get("multiple", False), (*keys, "multiple"), places),
        applies_when=_rule(entry.get("applies_when"), (*keys, "applies_when"), places),
        minimum=minimum,
        maximum=maximum,
        decimals=_decimals(entry.get("decimals", 0), kind, (*keys, "decimals"), places),
        derived_from=entry.get("derived_from"),
        edges=_edges(entry.get("edges", []), (*keys, "edges"), places),
    )


def _kind(raw: Any, keys: Keys, places: Places) -> Kind:
    allowed = [str(kind) for kind in Kind]
    if raw not in allowed:
        hint = did_you_mean(raw, allowed) if isinstance(raw, str) else ""
        raise places.error(keys, f"Unknown kind {raw!r}.{hint} Allowed: {', '.join(allowed)}.")
    return Kind(raw)


def _values(raw: Any, keys: Keys, places: Places) -> tuple[Value, ...]:
    if isinstance(raw, list):
        for item in raw:
            if not isinstance(item, str | int) or isinstance(item, bool):
                raise places.error(keys, f"A value is a name, got {item!r}. Put it in quotes.")
        names = [str(item) for item in raw]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise places.error(keys, f"Listed twice: {', '.join(repeated)}. Remove one.")
        raw = dict.fromkeys(names)
    if not isinstance(raw, Mapping) or not raw:
        raise places.error(keys, "'values' must name at least one value, as a list or as a mapping to descriptions.")
    return tuple(_value(name, entry, (*keys, name), places) for name, entry in raw.items())


def _value(name: str, raw: Any, keys: Keys, places: Places) -> Value:
    if not _VALUE_NAME.fullmatch(name) or name in _RESERVED_VALUES:
        raise places.error(
            keys,
            f"Value name {name!r} is not allowed. It must be at most 100 characters on one line without '<', '>', "
            f"'|' or blanks at its ends, since headers are written with them; reserved: {', '.join(_RESERVED_VALUES)}.",
        )
    entry = _mapping({} if raw is None else raw, ("definition", "includes", "tie_break"), keys, places)
    return Value(name, **{key: _text(text, (*keys, key), places) for key, text in entry.items()})


def _rule(raw: Any, keys: Keys, places: Places) -> AppliesWhen | None:
    if raw is None:
        return None
    entry = _mapping(raw, ("category", "values"), keys, places)
    category, values = entry.get("category"), entry.get("values")
    if not isinstance(category, str) or not isinstance(values, list) or not values:
        raise places.error(keys, "'applies_when' needs a 'category' and a list of its 'values'.")
    return AppliesWhen(category, tuple(str(value) for value in values))


def _check_rule(category: Category, by_name: Mapping[str, Category], places: Places) -> None:
    rule, keys = category.applies_when, ("categories", category.name, "applies_when")
    if rule is None:
        return
    allowed = [name for name, other in by_name.items() if name != category.name and not other.is_numeric]
    if rule.category not in allowed:
        raise places.error(
            keys,
            f"'{category.name}' cannot apply by '{rule.category}'.{did_you_mean(rule.category, allowed)} "
            f"Allowed: {', '.join(allowed)}. To drop the rule set it to null.",
        )
    names = by_name[rule.category].value_names
    for value in rule.values:
        if value not in names:
            raise places.error(
                keys,
                f"'{value}' is not a value of '{rule.category}'.{did_you_mean(value, names)} "
                f"Allowed: {', '.join(names)}.",
            )


def _check_derivation(category: Category, by_name: Mapping[str, Category], places: Places) -> None:
    keys, edges = ("categories", category.name, "edges"), category.edges
    if category.derived_from is None and not edges:
        return
    if category.kind is not Kind.ORDINAL:
        raise places.error(keys, f"Only an ordinal category is derived from a number, '{category.name}' is not one.")
    numeric = list(dict.fromkeys([name for name, other in by_name.items() if other.is_numeric] + list(LENGTHS)))
    if category.derived_from not in numeric:
        hint = did_you_mean(str(category.derived_from), numeric)
        raise places.error(
            (*keys[:-1], "derived_from"),
            f"'{category.name}' cannot be derived from {category.derived_from!r}.{hint} "
            f"Allowed: {', '.join(numeric)}. To derive nothing set derived_from and edges to null.",
        )
    needed = len(category.values) - 1
    if len(edges) != needed:
        raise places.error(keys, f"{needed + 1} values of '{category.name}' need {needed} edges, got {len(edges)}.")
    if any(low >= high for low, high in pairwise(edges)):
        raise places.error(keys, f"The edges of '{category.name}' must rise, got {list(edges)}.")


def _known_keys(entry: Mapping[str, Any], allowed: Iterable[str], keys: Keys, places: Places) -> None:
    allowed = list(allowed)
    for key in entry:
        if key not in allowed:
            raise places.error(
                (*keys, key), f"Unknown key '{key}'.{did_you_mean(str(key), allowed)} Allowed: {', '.join(allowed)}."
            )


def _mapping(raw: Any, allowed: Iterable[str], keys: Keys, places: Places) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping):
        raise places.error(keys, f"'{keys[-1]}' must be a mapping with {', '.join(allowed)}, got {raw!r:.60}.")
    _known_keys(raw, allowed, keys, places)
    return raw


def _text(raw: Any, keys: Keys, places: Places) -> str:
    if not isinstance(raw, str):
        raise places.error(keys, f"'{keys[-1]}' must be text, got {raw!r:.60}.")
    return " ".join(raw.split())


def _flag(raw: Any, keys: Keys, places: Places) -> bool:
    if not isinstance(raw, bool):
        raise places.error(keys, f"'{keys[-1]}' must be true or false, got {raw!r:.60}.")
    return raw


def _number(raw: Any, keys: Keys, places: Places) -> float | None:
    if raw is None:
        return None
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw):
        raise places.error(keys, f"'{keys[-1]}' must be a finite number, got {raw!r:.60}.")
    return float(raw)


def _decimals(raw: Any, kind: Kind, keys: Keys, places: Places) -> int:
    limit = 10 if kind is Kind.DECIMAL else 0
    if isinstance(raw, bool) or not isinstance(raw, int) or not 0 <= raw <= limit:
        raise places.error(keys, f"'decimals' of kind {kind} is a whole number from 0 to {limit}, got {raw!r:.60}.")
    return raw


def _edges(raw: Any, keys: Keys, places: Places) -> tuple[float, ...]:
    if not isinstance(raw, list):
        raise places.error(keys, f"'edges' must be a list of numbers, got {raw!r:.60}.")
    edges = [_number(edge, keys, places) for edge in raw]
    if any(edge is None for edge in edges):
        raise places.error(keys, f"'edges' must be a list of numbers, got {raw!r:.60}.")
    return tuple(edge for edge in edges if edge is not None)
