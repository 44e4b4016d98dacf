"""Scores answers that are programs: languages that fail their probe give no score, the others pass or fail."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from treasure.evaluation.benchmarks.protocol import Answer, Score
from treasure.evaluation.code.extraction import extract_code
from treasure.evaluation.code.frozen import frozen
from treasure.evaluation.code.harness import Harness
from treasure.evaluation.code.probe import CheckedProgram, Probe, ProbeCase, why
from treasure.evaluation.code.programs import program_with_tests
from treasure.evaluation.code.solution import solution
from treasure.evaluation.metrics.pass_at_k import PASSED
from treasure.evaluation.program import ProgramResult
from treasure.evaluation.run_programs import run_programs
from treasure.evaluation.sandbox_config import SandboxConfig

_TAIL = 400
UNJUDGED = "its tests do not judge it: they pass too where its first result comes back always"


def probe_case(id: str, harness: Harness, right: str, wrong: str) -> ProbeCase:
    """What shows that the tests of `harness` tell `right` from `wrong`: whole texts, declaration and all."""
    return ProbeCase(id=id, right=_checked(harness, right), wrong=_checked(harness, wrong))


def score_programs(
    answers: Sequence[Answer],
    probe_of: Callable[[str], Probe],
    right_of: Callable[[str], str],
    sandbox: SandboxConfig,
) -> list[Score]:
    """One score for each answer, whose `reference` is that of a `Harness`.

    `probe_of` is asked once a language, `right_of` for a solution known to be right (by the prompt's id; '' if none is)
    where an answer passes that its tests do not seem to judge.
    """
    harnesses = [Harness.of_reference(answer.reference) for answer in answers]
    refused = {name: probe_of(name).reason for name in dict.fromkeys(harness.language for harness in harnesses)}
    codes = [extract_code(it.content, on.language, on.function) for it, on in zip(answers, harnesses, strict=True)]
    programs: dict[int, CheckedProgram] = {
        place: _checked(harness, solution(harness, code))
        for place, (harness, code) in enumerate(zip(harnesses, codes, strict=True))
        if code.strip() and not refused[harness.language]
    }
    results = _run(programs, sandbox)
    passed = {place: (harnesses[place], codes[place]) for place in programs if programs[place].passed(results[place])}
    unjudged = _unjudged({place: _frozen(on, solution(on, code)) for place, (on, code) in passed.items()}, sandbox)
    rights = {place: right_of(answers[place].prompt_id) for place in unjudged}
    blind = _unjudged({place: _frozen(harnesses[place], text) for place, text in rights.items() if text}, sandbox)
    scores = []
    for place, harness in enumerate(harnesses):
        if refused[harness.language]:
            scores.append(Score(unscored=refused[harness.language]))
        elif place not in programs:
            scores.append(Score(scores={PASSED: 0.0}, details={"reason": "no code in the answer"}))
        elif place in unjudged - blind:
            scores.append(Score(scores={PASSED: 0.0}, details={"reason": UNJUDGED}))
        else:
            scores.append(_score(programs[place], results[place]))
    return scores


def _run(programs: Mapping[int, CheckedProgram], sandbox: SandboxConfig) -> dict[int, ProgramResult]:
    return dict(zip(programs, run_programs([it.program for it in programs.values()], sandbox), strict=True))


def _unjudged(programs: Mapping[int, CheckedProgram | None], sandbox: SandboxConfig) -> set[int]:
    """Which of `programs`, that no honest answer passes, pass."""
    known = {place: program for place, program in programs.items() if program is not None}
    return {place for place, result in _run(known, sandbox).items() if known[place].passed(result)}


def _frozen(harness: Harness, text: str) -> CheckedProgram | None:
    found = frozen(harness, text)
    return found and _checked(*found)


def _checked(harness: Harness, text: str) -> CheckedProgram:
    program, word = program_with_tests(harness, text)
    return CheckedProgram(program=program, word=word)


def _score(program: CheckedProgram, result: ProgramResult) -> Score:
    if not result.ran:
        return Score(unscored=result.reason)
    if program.passed(result):
        return Score(scores={PASSED: 1.0})
    details: Mapping[str, Any] = {"reason": why(result), "stderr": result.stderr[-_TAIL:]}
    return Score(scores={PASSED: 0.0}, details=details)
