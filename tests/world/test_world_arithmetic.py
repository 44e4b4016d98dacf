import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasure.world.arithmetic import MAX_NUMBER, Problem, extract_answer, is_held_out, sample_problem

problems = st.builds(lambda seed, held_out: sample_problem(random.Random(seed), held_out), st.integers(), st.booleans())


@given(seed=st.integers(), held_out=st.booleans())
def test_held_out_problems_are_exactly_those_of_held_out_numbers(seed: int, held_out: bool):
    problem = sample_problem(random.Random(seed), held_out)
    assert is_held_out(problem.a, problem.c) == held_out
    assert sample_problem(random.Random(seed), held_out) == problem


@given(problem=problems)
def test_answer_is_the_value_of_the_form_and_the_wrong_one_is_not(problem: Problem):
    names = {"a": problem.a, "b": problem.b, "c": problem.c}
    assert problem.answer == eval(problem.form.value, names)
    assert problem.wrong_answer == eval(problem.form.value[:5], names)
    assert 1 <= problem.answer <= 90
    assert problem.wrong_answer != problem.answer


@given(problem=problems)
def test_each_step_is_right_and_the_answer_is_found_again(problem: Problem):
    *steps, last = problem.steps().rstrip(".").split(". ")
    assert len(steps) == 2
    for step in steps:
        left, right = step.split(" = ")
        assert eval(left) == int(right)
    assert last == f"The answer is {problem.answer}"
    assert extract_answer(problem.steps()) == extract_answer(problem.latex()) == problem.answer
    formula = problem.latex().strip("$").replace(r"\times", "*").split(" = ")
    assert eval(formula[0]) == int(formula[1])


@given(problem=problems, variant=st.integers(0, 20))
def test_question_holds_the_numbers_but_not_the_answer(problem: Problem, variant: int):
    words = problem.question(variant).replace(".", "").replace(",", "").split()
    numbers = [int(word) for word in words if word.isdigit()]
    assert numbers == [problem.a, problem.b, problem.c]
    assert problem.question(variant).endswith("?")


def test_every_single_step_occurs_among_problems_that_are_not_held_out():
    rng = random.Random(0)
    drawn = [sample_problem(rng, held_out=False) for _ in range(5000)]
    numbers = range(2, MAX_NUMBER + 1)
    assert {(problem.a, problem.b) for problem in drawn} == {(a, b) for a in numbers for b in numbers}
    assert {problem.c for problem in drawn} == set(numbers)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("19", 19),
        ("The answer is 19.", 19),
        ("the Answer: **19** (of 20)", 19),
        ("the answer is $-4$", -4),
        ("4 * 3 = 12. 12 + 7 = 19 pens", 19),
        ("5-3", 3),
        ("-3", -3),
        ("x2 and 3a", None),
        ("no number", None),
        ("", None),
        ("9" * 5000, None),
    ],
)
def test_extract_answer(text: str, expected: int | None):
    assert extract_answer(text) == expected


@given(text=st.text())
def test_extract_answer_is_total(text: str):
    found = extract_answer(text)
    assert found is None or isinstance(found, int)
