"""One process at a time works in a run folder: a lock file that names its holder and outlives no crash.

The file holds process id, host and start of the holder. A holder that is gone, or whose id now belongs to another
process, loses the lock to whoever asks next. `flock` guards only the moment of looking and taking.

A holder on another host cannot be looked up. It touches the file every few seconds, so whoever asks waits for such a
sign of life: with one the lock is refused, without one it is taken. No clocks of two hosts are compared for that.
"""

import fcntl
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from treasure.errors import ConfigError

LOCK = "LOCK"
_BEAT_S = 15.0
_GONE_S = 180.0
"""Seconds without a sign after which a holder on another host is gone; network disks show one up to a minute late."""


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Holds the lock of `folder`, which exists, for as long as the block runs.

    Raises:
        ConfigError: a living process holds it; names the process.
    """
    path, myself = folder / LOCK, _myself()
    silent = _silent_holder(path)
    with _guarded(path) as file:
        holder = _read(file)
        if holder is not None and holder != silent and _is_alive(holder):
            raise ConfigError(
                f"{folder} is in use by process {holder['pid']} on {holder['host']} since {holder['since']}. "
                f"Wait for it, or stop it and start again; if it is gone for good, delete {path}."
            )
        _write(file, myself)
    ended = threading.Event()
    threading.Thread(target=_show_life, args=(path, myself, ended), daemon=True, name="run lock").start()
    try:
        yield
    finally:
        ended.set()
        with _guarded(path) as file:
            if _read(file) in (myself, None):
                path.unlink()


def living_holder(folder: Path) -> dict[str, Any] | None:
    """Who holds the lock of `folder`: its `pid`, `host` and `since`; None when nobody does. Writes nothing."""
    try:
        with (folder / LOCK).open(encoding="utf-8") as file:
            holder, age_s = _read(file), time.time() - os.fstat(file.fileno()).st_mtime
    except OSError:
        return None
    if holder is None or not _is_alive(holder) or (_is_elsewhere(holder) and age_s > _GONE_S):
        return None
    return holder


def _show_life(path: Path, myself: dict[str, Any], ended: threading.Event) -> None:
    """Touches the lock until `ended`. Dies when another took it, as after a long sleep, so that one writes."""
    while not ended.wait(_BEAT_S):
        sign = _sign(path)
        if sign is not None and sign[0] != myself:
            print(f"{path.parent} was taken over by process {sign[0]['pid']} on {sign[0]['host']}.", file=sys.stderr)
            os.kill(os.getpid(), signal.SIGKILL)
        with suppress(OSError):  # the disk may be away for a while
            os.utime(path)


def _silent_holder(path: Path) -> dict[str, Any] | None:
    """The holder, if it is on another host and gives no sign of life while this waits for one."""
    sign = _sign(path)
    if sign is None or not _is_elsewhere(sign[0]):
        return None
    print(
        f"{path.parent} is in use by process {sign[0]['pid']} on {sign[0]['host']}. "
        f"Waiting up to {_GONE_S / 60:.0f} min for a sign of life from it; without one the run goes on here.",
        file=sys.stderr,
        flush=True,
    )
    deadline = time.monotonic() + _GONE_S
    while time.monotonic() < deadline:
        time.sleep(min(1.0, _BEAT_S))
        if _sign(path) != sign:
            return None
    return sign[0]


def _sign(path: Path) -> tuple[dict[str, Any], int] | None:
    """The holder and when it last touched the lock, in nanoseconds; None when there is no holder."""
    try:
        with path.open(encoding="utf-8") as file:
            holder = _read(file)
            return None if holder is None else (holder, os.fstat(file.fileno()).st_mtime_ns)
    except OSError:
        return None


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
    if _is_elsewhere(holder):
        return True
    try:
        os.kill(holder["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it lives and belongs to somebody else
        return True
    state, born = _state(holder["pid"])
    return state not in ("Z", "X") and (holder["born"] is None or holder["born"] == born)


def _is_elsewhere(holder: dict[str, Any]) -> bool:
    return holder["host"] != socket.gethostname()


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
