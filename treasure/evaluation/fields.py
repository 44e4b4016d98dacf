"""Checks the fields of a JSON object that was written here, and perhaps edited since."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from treasure.errors import DataError

_NAMES = {str: "text", int: "a whole number", bool: "true or false", dict: "an object", list: "a list"}


def check_fields(row: Mapping[str, Any], kinds: Mapping[str, type], path: Path, line: int) -> None:
    """Refuses a row that lacks a field of `kinds`, or has one of another kind.

    Raises:
        DataError: names the first such field, with file and line.
    """
    for name, kind in kinds.items():
        if name not in row:
            raise DataError(f"The field '{name}' is missing; it should be {_NAMES[kind]}.", path, line)
        value = row[name]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            shown = repr(value) if len(repr(value)) <= 60 else repr(value)[:60] + "…"
            raise DataError(f"'{name}' must be {_NAMES[kind]}, got {shown}.", path, line)
