"""`Records`: one SQLite row a request, so that nothing answered is asked again, whenever a process is killed.

Each attempt is noted before it is sent and again when it has ended, both in a transaction that is on the disk before
work goes on. What is promised:

- a request with an answer in the file is never sent again, by whichever process on this machine;
- no two living processes on this machine send the same request at the same time: the one that sends it owns it, and
  holds a lock on a file of its own (`<records>.owner-…`) that the system takes from it when it dies;
- only a request whose process died between sending and noting the answer is sent again; `Totals.num_cut_off` counts
  these, and a death leaves at most as many as were in flight.

Not for network disks: SQLite's log needs shared memory.
"""

import fcntl
import json
import sqlite3
import time
import uuid
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from treasure.errors import DataError, DiskFullError
from treasure.llm.record import Experience, Record, Reply, Status, Totals, Turn, Usage
from treasure.llm.request import Request

_VERSION = 1
_LOCKED_S = 60.0
_AGAIN_S = 0.05
_BATCH = 500
_TABLES = """
CREATE TABLE requests (
    key TEXT PRIMARY KEY, model TEXT NOT NULL, example_id TEXT NOT NULL, categories TEXT NOT NULL,
    status TEXT NOT NULL, owner TEXT, answers TEXT, probabilities TEXT, error TEXT NOT NULL DEFAULT '',
    num_sent INTEGER NOT NULL DEFAULT 0, num_ended INTEGER NOT NULL DEFAULT 0,
    num_silent INTEGER NOT NULL DEFAULT 0,
    estimated_tokens INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL DEFAULT 0,
    completion_tokens INTEGER NOT NULL DEFAULT 0, cost REAL NOT NULL DEFAULT 0, latency_s REAL, time TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE spent (cost REAL NOT NULL);
INSERT INTO spent VALUES (0);
"""


class Records:
    """The open file. Not to be shared by threads, nor taken across a fork.

    Raises:
        DataError: the file is not one of ours, is damaged, or stays locked.
        DiskFullError: there is no room to write.
    """

    def __init__(self, path: Path, model: str) -> None:
        self.path, self._model = path, model
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._told():
            self._db = sqlite3.connect(path, timeout=_LOCKED_S, isolation_level=None, check_same_thread=False)
            try:
                self._log_ahead()
                self._db.execute("PRAGMA synchronous=FULL")
                self._create()
            except BaseException:
                self._db.close()
                raise
        for left in path.parent.glob(f"{path.name}.owner-*"):
            self._is_alive(left.name.rpartition("-")[2])  # removes what the dead have left
        self._owner = uuid.uuid4().hex
        self._lock = self._show_life()
        weakref.finalize(self, self._lock.close)  # whoever forgets to close owns nothing any longer

    def close(self) -> None:
        """Gives back what is not done and lets go of the file."""
        try:
            with self._write() as db:
                db.execute("UPDATE requests SET owner = NULL WHERE owner = ?", (self._owner,))
        finally:
            self._db.close()
            self._owner_path(self._owner).unlink(missing_ok=True)
            self._lock.close()

    def find(self, keys: Iterable[str]) -> dict[str, Record]:
        """Key -> record of those that have an outcome."""
        wanted, found = list(keys), dict[str, Record]()
        for start in range(0, len(wanted), _BATCH):
            part = wanted[start : start + _BATCH]
            marks = ",".join("?" * len(part))
            rows = self._all(f"{_SELECT} WHERE status <> 'open' AND key IN ({marks})", part)
            found.update((row[0], _record(row)) for row in rows)
        return found

    def send(self, requests: Iterable[Request]) -> list[Turn]:
        """Notes that each of `requests` is about to be sent, where it is ours to send."""
        with self._write() as db:
            return [self._send(db, request) for request in requests]

    def answered(self, replies: Mapping[str, Reply]) -> None:
        """Notes the answers, in one transaction; key -> reply."""
        with self._write() as db:
            for key, reply in replies.items():
                self._ended(db, key, reply.usage, "")
                probabilities = None if reply.probabilities is None else json.dumps(reply.probabilities)
                db.execute(
                    "UPDATE requests SET status = 'answered', owner = NULL, answers = ?, probabilities = ?, "
                    "latency_s = ? WHERE key = ?",
                    (json.dumps(reply.answers), probabilities, reply.latency_s, key),
                )

    def attempt_failed(self, key: str, error: str, usage: Usage, *, for_good: bool, is_silent: bool = False) -> None:
        """Notes an attempt without a valid answer; `for_good` lists the request as failed, `is_silent`: no response."""
        with self._write() as db:
            self._ended(db, key, usage, error)
            db.execute("UPDATE requests SET num_silent = num_silent + ? WHERE key = ?", (is_silent, key))
            if for_good:
                db.execute("UPDATE requests SET status = 'failed', owner = NULL WHERE key = ?", (key,))

    def spent(self) -> float:
        """What all runs with this file have cost."""
        return float(self._all("SELECT cost FROM spent")[0][0])

    def totals(self) -> Totals:
        """Counts over all requests."""
        row = self._all(
            "SELECT coalesce(sum(status = 'answered'), 0), coalesce(sum(status = 'failed'), 0), "
            "coalesce(sum(num_sent), 0), coalesce(sum(num_sent - num_ended), 0), coalesce(sum(prompt_tokens), 0), "
            "coalesce(sum(completion_tokens), 0), coalesce(sum(cost), 0.0), coalesce(sum(num_silent), 0) FROM requests"
        )[0]
        return Totals(*row)

    def experience(self) -> Experience | None:
        """What requests of this model took so far; None where none was answered at its first attempt."""
        row = self._all(
            "SELECT count(*), sum(prompt_tokens) * 1.0 / sum(estimated_tokens), avg(completion_tokens), avg(latency_s) "
            "FROM requests WHERE model = ? AND status = 'answered' AND num_ended = 1 AND prompt_tokens > 0",
            [self._model],
        )[0]
        return Experience(*row) if row[0] else None

    def _send(self, db: sqlite3.Connection, request: Request) -> Turn:
        row = db.execute("SELECT status, owner FROM requests WHERE key = ?", (request.key,)).fetchone()
        status, owner = row if row is not None else (None, None)
        if status == Status.ANSWERED:
            return Turn.DONE
        if owner is not None and owner != self._owner and self._is_alive(owner):
            return Turn.BUSY
        if row is None:
            db.execute(
                "INSERT INTO requests (key, model, example_id, categories, status, estimated_tokens, time) "
                "VALUES (?, ?, ?, ?, 'open', ?, '')",
                (request.key, self._model, _storable(request.example_id), json.dumps(request.categories),
                 request.num_tokens),
            )  # fmt: skip
        db.execute(
            "UPDATE requests SET status = 'open', owner = ?, num_sent = num_sent + 1, time = ? WHERE key = ?",
            (self._owner, _now(), request.key),
        )
        return Turn.OURS

    def _ended(self, db: sqlite3.Connection, key: str, usage: Usage, error: str) -> None:
        db.execute(
            "UPDATE requests SET num_ended = num_ended + 1, prompt_tokens = prompt_tokens + ?, "
            "completion_tokens = completion_tokens + ?, cost = cost + ?, error = ?, time = ? WHERE key = ?",
            (usage.prompt_tokens, usage.completion_tokens, usage.cost, _storable(error), _now(), key),
        )
        if usage.cost:
            db.execute("UPDATE spent SET cost = cost + ?", (usage.cost,))

    def _log_ahead(self) -> None:
        """Switches to a log that survives kills. SQLite does not wait for others here, so this does."""
        deadline = time.monotonic() + _LOCKED_S
        while True:
            try:
                self._db.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(_AGAIN_S)

    def _create(self) -> None:
        with self._write() as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version == _VERSION:
                return
            if version or db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                raise DataError("An SQLite file, but not one of this version's records. Name another file.", self.path)
            for statement in _TABLES.split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {_VERSION}")

    def _all(self, query: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        with self._told():
            return self._db.execute(query, tuple(values)).fetchall()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """One transaction; nobody else writes meanwhile."""
        with self._told():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if "full" in str(error):
                raise DiskFullError(f"the records {self.path}", str(error)) from error
            if "locked" in str(error):
                raise DataError(f"Another process kept the records locked for {_LOCKED_S:.0f} s.", self.path) from error
            raise DataError(
                f"These records cannot be used ({error}). If the file is damaged, move it away, its -wal and -shm "
                "too: what it held is then asked, and paid, again.",
                self.path,
            ) from error

    def _show_life(self) -> IO[str]:
        """The file of this owner, locked before it has its name, so that nobody ever finds it without a lock."""
        path = self._owner_path(self._owner)
        unnamed = path.with_name(f".{path.name}")
        file = unnamed.open("w")
        fcntl.flock(file, fcntl.LOCK_EX)
        unnamed.rename(path)
        return file

    def _owner_path(self, owner: str) -> Path:
        return self.path.with_name(f"{self.path.name}.owner-{owner}")

    def _is_alive(self, owner: str) -> bool:
        path = self._owner_path(owner)
        try:
            with path.open() as file:
                if not _can_lock(file):
                    return True
                path.unlink(missing_ok=True)
        except FileNotFoundError:
            pass
        return False


_SELECT = "SELECT key, status, answers, probabilities, error, num_sent, cost, time FROM requests"


def _record(row: tuple[Any, ...]) -> Record:
    key, status, answers, probabilities, error, num_sent, cost, time_ended = row
    return Record(
        key=key,
        status=Status(status),
        answers=json.loads(answers) if answers else {},
        probabilities=json.loads(probabilities) if probabilities else None,
        error=error,
        num_sent=num_sent,
        cost=cost,
        time=time_ended,
    )


def _can_lock(file: IO[str]) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _storable(text: str) -> str:
    """`text` without lone surrogates, which SQLite refuses."""
    return text.encode("utf-8", "replace").decode("utf-8")
