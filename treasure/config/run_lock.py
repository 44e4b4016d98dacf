"""One process at a time works in a run folder: a lock file that names its holder and outlives no crash.

The file holds process id, host and start of the holder. A holder that is gone, or whose id now belongs to another
process, loses the lock to whoever asks next. `flock` guards only the moment of looking and taking.
"""

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from treasure.errors import ConfigError

LOCK = "LOCK"


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Holds the lock of `folder`, which exists, for as long as the block runs.

    Raises:
        ConfigError: a living process holds it; names the process.
    """
    path = folder / LOCK
    with _guarded(path) as file:
        holder = _read(file)
        if holder is not None and _is_alive(holder):
            raise ConfigError(
                f"{folder} is in use by process {holder['pid']} on {holder['host']} since {holder['since']}. "
                f"Wait for it, or stop it and start again; if it is gone for good, delete {path}."
            )
        _write(file, _myself())
    try:
        yield
    finally:
        with _guarded(path):
            path.unlink()


def living_holder(folder: Path) -> dict[str, Any] | None:
    """Who holds the lock of `folder`: its `pid`, `host` and `since`; None when nobody does. Writes nothing."""
    try:
        with (folder / LOCK).open(encoding="utf-8") as file:
            holder = _read(file)
    except OSError:
        return None
    return holder if holder is not None and _is_alive(holder) else None


@contextmanager
def _guarded(path: Path) -> Iterator[IO[str]]:
    """The open lock file, with no other process looking at it until the block ends."""
    while True:
        with path.open("a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            # The holder may have deleted the file between our opening and our turn.
            if path.exists() and os.fstat(file.fileno()).st_ino == path.stat().st_ino:
                yield file
                return


def _read(file: IO[str]) -> dict[str, Any] | None:
    file.seek(0)
    try:
        holder = json.loads(file.read())
    except json.JSONDecodeError:  # empty, or cut short by a crash
        return None
    return holder if isinstance(holder, dict) and {"pid", "host", "born", "since"} <= holder.keys() else None


def _write(file: IO[str], holder: dict[str, Any]) -> None:
    file.seek(0)
    file.truncate()
    file.write(json.dumps(holder) + "\n")
    file.flush()


def _myself() -> dict[str, Any]:
    pid = os.getpid()
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    return {"pid": pid, "host": socket.gethostname(), "born": _state(pid)[1], "since": since}


def _is_alive(holder: dict[str, Any]) -> bool:
    """Whether the holder still runs; a holder on another host is believed to."""
    if holder["host"] != socket.gethostname():
        return True
    try:
        os.kill(holder["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it lives and belongs to somebody else
        return True
    state, born = _state(holder["pid"])
    return state not in ("Z", "X") and (holder["born"] is None or holder["born"] == born)


def _state(pid: int) -> tuple[str, int | None]:
    """State letter of process `pid` and its start in clock ticks after boot; ("", None) where /proc is absent.

    The letter is Z for one that is dead but not yet waited for; the start tells a reused id apart.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return "", None
    fields = stat.rpartition(")")[2].split()
    return fields[0], int(fields[19])
