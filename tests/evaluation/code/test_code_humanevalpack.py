"""HumanEvalPack as a benchmark: its prompts, its levers, which answers score and which have no score."""

import json
import re
from pathlib import Path

import pytest
import tiny_pack

from treasure.errors import ConfigError, DataError
from treasure.evaluation.benchmarks.humanevalpack import HumanEvalPack
from treasure.evaluation.benchmarks.humanevalpack_config import HumanEvalPackConfig
from treasure.evaluation.benchmarks.protocol import Answer, Benchmark
from treasure.evaluation.code.languages import LANGUAGES
from treasure.evaluation.run_programs import problem_with
from treasure.evaluation.sandbox_config import SandboxConfig
from treasure.inference.levers import LeverMode, LeverSet
from treasure.markers.marker_set import MarkerSet
from treasure.taxonomy.load import load_taxonomy

DATA = Path(__file__).parents[4] / "shared" / "data" / "eval" / "humanevalpack"
LEAVES = "import os\ndef sum_squares(numbers):\n    os._exit(0)\n"
SCRIPTS = ["python", "javascript"]


def benchmark(folder, **options):
    return HumanEvalPack(
        HumanEvalPackConfig(folder=str(tiny_pack.write(folder)), probe_cache=str(folder / "probes"), **options)
    )


def answer(prompt, content):
    return Answer(prompt_id=prompt.id, prompt=prompt.messages[-1].content, content=content, reference=prompt.reference)


def test_all_tasks_languages_and_ordered_pairs_are_asked(tmp_path):
    asked = benchmark(tmp_path)
    prompts = asked.prompts()
    assert isinstance(asked, Benchmark)
    assert len(prompts) == len({prompt.id for prompt in prompts}) == 6 + 6 + 30
    assert [prompt.id for prompt in prompts[:2]] == ["CodeGeneration/python/7", "CodeGeneration/javascript/7"]
    assert all(json.loads(json.dumps(dict(prompt.reference))) == dict(prompt.reference) for prompt in prompts)
    pair = next(prompt for prompt in prompts if prompt.id == "CodeTranslation/go-rust/7")
    assert dict(pair.slices) == {"task": "CodeTranslation", "code_type": "rust", "pair": "go-rust"}


def test_levers_are_markers_of_the_shipped_taxonomy(tmp_path):
    taxonomy = load_taxonomy(Path(__file__).parents[3] / "conf" / "taxonomy" / "treasure_hunt.yaml")
    for prompt in benchmark(tmp_path).prompts():
        LeverSet.setting(LeverMode.FIX, MarkerSet.of(taxonomy, dict(prompt.levers))).check(taxonomy)
        assert prompt.levers == {name: prompt.slices[name] for name in ("task", "code_type")}


def test_no_prompt_shows_its_own_solution(tmp_path):
    for prompt in benchmark(tmp_path).prompts():
        body = tiny_pack.CANONICAL[prompt.slices["code_type"]].strip()
        assert body not in prompt.messages[-1].content
        assert tiny_pack.DECLARATIONS[prompt.slices["code_type"]].strip() in prompt.messages[-1].content


def test_a_translation_shows_the_whole_original(tmp_path):
    prompt = next(it for it in benchmark(tmp_path).prompts() if it.id == "CodeTranslation/go-python/7")
    text = prompt.messages[-1].content
    assert text.index('import (\n    "math"') < text.index(tiny_pack.CANONICAL["go"].strip()) < text.index("```python")


def test_a_repair_is_told_the_tests_or_the_docstring(tmp_path):
    tests, docs = (
        benchmark(tmp_path, tasks=["CodeFix"], languages=["rust"], fix_context=context)
        .prompts()[0]
        .messages[-1]
        .content
        for context in ("tests", "docstring")
    )
    assert "assert_eq!" in tests and "adds squares" not in tests
    assert "assert_eq!" not in docs and "adds squares" in docs
    assert tiny_pack.BUGGY["rust"].strip() in tests and tiny_pack.BUGGY["rust"].strip() in docs


def test_answers_pass_fail_or_hold_no_code(tmp_path):
    asked = benchmark(tmp_path, languages=SCRIPTS, tasks=["CodeGeneration"])
    prompts = asked.prompts()
    for prompt in prompts:
        if problem := problem_with(prompt.slices["code_type"]):
            pytest.skip(problem)
    right = [answer(it, tiny_pack.CANONICAL[it.slices["code_type"]]) for it in prompts]
    wrong = [answer(it, tiny_pack.BUGGY[it.slices["code_type"]]) for it in prompts]
    found = asked.score(
        [*right, *wrong, answer(prompts[0], " \n"), answer(prompts[0], "I cannot."), answer(prompts[0], LEAVES)]
    )
    assert [score.scores for score in found] == [{"passed": 1.0}] * 2 + [{"passed": 0.0}] * 5
    assert found[-1].details["reason"] == "run: ended before its tests did"
    assert found[2].details["reason"] == "run: failed: exit status 1"
    assert "AssertionError" in found[2].details["stderr"]
    assert found[4].details["reason"] == "no code in the answer"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ({"canonical_solution": tiny_pack.BUGGY["python"]}, r"1 of 1 right solutions fail: python/7 \(run: failed"),
        ({"buggy_solution": tiny_pack.CANONICAL["python"]}, r"1 of 1 wrong ones pass: python/7$"),
    ],
)
def test_a_language_whose_known_solutions_misbehave_gives_no_score(tmp_path, text, reason):
    asked = benchmark(tmp_path, languages=["python"], tasks=["CodeGeneration"])
    (tmp_path / "python.jsonl").write_text(json.dumps({**tiny_pack.row("python"), **text}))
    (prompt,) = asked.prompts()
    (score,) = asked.score([answer(prompt, tiny_pack.CANONICAL["python"])])
    assert not score.scores
    assert re.search(reason, score.unscored)
    assert not (tmp_path / "probes").exists()  # such a verdict is not kept


def test_a_failing_language_names_the_libraries_that_it_lacks(tmp_path):
    asked = benchmark(tmp_path, languages=["javascript"], tasks=["CodeGeneration"])
    body = tiny_pack.CANONICAL["javascript"].replace("return", "require('js-md5'); return")
    row = {**tiny_pack.row("javascript"), "canonical_solution": body}
    (tmp_path / "js.jsonl").write_text(json.dumps(row))
    assert re.search(r"javascript/7 .*; not there: js-md5 \(.*npm install js-md5", asked.probe("javascript").reason)


@pytest.mark.parametrize(("num_weak", "is_trusted"), [(1, True), (2, False)])
def test_one_in_twenty_tests_may_be_too_weak_for_their_bug_and_that_is_told(tmp_path, caplog, num_weak, is_trusted):
    rows = [tiny_pack.row("python", number) for number in range(20)]
    for row in rows[:num_weak]:
        row["buggy_solution"] = row["canonical_solution"]
    asked = benchmark(tmp_path, languages=["python"], tasks=["CodeGeneration"])
    (tmp_path / "python.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = asked.probe("python")
    assert (found.reason == "") is is_trusted
    assert len(found.wrong_passed) == num_weak
    assert ("pass their tests all the same: python/0" in caplog.text) is is_trusted


def test_a_solution_that_fails_now_and_then_is_run_again_and_named(tmp_path, caplog):
    lucky = "    import time\n    assert time.time_ns() // 1000 % 2\n" + tiny_pack.CANONICAL["python"]
    for number in range(3):  # all three pass at the first try once in eight times
        folder = tmp_path / str(number)
        folder.mkdir()
        asked = benchmark(folder, languages=["python"])
        row = {**tiny_pack.row("python", number), "canonical_solution": lucky}
        (folder / "python.jsonl").write_text(json.dumps(row))
        caplog.clear()
        found = asked.probe("python")
        assert found.reason == ""
        assert set(found.unsteady) <= {f"python/{number}"}
        assert (f"alike in every run: python/{number}" in caplog.text) == bool(found.unsteady)


def test_a_tool_that_is_not_there_gives_no_score_and_says_so(tmp_path):
    sandbox = SandboxConfig(tools={"go": str(tmp_path / "no_go")})
    asked = benchmark(tmp_path, languages=["go"], tasks=["CodeGeneration"], sandbox=sandbox)
    (score,) = asked.score([answer(asked.prompts()[0], tiny_pack.CANONICAL["go"])])
    assert not score.scores
    assert score.unscored.startswith("go cannot be run here: ")


def test_a_verdict_is_kept_until_the_programs_change(tmp_path):
    asked = benchmark(tmp_path, languages=["python"])
    first = asked.probe("python")
    assert not first.reason
    (kept,) = (tmp_path / "probes").iterdir()
    kept.write_text(kept.read_text().replace('"num_cases": 1', '"num_cases": 99'))
    assert benchmark(tmp_path).probe("python").num_cases == 99
    other = tmp_path / "other"
    other.mkdir()
    changed = benchmark(other)
    (other / "python.jsonl").write_text(json.dumps(tiny_pack.row("python", 8)))
    assert (
        HumanEvalPack(HumanEvalPackConfig(folder=str(other), probe_cache=str(kept.parent))).probe("python").num_cases
        == 1
    )
    assert changed.name == "humanevalpack"


def test_a_language_without_a_file_is_an_error(tmp_path):
    asked = benchmark(tmp_path)
    (tmp_path / "rust.jsonl").unlink()
    with pytest.raises(DataError, match=r"No file of HumanEvalPack for rust.*leave the language out"):
        asked.prompts()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folder": ""}, "folder must name"),
        ({"languages": ["ruby"]}, "languages must name some of python, .*got"),
        ({"languages": []}, "languages must name"),
        ({"languages": ["go", "go"]}, "each once"),
        ({"tasks": ["CodeFixx"]}, "Did you mean 'CodeFix'"),
        ({"fix_context": "test"}, "Did you mean 'tests'"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        HumanEvalPackConfig(**{"folder": "x", **options})


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_all_given_solutions_pass_and_all_buggy_ones_fail(language, tmp_path):
    if not DATA.is_dir():
        pytest.skip(f"{DATA} is not there")
    sandbox = SandboxConfig(time_factor=4.0)
    if problem := problem_with(language, sandbox):
        pytest.skip(problem)
    asked = HumanEvalPack(HumanEvalPackConfig(folder=str(DATA), sandbox=sandbox, probe_cache=str(tmp_path)))
    assert asked.probe(language).reason == ""


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_given_solutions_pass_as_answers_too(language, tmp_path):
    if not DATA.is_dir():
        pytest.skip(f"{DATA} is not there")
    sandbox = SandboxConfig(time_factor=4.0)
    config = HumanEvalPackConfig(folder=str(DATA), sandbox=sandbox, languages=[language], tasks=["CodeGeneration"])
    asked = HumanEvalPack(config)
    if reason := asked.probe(language).reason:
        pytest.skip(reason)
    rows = asked.rows(language)[::5]
    prompts = {prompt.id: prompt for prompt in asked.prompts()}
    fence = LANGUAGES[language].fences[0]
    answers = [
        answer(
            prompts[f"CodeGeneration/{language}/{row.number}"],
            f"So:\n```{fence}\n{row.declaration}{row.canonical}\n```",
        )
        for row in rows
    ]
    assert [
        row.number for row, score in zip(rows, asked.score(answers), strict=True) if not score.scores["passed"]
    ] == []
