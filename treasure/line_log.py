"""A file of JSON lines that grows as work is done and survives a kill: what is in it need not be done again.

One process at a time writes it: the file itself is locked, and the lock ends with the process.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import Any

from treasure.errors import ConfigError, DataError
from treasure.jsonl import read_jsonl
from treasure.stopping import deferred_stop

Row = dict[str, Any]


class LineLog:
    """The open file of `line_log`. What a kill or a full disk cut short behind the last whole line does not count."""

    def __init__(self, path: Path, file: FileIO) -> None:
        self.path, self._file = path, file
        self._size = sum(len(line) + 1 for line in self.lines())  # without a line that was cut

    def lines(self) -> list[bytes]:
        """All whole lines, as they are; changes nothing."""
        self._file.seek(0)
        return self._file.read().split(b"\n")[:-1]

    def rows(self) -> list[Row]:
        """All rows so far; takes off a line that was cut.

        Raises:
            DataError: a line is no JSON object, so that something else has written there.
        """
        self._take_off_cut_line()
        try:
            return [row for _, row in read_jsonl(self.path)]
        except DataError as error:
            raise DataError(f"{error} Remove the file to do its work again, or mend that line.") from error

    def append(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Writes `rows` behind the others; when this ends they are on the disk. A signal is obeyed behind that."""
        # Half a surrogate pair, which UTF-8 lacks, is written as Python escapes it, and JSON does so alike.
        data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode(errors="backslashreplace")
        with deferred_stop():
            self._take_off_cut_line()
            left = memoryview(data)
            while left:
                left = left[self._file.write(left) :]
            os.fsync(self._file.fileno())
            self._size += len(data)

    def clear(self) -> None:
        """Takes off all lines."""
        self._size = 0
        self._file.truncate(0)

    def _take_off_cut_line(self) -> None:
        if os.fstat(self._file.fileno()).st_size != self._size:  # a file that is whole keeps its time
            self._file.truncate(self._size)


@contextmanager
def line_log(path: Path, *, holds: str, remedy: str) -> Iterator[LineLog]:
    """The log in `path`, made if it is not there; one that stays empty is removed.

    For errors, `holds` names what is written there, and `remedy` says what else to do than to wait.

    Raises:
        ConfigError: another process is at it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path, holds, remedy) as file:
        try:
            yield LineLog(path, file)
        finally:
            if _is_at(file, path) and not path.stat().st_size:
                path.unlink()


@contextmanager
def _locked(path: Path, holds: str, remedy: str) -> Iterator[FileIO]:
    while True:
        with FileIO(path, "a+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ConfigError(f"Another process writes {holds} to '{path}'. Wait for it, or {remedy}.") from error
            # Whoever held the lock may have removed the file between our opening and our turn.
            if _is_at(file, path):
                yield file
                return


def _is_at(file: FileIO, path: Path) -> bool:
    """Whether `path` still is the open file."""
    with suppress(FileNotFoundError):
        return os.fstat(file.fileno()).st_ino == path.stat().st_ino
    return False
