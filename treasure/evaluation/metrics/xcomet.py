"""XCOMET in a process of its own: started when first needed, started anew when it dies, hangs or talks nonsense.

with Xcomet(XcometConfig(python="xcomet/bin/python")) as xcomet:
    xcomet.score([Segment("Hello", "Hallo", "Hallo")])      # [0.98], or a text that says why there is none
"""

import json
import math
import os
import queue
import shutil
import signal
import subprocess
import threading
import weakref
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from treasure.errors import ScorerError
from treasure.evaluation.benchmarks.translation_config import XcometConfig

WORKER = Path(__file__).with_name("xcomet_worker.py")
_SET_UP = (
    "Set it up once: python3 -m venv xcomet && xcomet/bin/pip install unbabel-comet 'setuptools<81'; "
    "then give suite.translation.xcomet.python=xcomet/bin/python. XCOMET's models ask for an agreement on the "
    "Hugging Face hub, or name a checkpoint file by suite.translation.xcomet.model."
)
_TRIES = 2
_END_S = 5.0


@dataclass(frozen=True, slots=True)
class Segment:
    """A source text, its translation by a model, and one by a person."""

    source: str
    answer: str
    reference: str


class _BrokenError(Exception):
    """The process died, hung or said what it should not; the message says which."""


class Xcomet:
    """A client of `xcomet_worker.py`, which `worker` may replace by another program of that protocol.

    Raises:
        ScorerError: no Python is named, or it is not there.
    """

    def __init__(self, config: XcometConfig, worker: Path = WORKER) -> None:
        if not config.python.strip():
            raise ScorerError(f"XCOMET runs in an environment of its own, and none is named. {_SET_UP}")
        if shutil.which(config.python) is None:
            raise ScorerError(f"suite.translation.xcomet.python: '{config.python}' cannot be run. {_SET_UP}")
        self._config, self._worker = config, worker
        self._process: _Process | None = None
        self._asked = 0

    def score(self, segments: Sequence[Segment]) -> list[float | str]:
        """A score for each segment, in general from 0 to 1, or a text that says why there is none.

        A batch that fails is tried once more by a fresh process, then given up alone. An empty translation has 0: the
        model would give it some number that means nothing.

        Raises:
            ScorerError: the process cannot load the model.
        """
        found: list[float | str] = [0.0] * len(segments)
        said = [place for place, segment in enumerate(segments) if segment.answer.strip()]
        for start in range(0, len(said), self._config.batch_size):
            places = said[start : start + self._config.batch_size]
            for place, score in zip(places, self._batch([segments[i] for i in places]), strict=True):
                found[place] = score
        return found

    def close(self) -> None:
        """Ends the process; a later `score` starts another."""
        if self._process is not None:
            self._process.end()
            self._process = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _batch(self, segments: Sequence[Segment]) -> Sequence[float | str]:
        reason = ""
        for _ in range(_TRIES):
            process = self._process = self._process or self._start()
            self._asked += 1
            rows = [{"src": one.source, "mt": one.answer, "ref": one.reference} for one in segments]
            try:
                answer = process.ask({"id": self._asked, "rows": rows}, self._config.timeout_s)
                return _scores(answer, self._asked, len(segments))
            except _BrokenError as error:
                reason = f"XCOMET: {error}"
                self.close()
        return [reason] * len(segments)

    def _start(self) -> "_Process":
        config = self._config
        process = _Process([config.python, str(self._worker), config.model, str(config.batch_size), str(config.gpus)])
        try:
            hello = process.read(config.start_s)
        except _BrokenError as error:
            process.end()
            raise ScorerError(f"XCOMET did not start: {error}. {_SET_UP}") from error
        if hello.get("ready") is not True:
            process.end()
            raise ScorerError(f"XCOMET did not start: {hello.get('error', hello)}. {_SET_UP}")
        return process


class _Process:
    """A process in a group of its own that reads and writes JSON lines."""

    def __init__(self, command: Sequence[str]) -> None:
        self._popen = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", start_new_session=True
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=_pump, args=(self._popen.stdout, self._lines), daemon=True).start()
        self._finalizer = weakref.finalize(self, _end, self._popen)

    def ask(self, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Writes one line and reads one."""
        assert self._popen.stdin is not None
        try:
            self._popen.stdin.write(json.dumps(request) + "\n")
            self._popen.stdin.flush()
        except OSError as error:
            raise _BrokenError(f"the process died ({self._fate()})") from error
        return self.read(timeout_s)

    def read(self, timeout_s: float) -> dict[str, Any]:
        """The next line, as an object."""
        try:
            line = self._lines.get(timeout=timeout_s)
        except queue.Empty:
            raise _BrokenError(f"no answer within {timeout_s:g} s") from None
        if not line:
            raise _BrokenError(f"the process died ({self._fate()})")
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise _BrokenError(f"an answer that is no JSON object: {line.strip()[:100]!r}")
        return found

    def end(self) -> None:
        """Kills the process and all that it started."""
        self._finalizer()

    def _fate(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            code = self._popen.wait(_END_S)
            return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return "it closed its output"


def _pump(file: Any, lines: "queue.Queue[str]") -> None:
    """Hands lines on as they come; an empty one says that there are no more."""
    with suppress(ValueError, OSError):
        for line in file:
            lines.put(line if line.strip() else "null\n")
    lines.put("")


def _end(popen: "subprocess.Popen[str]") -> None:
    with suppress(OSError):
        os.killpg(popen.pid, signal.SIGKILL)
    popen.wait()
    for pipe in (popen.stdin, popen.stdout):
        with suppress(OSError, ValueError):
            if pipe is not None:
                pipe.close()


def _scores(answer: dict[str, Any], number: int, expected: int) -> list[float | str]:
    if "error" in answer:
        raise _BrokenError(str(answer["error"]))
    if answer.get("id") != number:
        raise _BrokenError(f"an answer to request {answer.get('id')!r}, not to {number}")
    scores = answer.get("scores")
    if not isinstance(scores, list) or len(scores) != expected:
        raise _BrokenError(f"{len(scores) if isinstance(scores, list) else 'no'} scores for {expected} segments")
    if not all(isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one) for one in scores):
        raise _BrokenError("a score that is no finite number")
    return [float(one) for one in scores]
