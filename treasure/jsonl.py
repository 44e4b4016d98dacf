"""JSON Lines in and out, plain or gzip, with atomic writes."""

import gzip
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, cast

from treasure.errors import DataError


def open_text(path: Path) -> IO[str]:
    """Opens `path` for reading as UTF-8 text; `.gz` is unpacked on the way, a byte order mark in front is passed by."""
    if path.suffix == ".gz":
        return cast("IO[str]", gzip.open(path, "rt", encoding="utf-8-sig"))
    return path.open(encoding="utf-8-sig")


def read_jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields (line number from 1, object) for each line that is not blank.

    Raises:
        DataError: the file is missing or not UTF-8, or a line is not a JSON object.
    """
    if not path.is_file():
        raise DataError("This is a folder, not a file." if path.is_dir() else "No such file.", path)
    with open_text(path) as file:
        try:
            for line, text in enumerate(file, start=1):
                if text.strip():
                    yield line, _parse_object(text, path, line)
        except (UnicodeDecodeError, gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DataError(f"Not readable as UTF-8 text: {error}.", path) from error


def _parse_object(text: str, path: Path, line: int) -> dict[str, Any]:
    try:
        row = json.loads(text)
    except json.JSONDecodeError as error:
        raise DataError(f"Not valid JSON: {error.msg} at column {error.colno}.", path, line) from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, or brackets that deep
        raise DataError(f"JSON that cannot be read: {error}.", path, line) from error
    if not isinstance(row, dict):
        raise DataError(f"Expected a JSON object, got {type(row).__name__}.", path, line)
    return row


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    """Writes `rows` so that `path` is either whole or untouched, packed where it ends with `.gz`; returns how many."""
    count, is_packed = 0, path.suffix == ".gz"
    # Half a surrogate pair, which UTF-8 lacks, is written as Python escapes it, and JSON does so alike.
    options: dict[str, Any] = {"encoding": "utf-8", "errors": "backslashreplace"}
    with (
        _replacing(path) as partial,
        gzip.open(partial, "wt", **options) if is_packed else partial.open("w", **options) as file,
    ):
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, sort_keys=False) + "\n")
            count += 1
    return count


def write_text(path: Path, text: str) -> None:
    """Writes `text` so that `path` is either whole or untouched."""
    with _replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_bytes(path: Path, data: bytes) -> None:
    """Writes `data` so that `path` is either whole or untouched."""
    with _replacing(path) as partial:
        partial.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Writes `value` as indented JSON so that `path` is either whole or untouched."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Gives a file to write, which becomes `path` when the block ends well; else its room is free again."""
    partial = path.with_name(path.name + ".partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield partial
        os.replace(partial, path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise
