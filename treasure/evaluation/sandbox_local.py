"""Runs programs behind this machine's own walls; `sandbox_server.py` builds them."""

import functools
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from treasure.evaluation.program import SOURCE_NAMES, Program, ProgramResult
from treasure.evaluation.sandbox_config import SandboxConfig
from treasure.evaluation.sandbox_worker import Step, Worker, mode, run_all
from treasure.evaluation.toolchains.kits import TOOLCHAINS, local_kit
from treasure.evaluation.toolchains.plan import judge, plan
from treasure.evaluation.toolchains.toolchain import Kit


class LocalSandbox:
    """The sandbox of this machine. Needs Linux."""

    def __init__(self, config: SandboxConfig) -> None:
        self._config = config

    def run(self, programs: Sequence[Program]) -> list[ProgramResult]:
        """The results in the order of the programs, all in languages without a problem.

        Raises:
            SandboxError: the sandbox itself could not be started.
        """
        kits = {language: self._kit(language) for language in {program.language for program in programs}}
        readable = sorted({path for kit in kits.values() for path in kit.readable})
        return run_all(
            programs,
            lambda worker, program: run_program(worker, program, kits[program.language], self._config.time_factor),
            num_workers=self._config.num_workers,
            readable=readable,
        )

    def problem(self, language: str) -> str | None:
        """Why programs in this language do not run here; None if they do. The first call runs a tiny program."""
        return _problem(language, _key(self._config))

    def missing_libraries(self, language: str) -> Mapping[str, str]:
        """Libraries of the benchmarks that programs in this language cannot use here, with the reason."""
        if self.problem(language) is not None:
            return {}
        missing = dict(self._kit(language).missing)
        probes = {name: probe for name, probe in TOOLCHAINS[language].probes().items() if name and name not in missing}
        results = self.run(list(probes.values()))
        failed = zip(probes, results, strict=True)
        return missing | {name: told(result) for name, result in failed if not result.passed}

    def _kit(self, language: str) -> Kit:
        kit = _kit(language, _key(self._config))
        assert isinstance(kit, Kit), "programs in a language with a problem are not run"
        return kit


def run_program(worker: Worker, program: Program, kit: Kit, time_factor: float = 1.0) -> ProgramResult:
    """Runs one program on this worker."""
    steps = plan(program, kit, time_factor)
    started = time.monotonic()
    ready = [
        Step(s.limits, s.time_s, None, s.arguments, s.environment, bounds_addresses=s.bounds_addresses) for s in steps
    ]
    outcomes = worker.run(program.files, ready, kit.own_path)
    return judge(program, steps, outcomes, time.monotonic() - started)


def told(result: ProgramResult) -> str:
    """Why a probe failed, in one line."""
    lines = [line.strip() for line in result.stderr.splitlines() if line.strip()]
    why = f": {lines[0][:200]}" if lines else ""
    return f"a tiny program did not pass here ({result.step} step, {result.reason}{why})"


def _key(config: SandboxConfig) -> str:
    return json.dumps(asdict(config), sort_keys=True)


@functools.cache
def _kit(language: str, key: str) -> Kit | str:
    return local_kit(language, SandboxConfig(**json.loads(key)))


@functools.cache
def _problem(language: str, key: str) -> str | None:
    if language not in TOOLCHAINS:
        return f"programs in {', '.join(SOURCE_NAMES)} are run, not in {language}"
    if sys.platform != "linux":
        return f"the sandbox of this machine needs Linux, this is {sys.platform}"
    kit = _kit(language, key)
    if isinstance(kit, str):
        return kit
    worker = Worker(mode()[0], kit.readable)
    try:
        factor = SandboxConfig(**json.loads(key)).time_factor
        result = run_program(worker, TOOLCHAINS[language].probes()[""], kit, factor)
    finally:
        worker.close()
    return None if result.passed else told(result)
