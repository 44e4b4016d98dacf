"""Small programs in python and javascript: sampled, described, explained, broken on purpose and tested."""

import functools
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise, product

from treasure.world.code_job import CodeJob
from treasure.world.programs_operations import INPUTS, OPERATIONS, POINTLESS, Code, Operation, Role, Shape, Value

SHAPE_SHARES = {Shape.LIST: 0.7, Shape.TEXT: 0.17, Shape.NUMBER: 0.13}
SINGLE_SHARE = 0.25
"""Share of programs with one operation where nothing is held out."""
_NAMES = tuple(dict.fromkeys(operation.name for operation in OPERATIONS))
_JOINS = ("{0}, then {1}", "{0} and {1}", "{0} and after that {1}")


@dataclass(frozen=True)
class Step:
    """An operation with its digit (0 if it has none)."""

    operation: Operation
    digit: int

    def fill(self, text: str) -> str:
        """`text` with the digit in place."""
        return text.replace("{k}", str(self.digit))


@dataclass(frozen=True)
class Program:
    """A function `solve` of one argument: one or two steps, the second on what the first gives."""

    steps: tuple[Step, ...]

    @property
    def shape(self) -> Shape:
        """What the function takes."""
        return self.steps[0].operation.takes

    @property
    def composition(self) -> tuple[str, ...]:
        """The names of the operations, in order."""
        return tuple(step.operation.name for step in self.steps)

    def python(self) -> str:
        """The function in python, two lines."""
        return self.code("python")

    def javascript(self) -> str:
        """The function in javascript, three lines."""
        return self.code("javascript")

    def code(self, language: str) -> str:
        """The function in `language`, 'python' or 'javascript'."""
        return _render(language, self.steps, -1)

    def description(self, variant: int) -> str:
        """What the function shall do, as an imperative phrase without capital or full stop; any `variant` >= 0."""
        wordings = [step.operation.requests for step in self.steps]
        parts = [
            step.fill(choices[(variant + place) % len(choices)])
            for place, (step, choices) in enumerate(zip(self.steps, wordings, strict=True))
        ]
        return _JOINS[variant % len(_JOINS)].format(*parts) if len(parts) == 2 else parts[0]

    def explanation(self) -> str:
        """One sentence that says what the function does; it holds all `keywords`."""
        return f"It {' and then '.join(step.fill(step.operation.states) for step in self.steps)}."

    @property
    def keywords(self) -> tuple[str, ...]:
        """Lower-case phrases that an explanation must hold, in any order."""
        return tuple(step.fill(keyword) for step in self.steps for keyword in step.operation.keywords)

    def buggy(self, language: str, rng: random.Random) -> str:
        """The function with the typical bug of one of its steps, one that the tests of `job` catch."""
        return _render(language, self.steps, rng.choice(_visible_bugs(self)))

    def test_program(self, language: str, answer: str) -> str:
        """`answer`, followed by a line that prints what `solve` makes of every input; `expected_stdout` is right."""
        return f"{answer}\n{_HARNESS[language](_cases(self)[0])}\n"

    def expected_stdout(self, language: str) -> str:
        """What `test_program` prints if the answer is right, found by the operations' meaning and not by their code."""
        return _OUTPUT[language](_cases(self)[1])

    def job(self, language: str, answer: str, timeout_s: float = 5.0) -> CodeJob:
        """The job that passes if `answer`, a text in `language` that should define `solve`, is right."""
        return CodeJob(language, self.test_program(language, answer), self.expected_stdout(language), timeout_s)


def is_held_out(composition: tuple[str, ...]) -> bool:
    """Whether training never shows these operations in this order, about a quarter of all pairs.

    With the operations numbered as they first stand in `OPERATIONS`: held out if the sum of both numbers leaves 3 when
    divided by 4. Single operations never are, so each operation is known, and only the composition is new.
    """
    if len(composition) != 2:
        return False
    first, second = (_NAMES.index(name) for name in composition)
    return (first + second) % 4 == 3


def sample_program(rng: random.Random, held_out: bool) -> Program:
    """A program drawn with `rng`: of two operations in a held-out composition, or of one or two in any other."""
    (shape,) = rng.choices(tuple(SHAPE_SHARES), tuple(SHAPE_SHARES.values()))
    single = not held_out and rng.random() < SINGLE_SHARE
    operations = rng.choice(compositions(shape, 1 if single else 2, held_out))
    return Program(tuple(Step(it, rng.choice(it.digits)) for it in operations))


@functools.cache
def compositions(shape: Shape, length: int, held_out: bool) -> tuple[tuple[Operation, ...], ...]:
    """Every chain of `length` (1 or 2) operations that starts with `shape`, fits and has a point, held out or not."""
    found = []
    for chain in product(OPERATIONS, repeat=length):
        names = tuple(operation.name for operation in chain)
        fits = chain[0].takes is shape and all(a.gives is b.takes for a, b in pairwise(chain))
        useful = len(set(names)) == length and names not in POINTLESS
        if fits and useful and is_held_out(names) == held_out:
            found.append(chain)
    return tuple(found)


def _python_cases(inputs: tuple[Value, ...]) -> str:
    return f"print([solve(v) for v in {list(inputs)!r}])"


def _javascript_cases(inputs: tuple[Value, ...]) -> str:
    return f"console.log(JSON.stringify({json.dumps(list(inputs))}.map(v => solve(v))));"


def _javascript_output(outputs: tuple[Value, ...]) -> str:
    return json.dumps(list(outputs), separators=(",", ":"))


def _python_output(outputs: tuple[Value, ...]) -> str:
    return repr(list(outputs))


_HARNESS: dict[str, Callable[[tuple[Value, ...]], str]] = {"python": _python_cases, "javascript": _javascript_cases}
_OUTPUT: dict[str, Callable[[tuple[Value, ...]], str]] = {"python": _python_output, "javascript": _javascript_output}


@functools.cache
def _cases(program: Program) -> tuple[tuple[Value, ...], tuple[Value, ...]]:
    """Inputs and right outputs; an input without an answer, such as the largest of nothing, is no case."""
    meant = [(value, _meaning(program.steps, -1, value)) for value in INPUTS[program.shape]]
    cases = [(value, output) for value, output in meant if output is not None]
    return tuple(value for value, _ in cases), tuple(output for _, output in cases)


@functools.cache
def _visible_bugs(program: Program) -> tuple[int, ...]:
    """The steps whose bug changes an output."""
    inputs, outputs = _cases(program)
    visible = tuple(
        place
        for place in range(len(program.steps))
        if any(_meaning(program.steps, place, v) != right for v, right in zip(inputs, outputs, strict=True))
    )
    assert visible, f"no test catches a bug in {program.composition}"
    return visible


def _meaning(steps: tuple[Step, ...], bug_at: int, value: Value) -> Value | None:
    """What the steps make of `value`, the step `bug_at` taken as its bug (-1: none); None where there is no answer."""
    try:
        for place, step in enumerate(steps):
            apply, role = _behaviour(step, place == bug_at).apply, step.operation.role
            if isinstance(value, list) and role is not Role.WHOLE:
                each = [(n, apply(n, step.digit)) for n in value]
                value = [made for _, made in each] if role is Role.EACH else [n for n, kept in each if kept]
            else:
                value = apply(value, step.digit)
    except ValueError:  # the largest of nothing
        return None
    return value


def _behaviour(step: Step, as_bug: bool) -> Code:
    return step.operation.bug if as_bug else step.operation.right


@functools.cache
def _render(language: str, steps: tuple[Step, ...], bug_at: int) -> str:
    """The function as text, the step `bug_at` written as its bug (-1: none)."""
    parts = []
    for place, step in enumerate(steps):
        code = _behaviour(step, place == bug_at)
        parts.append((step.operation, step.fill(code.python if language == "python" else code.javascript)))
    name = steps[0].operation.takes.value
    if language == "python":
        return f"def solve({name}):\n    return {_python_expression(name, parts)}"
    return f"function solve({name}) {{\n  return {_javascript_expression(name, parts)};\n}}"


def _wrap(template: str, value: str) -> str:
    """The template around an expression, in brackets if the template binds its `{v}` tighter than the expression."""
    need = _binding(template.removeprefix("{v}")[:3].rstrip()) if template.startswith("{v}") else 0
    return template.replace("{v}", f"({value})" if _strength(value) < need else value)


def _binding(operator: str) -> int:
    """How strongly an operator after `{v}` binds it: 4 for calls, slices and powers, 0 for comparisons."""
    return {" *": 2, " %": 2, " +": 1, " -": 1, " >": 0, " <": 0, " >=": 0, " <=": 0}.get(operator, 4)


def _strength(expression: str) -> int:
    """How strongly the loosest operator outside brackets binds: 1 for sums up to 4 for none."""
    depth, outside = 0, ""
    for character in expression:
        depth += (character in "([") - (character in ")]")
        outside += character if depth == 0 else ""
    return min(({"+": 1, "-": 1, "*": 2, "%": 2, "**": 3}.get(word, 4) for word in outside.split()), default=4)


def _python_expression(name: str, parts: list[tuple[Operation, str]]) -> str:
    """Element-wise steps in a row become one comprehension; all else is wrapped around."""
    expression, element, conditions = name, "x", []
    is_open = False
    for operation, template in parts:
        if operation.takes is Shape.LIST and operation.role is not Role.WHOLE:
            is_open = True
            if operation.role is Role.EACH:
                element = _wrap(template, element)
            else:
                conditions.append(_wrap(template, element))
            continue
        if is_open:
            expression, is_open = _comprehension(element, expression, conditions), False
        expression = _wrap(template, expression)
    return _comprehension(element, expression, conditions) if is_open else expression


def _comprehension(element: str, source: str, conditions: list[str]) -> str:
    test = f" if {' and '.join(conditions)}" if conditions else ""
    return f"[{element} for x in {source}{test}]"


def _javascript_expression(name: str, parts: list[tuple[Operation, str]]) -> str:
    """Steps on elements are calls of map and filter in a chain."""
    expression = name
    for operation, template in parts:
        if operation.takes is Shape.LIST and operation.role is not Role.WHOLE:
            call = "map" if operation.role is Role.EACH else "filter"
            expression = f"{expression}.{call}(x => {template.replace('{v}', 'x')})"
        else:
            expression = _wrap(template, expression)
    return expression
