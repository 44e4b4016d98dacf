"""`treasure-evaluate benchmark` and `rescore` on files of the public shape, by real models: stop, go on, score anew."""

import json
import os
import signal
import subprocess
import sys
import time
from math import nan

import pytest
import tiny
from commands import REPOSITORY, call

from treasure.analysis.config import Resampling
from treasure.analysis.scores.figure import Figure
from treasure.cli.figures_file import write_figures
from treasure.cli.figures_table import figures_table
from treasure.config.compose import compose
from treasure.config.evaluate_schema import BenchmarksCommand
from treasure.evaluation.benchmarks.translation import Translation
from treasure.evaluation.record import EvaluationRecord, Regime, read_records
from treasure.inference.request import NO_ANSWER
from treasure.intervals import Interval
from treasure.markers.config import MarkerMode
from treasure.model.checkpoint import save_checkpoint

ROWS = [
    {
        "key": number,
        "prompt": f"What is {number} plus 1? Use no commas.",
        "instruction_id_list": ["punctuation:no_comma"],
        "kwargs": [{}],
    }
    for number in range(12)
]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folders = {}
    for mode in (MarkerMode.TOKENS, MarkerMode.NONE):
        folders[mode] = tmp_path_factory.mktemp("runs") / f"run-{mode.value}" / "model"
        save_checkpoint(tiny.checkpoint(mode), folders[mode])
    return folders


@pytest.fixture(scope="module")
def public(tmp_path_factory):
    folder = tmp_path_factory.mktemp("public")
    (folder / "ifeval").mkdir()
    path = folder / "ifeval" / "en_input_data.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return folder


def options(model, public, folder, *more):
    return [
        "benchmark", "suite=ifeval", "suite.ifeval.languages=[en]", f"checkpoint={model}", f"folder={folder}",
        f"paths.benchmarks={public}", "generation.max_new_tokens=12", *more,
    ]  # fmt: skip


def test_a_marked_model_is_asked_in_its_regimes_and_one_without_markers_in_baseline(models, public, tmp_path, capfd):
    for mode, regimes in ((MarkerMode.TOKENS, ["inferred", "fixed"]), (MarkerMode.NONE, ["baseline"])):
        folder = tmp_path / mode.value
        assert call("treasure-evaluate", *options(models[mode], public, folder)) == 0
        records = read_records(folder / "ifeval" / "records.jsonl")
        assert len(records) == len(ROWS) * len(regimes)
        assert [str(regime) for regime in dict.fromkeys(record.regime for record in records)] == regimes
        assert all(record.scores for record in records)
        figures = json.loads((folder / "ifeval" / "figures.json").read_text())["figures"]
        assert {figure["interval"]["n"] for figure in figures if not figure["slices"]} <= {len(ROWS)}
        assert "prompt_strict" in capfd.readouterr().out


def test_the_same_command_does_nothing_twice_and_another_is_refused(models, public, tmp_path, capfd):
    model = models[MarkerMode.TOKENS]
    assert call("treasure-evaluate", *options(model, public, tmp_path)) == 0
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("answers.jsonl")}
    assert call("treasure-evaluate", *options(model, public, tmp_path, "generation.batch_size=5")) == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    capfd.readouterr()
    assert call("treasure-evaluate", *options(model, public, tmp_path, "limit=3")) == 2
    assert "num_prompts was 12 and is 3" in capfd.readouterr().err


def test_records_are_scored_anew_without_the_model(models, public, tmp_path, capfd):
    assert call("treasure-evaluate", *options(models[MarkerMode.NONE], public, tmp_path)) == 0
    path = tmp_path / "ifeval" / "records.jsonl"
    before = path.read_text()
    path.write_text(before.replace('"prompt_strict": ', '"prompt_strict": 7'))
    said = ["rescore", f"folder={tmp_path / 'ifeval'}", "suite=ifeval", f"paths.benchmarks={public}"]
    assert call("treasure-evaluate", *said) == 0
    assert path.read_text() == before
    assert call("treasure-evaluate", "rescore", f"folder={tmp_path}", "suite=ifeval") == 2
    assert "holds no records.jsonl" in capfd.readouterr().err


def test_answers_of_others_are_scored(public, tmp_path):
    answers = tmp_path / "answers.jsonl"
    rows = [{"prompt": row["prompt"], "content": "one, two" if row["key"] % 2 else "one two"} for row in ROWS]
    answers.write_text("".join(json.dumps(row) + "\n" for row in rows))
    more = [f"answers={answers}", "suite=ifeval", "suite.ifeval.languages=[en]", f"paths.benchmarks={public}"]
    assert call("treasure-evaluate", "benchmark", *more, f"folder={tmp_path / 'out'}") == 0
    records = read_records(tmp_path / "out" / "ifeval" / "records.jsonl")
    assert [record.scores["prompt_strict"] for record in records] == [1.0, 0.0] * 6


def test_prompts_that_a_file_of_answers_lacks_are_told(public, tmp_path, capfd):
    answers = tmp_path / "answers.jsonl"
    answers.write_text("".join(json.dumps({"prompt_id": f"en-{n}", "content": "one"}) + "\n" for n in range(10)))
    more = [f"answers={answers}", "suite=ifeval", "suite.ifeval.languages=[en]", f"paths.benchmarks={public}"]
    assert call("treasure-evaluate", "benchmark", *more, f"folder={tmp_path / 'out'}") == 0
    assert "2 of 12 prompts have no answer" in " ".join(capfd.readouterr().out.split())


def test_the_table_shows_the_widest_slices_of_each_regime():
    figures = [
        Figure(metric="lpr", regime=regime, interval=Interval(0.5, 0.4, 0.6, 9), slices=slices)
        for regime in ("inferred", "fixed")
        for slices in ({"task": "mono"}, *({"task": "mono", "lang": str(number)} for number in range(30)))
    ]
    table = figures_table("lcb", figures)
    assert list(table.columns[1].cells) == ["inferred", "fixed"]
    assert list(table.columns[2].cells) == ["task=mono", "task=mono"]
    assert table.caption == "60 more in figures.json"


def test_a_folder_of_benchmarks_that_is_not_there_is_told_before_a_model_is_loaded(tmp_path, capfd):
    said = ["benchmark", "suite=[wmt24,ifeval]", "checkpoint=nowhere", f"folder={tmp_path / 'out'}"]
    assert call("treasure-evaluate", *said, f"paths.benchmarks={tmp_path}") == 2
    told = " ".join(capfd.readouterr().err.split())
    assert f"suite.ifeval.folder: '{tmp_path / 'ifeval'}' is not there" in told
    assert f"paths.benchmarks=FOLDER (given: {tmp_path})" in told
    assert not (tmp_path / "out").exists()


def test_two_editions_of_a_benchmark_have_folders_of_their_own():
    editions = [compose(BenchmarksCommand, "benchmarks", [f"suite={name}", "checkpoint=x"]).suite.translation
                for name in ("wmt24", "wmt24pp")]  # fmt: skip
    assert [Translation(edition).name for edition in editions if edition] == ["wmt24", "wmt24pp"]


def test_a_judge_that_gives_no_verdict_at_all_ends_without_figures(public, tmp_path, capfd):
    """It would give a win rate of 0 %, which is no finding."""
    (tmp_path / "prompts.jsonl").write_text(json.dumps({"prompt": "Why?"}) + "\n")
    (tmp_path / "opponent.jsonl").write_text(json.dumps({"prompt": "Why?", "content": "So."}) + "\n")
    (tmp_path / "answers.jsonl").write_text(json.dumps({"prompt": "Why?", "content": "Because."}) + "\n")
    judge = (
        f"suite.open_ended.judge={{model: x, base_url: 'http://127.0.0.1:1/v1', records: '{tmp_path / 'v.sqlite'}'}}"
    )
    files = [f"suite.open_ended.{name}={tmp_path / name}.jsonl" for name in ("prompts", "opponent")]
    said = [f"answers={tmp_path / 'answers.jsonl'}", f"folder={tmp_path / 'out'}", *files, judge]
    once = "suite.open_ended.judge.runner.max_attempts=1"
    for _ in range(2):  # the second time as well: such games are no scores that are kept
        assert call("treasure-evaluate", "benchmark", "suite=arena_hard", *said, once) == 2
        assert "none of 2 games has a verdict, so there is nothing to report" in " ".join(
            capfd.readouterr().err.split()
        )
    assert not list((tmp_path / "out").rglob("figures.json"))


def test_the_table_says_nothing_of_no_answer():
    figures = [Figure(metric="wpr", regime="fixed", interval=Interval(1.0, nan, nan, 0), slices={}, num_failed=3)]
    table = figures_table("lcb", figures)
    assert [next(iter(column.cells)) for column in table.columns[3:]] == ["–", "–", "0", "3"]
    assert table.columns[-1].header == "no score"


def test_other_rules_score_the_same_answers_anew(tmp_path):
    row = {"instruction": "Use 2 words or less. Why?", "original_instruction": "Why?", "max_len": 2, "output": "So."}
    folder = tmp_path / "alpaca_eval_li"
    folder.mkdir()
    (folder / "alpaca_eval_li_reconstructed.jsonl").write_text(json.dumps(row) + "\n")
    answers = tmp_path / "answers.jsonl"
    answers.write_text(json.dumps({"prompt": "Why?", "content": "- well - yes"}) + "\n")
    said = ["benchmark", "suite=alpaca_eval_li", f"answers={answers}", f"folder={tmp_path / 'out'}",
            f"suite.length_instructed.prompts={folder / 'alpaca_eval_li_reconstructed.jsonl'}"]  # fmt: skip
    for more, violates in (([], 0.0), (["suite.length_instructed.words=blanks"], 1.0)):
        assert call("treasure-evaluate", *said, *more) == 0
        (record,) = read_records(tmp_path / "out" / "alpaca_eval_li" / "records.jsonl")
        assert record.scores["length_violation"] == violates


def test_what_a_server_never_gave_is_not_counted_as_empty(tmp_path):
    def record(content, *problems):
        return EvaluationRecord(benchmark="b", prompt_id="p", regime=Regime.FIXED, seed=0, step=0, prompt="", scores={},
                                content=content, problems=problems)  # fmt: skip

    records = [record("a"), record(""), record("", f"{NO_ANSWER}timeout")]
    write_figures(tmp_path, "b", "ifeval", [], Resampling(), records)
    found = json.loads((tmp_path / "figures.json").read_text())
    assert found["answers"] == {"fixed": {"num": 3, "num_empty": 1, "num_too_long": 0}}


def test_answers_that_say_nothing_are_counted_and_told(public, tmp_path, capfd):
    answers = tmp_path / "answers.jsonl"
    answers.write_text("".join(json.dumps({"prompt": row["prompt"], "content": " \n"}) + "\n" for row in ROWS[:2]))
    more = [f"answers={answers}", "suite=ifeval", "suite.ifeval.languages=[en]", f"paths.benchmarks={public}"]
    assert call("treasure-evaluate", "benchmark", *more, f"folder={tmp_path / 'out'}") == 0
    assert "2 answers of 2 said nothing" in capfd.readouterr().out
    found = json.loads((tmp_path / "out" / "ifeval" / "figures.json").read_text())
    assert found["answers"] == {"baseline": {"num": 2, "num_empty": 2, "num_too_long": 0}}


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["checkpoint=x", "answers=y"], "either checkpoint"),
        (["checkpoint=x", "regimes=[oracle]"], "regimes must name some of inferred, fixed, forced"),
        (["checkpoint=x", "num_samples=2"], "most probable answer would be the same"),
        (["checkpoint=nowhere"], "nowhere"),
        (["answers=y"], "Name a folder"),
    ],
)
def test_options_that_make_no_sense_are_refused(more, told, public, capfd):
    assert call("treasure-evaluate", "benchmark", "suite=ifeval", f"paths.benchmarks={public}", *more) == 2
    assert told in capfd.readouterr().err


def test_a_row_that_cannot_be_read_is_told_with_file_and_line(models, public, tmp_path, capfd):
    (tmp_path / "ifeval").mkdir()
    (tmp_path / "ifeval" / "en_input_data.jsonl").write_text(json.dumps(ROWS[0]) + '\n{"key": 1}\n')
    assert call("treasure-evaluate", *options(models[MarkerMode.NONE], tmp_path, tmp_path / "out")) == 2
    assert "en_input_data.jsonl:2:" in capfd.readouterr().err


def test_a_prompt_beyond_the_context_has_an_empty_answer_and_is_told(models, tmp_path, capfd):
    (tmp_path / "ifeval").mkdir()
    rows = [{**ROWS[0], "prompt": "and so on " * 400}, ROWS[1]]
    path = tmp_path / "ifeval" / "en_input_data.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert call("treasure-evaluate", *options(models[MarkerMode.TOKENS], tmp_path, tmp_path / "out")) == 0
    long, short = read_records(tmp_path / "out" / "ifeval" / "records.jsonl")[:2]
    assert long.content == "" and "longer than the context of 320 tokens" in long.problems[0] and not long.finished
    assert short.content and not short.problems
    assert long.scores["prompt_strict"] == 0  # what says nothing has no comma, and yet follows nothing
    said = capfd.readouterr().out
    assert "1 prompt did not fit" in said and "said nothing" not in said
    found = json.loads((tmp_path / "out" / "ifeval" / "figures.json").read_text())
    counts = {"num": 2, "num_empty": 1, "num_too_long": 1}
    assert found["answers"] == {"inferred": counts, "fixed": counts}


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGKILL, marks=pytest.mark.slow)])
def test_a_command_that_is_stopped_goes_on_from_its_answers(number, models, public, tmp_path):
    """Sixty batches of one prompt, of which some are answered when the signal comes."""
    code = (
        "from treasure.evaluation import run_benchmark as r; from treasure.cli.evaluate import main; "
        "r.run_benchmark.__kwdefaults__['batch_size'] = 1; main()"
    )
    model = models[MarkerMode.TOKENS]
    command = [sys.executable, "-c", code, *options(model, public, tmp_path / "stopped")]
    process = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True, env={**os.environ})
    path = tmp_path / "stopped" / "ifeval" / "answers.jsonl"
    while process.poll() is None and (not path.exists() or path.read_bytes().count(b"\n") < 3):
        time.sleep(0.005)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == (75 if number is signal.SIGTERM else -9), errors
    kept = path.read_bytes()
    assert 3 <= kept.count(b"\n") < 2 * len(ROWS)
    assert call("treasure-evaluate", *options(model, public, tmp_path / "stopped")) == 0
    assert path.read_bytes().startswith(kept[: kept.rfind(b"\n") + 1])
    assert call("treasure-evaluate", *options(model, public, tmp_path / "whole")) == 0
    first, second = (tmp_path / name / "ifeval" / "records.jsonl" for name in ("stopped", "whole"))
    assert first.read_text() == second.read_text()
