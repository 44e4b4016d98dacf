"""Entries of a dictionary of anything are set like other options: `levers.domain=Legal`, without Hydra's plus."""

import re
from collections.abc import Sequence
from dataclasses import fields
from typing import Any, get_args, get_origin, get_type_hints

_ENTRY = re.compile(r"(?P<field>[A-Za-z_]\w*)(?:\.[^=]+=|=\s*\{)")


def with_pluses(overrides: Sequence[str], schema: type) -> list[str]:
    """`overrides` in Hydra's notation, in which a new entry of a dictionary begins with `++`."""
    names = _open_fields(schema)
    return [f"++{text}" if (found := _ENTRY.match(text)) and found["field"] in names else text for text in overrides]


def _open_fields(schema: type) -> frozenset[str]:
    """The fields of `schema` that are dictionaries of anything."""
    hints = get_type_hints(schema)
    kinds = {field.name: hints[field.name] for field in fields(schema)}
    return frozenset(name for name, kind in kinds.items() if get_origin(kind) is dict and get_args(kind)[1] is Any)
