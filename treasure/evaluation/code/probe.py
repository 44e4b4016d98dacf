"""Whether a language's tool-chain can be trusted: known right programs must pass and known wrong ones must not.

Harnesses rot: a tool-chain, a library or a flag changes, right answers fail, and scores drop with nobody the wiser. So
no answer is scored in a language before all its canonical solutions passed here and its buggy ones failed, but for one
in twenty at most: a bug that a problem's tests do not see is the problem's fault, and is told.
"""

import hashlib
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from treasure.evaluation.program import Program, ProgramResult
from treasure.evaluation.run_programs import missing_libraries, problem_with, run_programs
from treasure.evaluation.sandbox_config import SandboxConfig
from treasure.jsonl import write_json

_SHOWN = 5
_FEW = 20
"""One in so many is few."""
_MORE_RUNS = 12
"""How often solutions that did what they should not are run again, if they are few."""
_VERSION = 2
"""Counts up when what a verdict means changes, so that older ones are not taken."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class CheckedProgram:
    """A program with the word that its output must hold."""

    program: Program
    word: str

    def passed(self, result: ProgramResult) -> bool:
        """Whether it came to its end, all tests passed."""
        return result.passed and self.word in result.stdout


@dataclass(frozen=True, kw_only=True)
class ProbeCase:
    """A problem with a solution known to be right and one known to be wrong."""

    id: str
    right: CheckedProgram
    wrong: CheckedProgram


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What became of `num_cases` right and as many wrong solutions: the ids of those that did what they should not.

    `unsteady` are those that only did so at first. `problem` is why nothing could be run, '' if all was. `lacking` are
    libraries that are not there, with the reason, where right solutions failed. `seconds` is the wall time of all.
    """

    language: str
    num_cases: int
    right_failed: tuple[str, ...] = ()
    wrong_passed: tuple[str, ...] = ()
    unsteady: tuple[str, ...] = ()
    problem: str = ""
    lacking: str = ""
    seconds: float = 0.0

    @property
    def reason(self) -> str:
        """Why answers in this language get no score; '' if they do."""
        if self.problem:
            return f"{self.language} cannot be run here: {self.problem}"
        found = []
        if self.right_failed:
            found.append(
                f"{len(self.right_failed)} of {self.num_cases} right solutions fail: {_some(self.right_failed)}"
                f"{f'; not there: {self.lacking}' if self.lacking else ''}"
            )
        if len(self.wrong_passed) > self.num_cases // _FEW:
            found.append(f"{len(self.wrong_passed)} of {self.num_cases} wrong ones pass: {_some(self.wrong_passed)}")
        return f"{self.language} is not to be trusted here: {'; '.join(found)}" if found else ""

    @classmethod
    def of_json(cls, text: str) -> Self:
        """Reads what `asdict` gave."""
        row: dict[str, Any] = json.loads(text)
        lists: dict[str, Any] = {name: tuple(row[name]) for name in ("right_failed", "wrong_passed", "unsteady")}
        return cls(**{**row, **lists})


def probe(language: str, cases: Sequence[ProbeCase], sandbox: SandboxConfig, folder: Path, versions: str) -> Probe:
    """Runs all cases, or takes the verdict from `folder` where the same programs met the same tools before.

    Only a verdict without fault is kept, so that a tool-chain that was mended is seen. Where a few solutions do what
    they should not, these are run again, and once as they should is enough: the machine may have been busy, and the
    given solution of Go/95 goes by the order of a map, which Go changes at random, and passes in about half its runs.

    Args:
        language: as the sandbox names it.
        cases: at least one.
        sandbox: where the programs run.
        folder: of the verdicts that are kept; made if it is missing.
        versions: what tells one state of the tool-chain from another.
    """
    if problem := problem_with(language, sandbox):
        return Probe(language=language, num_cases=len(cases), problem=problem)
    kept = folder / f"{language}-{_key(cases, versions)}.json"
    if kept.is_file():
        found = Probe.of_json(kept.read_text(encoding="utf-8"))
    else:
        _log.info("Testing the tool-chain of %s with %d right and as many wrong solutions.", language, len(cases))
        found = _run(language, cases, sandbox)
        if not found.reason:
            write_json(kept, asdict(found))
    if found.wrong_passed and not found.reason:
        _log.warning("Wrong solutions pass their tests all the same: %s.", _some(found.wrong_passed))
    if found.unsteady and not found.reason:
        _log.warning("Given solutions that do not fare alike in every run: %s.", _some(found.unsteady))
    return found


def _run(language: str, cases: Sequence[ProbeCase], sandbox: SandboxConfig) -> Probe:
    start = time.monotonic()
    programs = [*(case.right for case in cases), *(case.wrong for case in cases)]
    expected = [True] * len(cases) + [False] * len(cases)
    results = run_programs([each.program for each in programs], sandbox)
    first = _unexpected(programs, results, expected)
    left = first
    for _ in range(_MORE_RUNS if len(first) <= max(1, len(cases) // _FEW) else 0):
        again = run_programs([programs[at].program for at in left], sandbox)
        for at, result in zip(left, again, strict=True):
            results[at] = result
        left = _unexpected(programs, results, expected)
    right_failed = tuple(f"{cases[at].id} ({why(results[at])})" for at in left if expected[at])
    lacking = missing_libraries(language, sandbox) if right_failed else {}
    return Probe(
        language=language,
        num_cases=len(cases),
        right_failed=right_failed,
        lacking=", ".join(f"{name} ({reason})" for name, reason in lacking.items()),
        wrong_passed=tuple(cases[at - len(cases)].id for at in left if not expected[at]),
        unsteady=tuple(cases[at % len(cases)].id for at in first if at not in left),
        problem=next((result.reason for result in results if not result.ran), ""),
        seconds=round(time.monotonic() - start, 1),
    )


def _unexpected(
    programs: Sequence[CheckedProgram], results: Sequence[ProgramResult], expected: Sequence[bool]
) -> list[int]:
    each = zip(programs, results, expected, strict=True)
    return [place for place, (program, result, good) in enumerate(each) if program.passed(result) != good]


def why(result: ProgramResult) -> str:
    """Why a program failed, in a few words: 'run: timeout', 'run: ended before its tests did'."""
    reason = "ended before its tests did" if result.passed else result.reason
    return f"{result.step}: {reason}" if result.step else reason


def _key(cases: Sequence[ProbeCase], versions: str) -> str:
    found = hashlib.sha256(f"{_VERSION}\0{versions}".encode())
    for case in cases:
        for each in (case.right, case.wrong):
            found.update(f"\0{case.id}\0{each.program.key}\0{each.word}".encode(errors="replace"))
    return found.hexdigest()[:32]


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
