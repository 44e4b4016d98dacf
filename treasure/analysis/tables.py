"""Rows of the result tables to CSV and back; the same rows always give the same bytes."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from treasure.errors import DataError
from treasure.jsonl import write_text

Row = TypeVar("Row")

DECIMALS = 6
"""More than any result can mean, few enough that the last bits of a sum never show."""


def write_rows(path: Path, row_type: type[Row], rows: Sequence[Row]) -> None:
    """Writes one line for each row, columns in the order of the fields of `row_type`; NaN becomes an empty cell."""
    names = [field.name for field in fields(row_type)]  # type: ignore[arg-type]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([[_cell(getattr(row, name)) for name in names] for row in rows])
    write_text(path, buffer.getvalue())


def read_rows(path: Path, row_type: type[Row]) -> tuple[Row, ...]:
    """Reads what `write_rows` wrote.

    Raises:
        DataError: the file is missing, has other columns, or a cell that is not of its column's type.
    """
    if not path.is_file():
        raise DataError("No such table. Make the report first: treasure-report.", path)
    types = get_type_hints(row_type)
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if list(reader.fieldnames or ()) != list(types):
            found, expected = ", ".join(reader.fieldnames or ()), ", ".join(types)
            raise DataError(f"Columns are {found or 'missing'}; expected {expected}. Make the report again.", path)
        return tuple(_row(row, row_type, types, path, line) for line, row in enumerate(reader, start=2))


def _row(cells: dict[str, str], row_type: type[Row], types: dict[str, type], path: Path, line: int) -> Row:
    try:
        return row_type(**{name: _parse(cells[name], kind) for name, kind in types.items()})
    except (TypeError, ValueError) as error:
        raise DataError(f"A cell does not fit its column: {error}.", path, line) from error


def _parse(text: str, kind: type) -> Any:
    return math.nan if kind is float and text == "" else kind(text)


def _cell(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    if math.isnan(value):
        return ""
    text = f"{value:.{DECIMALS}f}"
    return text.removeprefix("-") if float(text) == 0 else text
