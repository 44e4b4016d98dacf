import itertools
import json
import random
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasure.evaluation.sandbox import available, run_code
from treasure.world.programs import Program, Step, compositions, is_held_out, sample_program
from treasure.world.programs_operations import INPUTS, OPERATIONS, Shape

LANGUAGES = ("python", "javascript")


def all_programs() -> list[Program]:
    return [
        Program(tuple(Step(operation, digit) for operation, digit in zip(chain, digits, strict=True)))
        for shape, (length, held_out) in itertools.product(Shape, ((1, False), (2, False), (2, True)))
        for chain in compositions(shape, length, held_out)
        for digits in itertools.product(*(operation.digits for operation in chain))
    ]


def run_in_process(text: str) -> str:
    """What a python test program prints; only for code that we have written ourselves."""
    printed: list[str] = []
    exec(text, {"print": lambda value: printed.append(repr(value))})
    return "\n".join(printed)


def fails_in_process(program: Program, text: str) -> bool:
    try:
        return run_in_process(program.test_program("python", text)) != program.expected_stdout("python")
    except ValueError:  # the largest of nothing
        return True


programs = st.builds(lambda seed, held_out: sample_program(random.Random(seed), held_out), st.integers(), st.booleans())


@given(seed=st.integers(), held_out=st.booleans())
def test_held_out_programs_are_exactly_those_of_held_out_compositions(seed: int, held_out: bool):
    program = sample_program(random.Random(seed), held_out)
    assert is_held_out(program.composition) == held_out
    assert sample_program(random.Random(seed), held_out) == program


def test_about_a_quarter_of_all_pairs_is_held_out_and_no_operation_with_them():
    seen = [chain for shape in Shape for chain in compositions(shape, 2, False)]
    held_out = [chain for shape in Shape for chain in compositions(shape, 2, True)]
    assert 0.2 <= len(held_out) / (len(seen) + len(held_out)) <= 0.3
    assert {operation for chain in seen for operation in chain} == set(OPERATIONS)
    assert {chain[0].takes for chain in held_out} == set(Shape)


def test_every_program_is_right_by_its_own_tests():
    for program in all_programs():
        found = run_in_process(program.test_program("python", program.python()))
        assert found == program.expected_stdout("python"), program.python()


def test_every_bug_is_caught_by_the_tests():
    for program, seed in itertools.product(all_programs(), range(2)):
        text = program.buggy("python", random.Random(seed))
        assert text != program.python()
        assert fails_in_process(program, text), text


def test_every_program_has_five_cases_that_tell_answers_apart():
    for program in all_programs():
        outputs = json.loads(program.expected_stdout("javascript"))
        assert len(outputs) >= 5
        assert len({str(output) for output in outputs}) >= 2, program.python()


def test_the_steps_of_a_composition_cannot_be_left_out():
    """The tests notice an answer that does only the first step."""
    for program in (program for program in all_programs() if len(program.steps) == 2):
        first = Program(program.steps[:1])
        assert fails_in_process(program, first.python()), program.python()


@pytest.mark.skipif(available("javascript") is not None, reason=str(available("javascript")))
def test_javascript_means_what_python_means():
    found = all_programs()
    bugs = [program.buggy("javascript", random.Random(0)) for program in found]
    calls = [
        f"(() => {{ {text}\nreturn JSON.stringify({json.dumps(_inputs(program))}.map(v => solve(v))); }})()"
        for program, text in zip(found * 2, [program.javascript() for program in found] + bugs, strict=True)
    ]
    script = f"console.log(JSON.stringify([{','.join(calls)}]))"
    ran = subprocess.run(["node", "-"], input=script, capture_output=True, text=True, check=True, timeout=60)
    outputs = json.loads(ran.stdout)
    for program, right, buggy in zip(found, outputs[: len(found)], outputs[len(found) :], strict=True):
        assert right == program.expected_stdout("javascript"), program.javascript()
        assert buggy != right, program.javascript()


def _inputs(program: Program) -> list[object]:
    """The inputs as the test program itself lists them."""
    text = program.test_program("javascript", "")
    return json.loads(text[text.index("[") : text.index(".map(v")])


@given(program=programs, variant=st.integers(0, 20))
def test_texts_are_short_and_complete(program: Program, variant: int):
    description = program.description(variant)
    assert description == description.strip() and description[0].islower() and description[-1] != "."
    assert len(description.split()) <= 20
    assert all(keyword in program.explanation().lower() for keyword in program.keywords)
    assert program.keywords and "{" not in description + program.explanation()
    digits = [str(step.digit) for step in program.steps if step.digit]
    assert all(digit in description and digit in program.explanation() for digit in digits)
    for language in LANGUAGES:
        assert len(program.code(language)) <= 90
        assert "{v}" not in program.code(language) and "{k}" not in program.code(language)


@given(program=programs)
def test_descriptions_have_several_wordings(program: Program):
    assert len({program.description(variant) for variant in range(6)}) >= 2


def test_different_programs_of_one_shape_have_different_code():
    texts = [program.code(language) for program in all_programs() for language in LANGUAGES]
    assert len(set(texts)) == len(texts)


def test_code_of_known_programs():
    by_name = {(operation.name, operation.takes): operation for operation in OPERATIONS}
    above, times = by_name["above", Shape.LIST], by_name["times", Shape.LIST]
    program = Program((Step(above, 2), Step(times, 3)))
    assert program.python() == "def solve(xs):\n    return [x * 3 for x in xs if x > 2]"
    assert program.javascript() == "function solve(xs) {\n  return xs.filter(x => x > 2).map(x => x * 3);\n}"
    assert program.explanation() == "It keeps the numbers above 2 and then multiplies each number by 3."
    plus, on_number = by_name["plus", Shape.NUMBER], by_name["times", Shape.NUMBER]
    assert Program((Step(plus, 2), Step(on_number, 3))).python() == "def solve(n):\n    return (n + 2) * 3"
    assert Program((Step(on_number, 3), Step(plus, 2))).python() == "def solve(n):\n    return n * 3 + 2"
    assert all(isinstance(value, list) for value in INPUTS[Shape.LIST])


@pytest.mark.parametrize("language", LANGUAGES)
def test_jobs_pass_for_right_answers_only(language: str):
    if reason := available(language):
        pytest.skip(reason)
    rng = random.Random(3)
    found = [sample_program(rng, held_out=index % 2 == 0) for index in range(6)]
    right = run_code([program.job(language, program.code(language)) for program in found])
    wrong = run_code([program.job(language, program.buggy(language, rng)) for program in found])
    assert [result.reason for result in right] == ["ok"] * len(found)
    assert not any(result.passed for result in wrong)


CHEATS = {
    "python": (
        "print('ok')",
        "import sys\nsys.exit(0)",
        "import os\nos._exit(0)",
        "raise SystemExit",
        "",
        "solve = print",
    ),
    "javascript": ("console.log('ok')", "process.exit(0)", "throw 1", "", "const solve = console.log;"),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_cheat_passes(language: str):
    if reason := available(language):
        pytest.skip(reason)
    program = sample_program(random.Random(0), held_out=False)
    cheats = [*CHEATS[language], program.code(language) + "\n" + CHEATS[language][0]]
    assert not any(result.passed for result in run_code([program.job(language, cheat) for cheat in cheats]))
