"""Entries of a dictionary of anything are set like other options: `levers.domain=Legal`, without Hydra's plus."""

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints


def with_pluses(overrides: Sequence[str], schema: type) -> list[str]:
    """`overrides` in Hydra's notation, in which a new entry of a dictionary begins with `++`.

    An entry that is a dictionary takes the place of the one before it, such as a preset's; Hydra would merge the two.
    """
    names = tuple(_open_fields(schema, ""))
    found: list[str] = []
    for text in overrides:
        key, _, value = text.partition("=")
        if _is_entry(key, names) and value.lstrip().startswith("{"):
            found.append(f"++{key}=null")
        found.append(f"++{text}" if _sets_entry(text, names) else text)
    return found


def _is_entry(key: str, names: tuple[str, ...]) -> bool:
    return key.startswith(tuple(f"{name}." for name in names))


def _sets_entry(text: str, names: tuple[str, ...]) -> bool:
    key, _, value = text.partition("=")
    return _is_entry(key, names) or (key in names and value.lstrip().startswith("{"))


def _open_fields(schema: type, prefix: str) -> Iterator[str]:
    """Dotted names of the options of `schema` that are dictionaries of anything."""
    hints = get_type_hints(schema)
    for field in fields(schema):
        kind = hints[field.name]
        if is_dataclass(kind) and isinstance(kind, type):
            yield from _open_fields(kind, f"{prefix}{field.name}.")
        elif get_origin(kind) is dict and get_args(kind)[1] is Any:
            yield f"{prefix}{field.name}"
