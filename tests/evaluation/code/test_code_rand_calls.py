"""Calls of rand's `gen_range` with two arguments become calls with a range; all else stays as it is."""

import pytest

from treasure.evaluation.code.harness import Harness
from treasure.evaluation.code.programs import program_with_tests
from treasure.evaluation.code.rand_calls import with_ranges
from treasure.evaluation.run_programs import problem_with, run_programs


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("rng.gen_range(0, 9)", "rng.gen_range((0)..(9))"),
        ("rng.gen_range(0, a.len(),)", "rng.gen_range((0)..(a.len()))"),
        ("r . gen_range::<i32> (f(1, 2), v[g(3, 4)])", "r . gen_range::<i32> ((f(1, 2))..(v[g(3, 4)]))"),
        ("r.gen_range(0, s.gen_range(1, 2))", "r.gen_range((0)..(s.gen_range((1)..(2))))"),
        ("r.gen_range(\n  -5,\n  5,\n)", "r.gen_range((-5)..(5))"),
        ("r.gen_range(0..9)", None),
        ("r.gen_range((0, 1),)", None),
        ("r.gen_range(0..=9,)", None),
        ("// r.gen_range(0, 9)", None),
        ('let a = "r.gen_range(0, 9)";', None),
        ("fn gen_range(a: i32, b: i32) {}", None),
        ("r.gen_range(0, 9", None),
    ],
)
def test_only_calls_with_two_arguments_change(before: str, after: str | None):
    assert with_ranges(before) == (before if after is None else after)
    assert with_ranges(with_ranges(before)) == with_ranges(before)


@pytest.mark.slow
def test_tests_that_draw_numbers_as_in_2018_compile_and_pass():
    if problem := problem_with("rust"):
        pytest.skip(problem)
    declaration = "use rand::Rng;\nfn add(x: i32, y: i32) -> i32 {\n"
    test = (
        "#[cfg(test)]\nmod tests {\n    use super::*;\n    #[test]\n    fn test_add() {\n"
        "        let mut rng = rand::thread_rng();\n        for _ in 0..9 {\n"
        "            let a: i32 = rng.gen_range(0, 1000);\n"
        "            assert_eq!(add(a, 1), a + 1);\n        }\n    }\n}\n"
    )
    harness = Harness(language="rust", declaration=declaration, test=test)
    for body, passes in (("    x + y\n}\n", True), ("    x - y\n}\n", False)):
        program, word = program_with_tests(harness, declaration + body)
        (result,) = run_programs([program])
        assert (word in result.stdout) == passes, result
