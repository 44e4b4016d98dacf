"""Rows as they lie in files or in a Hugging Face dataset, each with its place, broken ones included."""

import csv
import json
import sys
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from treasure.errors import DataError
from treasure.jsonl import open_text

FORMATS = (".jsonl", ".json", ".csv", ".tsv", ".parquet")


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row and where it stands. `problem` says why it could not be read; `fields` is then empty.

    `line` counts from 1; where a format has no lines it counts rows, and `unit` says so.
    """

    path: str
    line: int
    fields: dict[str, Any] = field(default_factory=dict)
    problem: str = ""
    unit: str = "line"

    def error(self, message: str) -> DataError:
        """An error that names this row's place."""
        if self.unit == "line":
            return DataError(message, self.path, self.line)
        return DataError(f"{self.unit} {self.line}: {message}", self.path)


def raw_rows(path: str, *, subset: str | None = None, split: str = "train") -> Iterator[RawRow]:
    """The rows of a file, of all files a glob matches (sorted), of a dataset folder, or of a Hub dataset.

    JSON Lines, JSON (a list of objects), CSV, TSV (all also .gz) and Parquet are read here; everything else is left to
    the `datasets` library, which is what `subset` and `split` are for.

    Raises:
        DataError: nothing is there, or a file as a whole cannot be read.
    """
    files = files_of(path)
    if files:
        for file in files:
            yield from _READERS[_format(file)](file)
    else:
        yield from _library_rows(path, subset, split)


def files_of(path: str) -> list[Path]:
    """The files that `path` means, each of a format that is read here; none when `datasets` has to read it.

    Raises:
        DataError: no such file, or one of another format.
    """
    pattern, is_glob = Path(path), bool(set(path) & set("*?["))
    found = [pattern] if pattern.is_file() else []
    if is_glob and not found:
        root = Path(pattern.anchor)
        found = sorted(file for file in root.glob(str(pattern.relative_to(root))) if file.is_file())
    if not found and (is_glob or _format(pattern) in FORMATS):
        raise DataError("No such file. Relative paths begin at the working directory.", path)
    for file in found:
        _require_format(file)
    return found


def _format(path: Path) -> str:
    return Path(path.stem).suffix if path.suffix == ".gz" else path.suffix


def _require_format(path: Path) -> None:
    if _format(path) not in FORMATS or path.name.endswith(".parquet.gz"):
        raise DataError(f"Unknown file format. Readable: {', '.join(FORMATS)}; all but .parquet also with .gz.", path)


def _json_lines(path: Path) -> Iterator[RawRow]:
    with open_text(path) as file:
        for line, text in _numbered(file, path):
            if text.strip():
                yield _parsed(text, path, line)


def _parsed(text: str, path: Path, line: int) -> RawRow:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        return RawRow(str(path), line, problem=f"Not valid JSON: {error.msg} at column {error.colno}.")
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, or brackets that deep
        return RawRow(str(path), line, problem=f"JSON that cannot be read: {error}.")
    return _object(value, path, line, "line")


def _object(value: Any, path: Path, number: int, unit: str) -> RawRow:
    if isinstance(value, dict):
        return RawRow(str(path), number, value, unit=unit)
    return RawRow(str(path), number, problem=f"Expected a JSON object, got {type(value).__name__}.", unit=unit)


def _json_list(path: Path) -> Iterator[RawRow]:
    try:
        with open_text(path) as file:
            rows = json.load(file)
    except (ValueError, RecursionError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"Not a readable JSON file: {error}. One object a line? Then call it .jsonl.", path) from error
    if not isinstance(rows, list):
        raise DataError(f"Expected a JSON list of objects, got {type(rows).__name__}.", path)
    for number, row in enumerate(rows, start=1):
        yield _object(row, path, number, "item")


def _comma_separated(path: Path) -> Iterator[RawRow]:
    return _separated(path, ",")


def _tab_separated(path: Path) -> Iterator[RawRow]:
    return _separated(path, "\t")


def _separated(path: Path, delimiter: str) -> Iterator[RawRow]:
    csv.field_size_limit(sys.maxsize)
    with open_text(path) as file:
        reader = csv.reader((text for _, text in _numbered(file, path)), delimiter=delimiter)
        try:
            header = next(reader, [])
            before = reader.line_num
            for values in reader:
                line, before = before + 1, reader.line_num  # a quoted value may run over several lines
                if values:
                    yield _record(header, values, path, line)
        except csv.Error as error:
            raise DataError(f"Not readable as separated values: {error}.", path, reader.line_num) from error


def _record(header: list[str], values: list[str], path: Path, line: int) -> RawRow:
    if len(values) != len(header):
        return RawRow(str(path), line, problem=f"Expected {len(header)} values as in the head line, got {len(values)}.")
    return RawRow(str(path), line, dict(zip(header, values, strict=True)))


def _parquet(path: Path) -> Iterator[RawRow]:
    import pyarrow
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(path)
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise DataError(f"Not a readable Parquet file: {error}", path) from error
    number = 0
    with file:
        for batch in file.iter_batches(batch_size=1024):
            for row in batch.to_pylist():
                number += 1
                yield RawRow(str(path), number, row, unit="row")


def _numbered(lines: Iterable[str], path: Path) -> Iterator[tuple[int, str]]:
    """Lines from 1; what is not text at all stops with the place it was met."""
    line = 0
    try:
        for line, text in enumerate(lines, start=1):
            yield line, text.removeprefix("\ufeff") if line == 1 else text
    except (UnicodeDecodeError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"Not readable as UTF-8 text: {error}.", path, line + 1) from error


_READERS = {
    ".jsonl": _json_lines,
    ".json": _json_list,
    ".csv": _comma_separated,
    ".tsv": _tab_separated,
    ".parquet": _parquet,
}


def _library_rows(path: str, subset: str | None, split: str) -> Iterator[RawRow]:
    import datasets  # heavy, and only needed here
    from datasets.exceptions import DatasetsError

    try:
        if (Path(path) / "state.json").is_file() or (Path(path) / "dataset_dict.json").is_file():
            loaded = datasets.load_from_disk(path)
            rows = loaded[split] if isinstance(loaded, datasets.DatasetDict) else loaded
        else:
            rows = datasets.load_dataset(path, subset, split=split)
    except (OSError, ValueError, KeyError, DatasetsError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataError(
            f"Neither a file, a dataset folder nor a Hugging Face dataset with split '{split}': {reason}", path
        ) from error
    for number, row in enumerate(rows, start=1):
        yield RawRow(path, number, dict(row), unit="row")
