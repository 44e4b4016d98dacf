"""The oracle: references score 1, empty answers 0, and better answers win."""

from collections.abc import Sequence

import pytest

from treasure.errors import TaxonomyError
from treasure.evaluation.sandbox import available, run_code
from treasure.world.code_job import CodeJob, CodeResult
from treasure.world.oracle import Oracle
from treasure.world.world import World, WorldPrompt

LESS_IS_BETTER = ("length_violation_rate", "length_distance_words")


def _stub_runner(jobs: Sequence[CodeJob]) -> list[CodeResult]:
    """Trusts every program that defines the function."""
    return [CodeResult("solve" in job.program.split("\n")[0], "ok") for job in jobs]


@pytest.fixture(scope="module")
def oracle(world: World) -> Oracle:
    return Oracle(world, _stub_runner)


def test_references_are_perfect(world: World, oracle: Oracle) -> None:
    prompts = world.prompts()
    for prompt, scores in zip(prompts, oracle.score(prompts, [world.reference(p) for p in prompts]), strict=True):
        assert scores == {name: (0 if name in LESS_IS_BETTER else 1) for name in scores}, (prompt.id, scores)
        assert len(scores) > 1


@pytest.mark.slow
def test_reference_programs_run(world: World) -> None:
    prompts = [prompt for prompt in world.prompts() if prompt.benchmark == "code"]
    for prompt, scores in zip(
        prompts, Oracle(world, run_code).score(prompts, [*map(world.reference, prompts)]), strict=True
    ):
        runnable = available(prompt.spec.code_type) is None or prompt.spec.task == "CodeExplanation"
        assert scores.get("oracle_score") == (1 if runnable else None), prompt.id


def test_empty_answers_are_worth_nothing(world: World, oracle: Oracle) -> None:
    prompts = world.prompts()
    for prompt, scores in zip(prompts, oracle.score(prompts, [" \n"] * len(prompts)), strict=True):
        assert scores["oracle_score"] == 0, prompt.id
        if prompt.benchmark == "length":
            assert scores["length_violation_rate"] == 1
        else:
            assert not any(scores.values()), prompt.id


def test_an_answer_to_another_prompt_is_not_perfect(world: World, oracle: Oracle) -> None:
    by_name: dict[str, list[WorldPrompt]] = {}
    for prompt in world.prompts():
        by_name.setdefault(prompt.benchmark, []).append(prompt)
    for name, prompts in by_name.items():
        if name == "code":
            continue  # the runner of this test does not tell programs apart
        swapped = oracle.score(prompts, [world.reference(p) for p in (*prompts[1:], prompts[0])])
        assert sum(scores["oracle_score"] == 1 for scores in swapped) < 0.35 * len(prompts), name


def test_length(world: World, oracle: Oracle) -> None:
    prompt = next(p for p in world.prompts() if p.benchmark == "length")
    limit = int(prompt.levers.value("length_tokens") or 0)
    (over,) = oracle.score([prompt], ["word " * (limit + 3)])
    assert over == {"length_violation_rate": 1, "length_distance_words": 3, "oracle_score": 0}
    (under,) = oracle.score([prompt], [prompt.spec.entity])
    assert under["length_violation_rate"] == 0
    assert under["length_distance_words"] == limit - 1


def test_compare(world: World, oracle: Oracle) -> None:
    prompt = next(p for p in world.prompts() if p.benchmark == "facts")
    best = world.reference(prompt)
    assert oracle.compare(prompt, best, "No idea.") == 1
    assert oracle.compare(prompt, "No idea.", best) == 0
    assert oracle.compare(prompt, best, best) == 0.5


def test_code_that_cannot_run_has_no_scores(world: World) -> None:
    prompt = next(p for p in world.prompts() if p.spec.task == "CodeFix")
    oracle = Oracle(world, lambda jobs: [CodeResult(False, "unavailable: no interpreter")] * len(jobs))
    assert oracle.score([prompt], ["x"]) == [{}]
    assert oracle.compare(prompt, "x", "y") == 0.5


def test_posterior_of_a_counted_category_is_refused(world: World, oracle: Oracle) -> None:
    with pytest.raises(TaxonomyError):
        oracle.posterior(world.prompts()[0], "length_tokens")
