"""Files, folders and options that are broken: one paragraph that says what, where and what to do, no traceback."""

import gzip
import json
import shutil

import pytest
import tiny
from commands import call

from treasure.evaluation.record import read_records
from treasure.markers.config import MarkerMode
from treasure.model.checkpoint import save_checkpoint

ROW = {"key": 1, "prompt": "No commas.", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]}
LINE = json.dumps(ROW) + "\n"


def changed(**fields):
    return json.dumps({**ROW, **fields}) + "\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run" / "model"
    save_checkpoint(tiny.checkpoint(MarkerMode.TOKENS), folder)
    return folder


@pytest.fixture(scope="module")
def public(tmp_path_factory):
    folder = tmp_path_factory.mktemp("public")
    (folder / "ifeval").mkdir()
    rows = [{**ROW, "key": number} for number in range(2)]
    (folder / "ifeval" / "en_input_data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture(scope="module")
def done(model, public, tmp_path_factory):
    """A finished evaluation."""
    folder = tmp_path_factory.mktemp("evaluations") / "done"
    assert call("treasure-evaluate", *options(model, public, folder)) == 0
    return folder


def options(model, public, folder, *more):
    return [
        "benchmark", "suite=ifeval", "suite.ifeval.languages=[en]", f"checkpoint={model}", f"folder={folder}",
        f"paths.benchmarks={public}", "generation.max_new_tokens=4", *more,
    ]  # fmt: skip


PACKED = gzip.compress(LINE.encode() * 50)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("en_input_data.jsonl", b"", "There is no prompt in this file"),
        ("en_input_data.jsonl", b"\n\n", "There is no prompt in this file"),
        ("en_input_data.jsonl.gz", PACKED[:40] + b"\xff\x00" + PACKED[42:], "Not readable"),
        ("en_input_data.jsonl", changed(prompt=" ").encode(), "jsonl:1: A row needs key"),
        ("en_input_data.jsonl", changed(prompt=None).encode(), "'prompt' is None"),
        ("en_input_data.jsonl", changed(key=True).encode(), "'key' is True"),
        (
            "en_input_data.jsonl",
            changed(instruction_id_list=["keywords:existence"], kwargs=[{"keywords": 5}]).encode(),
            "keywords=5 must be a list of texts",
        ),
        ("other.jsonl", LINE.encode(), "Expected en_input_data.jsonl or input_data.jsonl or ifeval_input_data.jsonl"),
    ],
)
def test_a_bad_file_of_a_benchmark_is_told(name, content, told, model, tmp_path, capfd):
    (tmp_path / "ifeval").mkdir()
    (tmp_path / "ifeval" / name).write_bytes(content)
    assert call("treasure-evaluate", *options(model, tmp_path, tmp_path / "out"), columns=10_000) == 2
    assert told in capfd.readouterr().err


@pytest.mark.parametrize("name", ["input_data.jsonl", "ifeval_input_data.jsonl"])
def test_ifeval_is_taken_under_its_first_names(name, model, tmp_path):
    (tmp_path / "ifeval").mkdir()
    (tmp_path / "ifeval" / name).write_text(LINE)
    assert call("treasure-evaluate", *options(model, tmp_path, tmp_path / "out")) == 0


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[" * 100_000, "JSON that cannot be read"),
        ('{"instruction": "x", "id": ' + "9" * 5000 + "}", "JSON that cannot be read"),
        ('{"messages": [{"role": "user", "content": ""}]}', "The last turn of 'messages' is empty"),
    ],
)
def test_a_bad_prompt_of_any_file_is_told(content, told, model, tmp_path, capfd):
    (tmp_path / "a.jsonl").write_text(content)
    said = ["benchmark", "suite=alpaca_eval", f"suite.open_ended.prompts={tmp_path}/a.jsonl", f"checkpoint={model}"]
    more = ["suite.open_ended.opponent=''", "suite.open_ended.judge=null", f"folder={tmp_path}/out"]
    assert call("treasure-evaluate", *said, *more, columns=10_000) == 2
    error = capfd.readouterr().err
    assert told in error and "a.jsonl:1" in error


def test_half_a_character_in_a_prompt_is_asked(model, tmp_path):
    (tmp_path / "a.jsonl").write_text('{"instruction": "x\\ud800"}\n{"instruction": "x\\udfff"}\n')
    said = ["benchmark", "suite=alpaca_eval", f"suite.open_ended.prompts={tmp_path}/a.jsonl", f"checkpoint={model}"]
    more = ["suite.open_ended.opponent=''", "suite.open_ended.judge=null", f"folder={tmp_path}/out"]
    assert call("treasure-evaluate", *said, *more, "regimes=[inferred]", "generation.max_new_tokens=4") == 0
    assert len(read_records(tmp_path / "out" / "alpaca_eval" / "records.jsonl")) == 2


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["regimes=[inferred,inferred]"], "regimes names one twice"),
        (["suite.ifeval.languages=[en,en]"], "ifeval.languages names one twice"),
        (["suite.quixbugs.file=x"], "belongs to 'suite.quixbugs', which is not chosen here"),
        (["beside=[nowhere]"], "beside: 'nowhere' holds no records of ifeval"),
    ],
)
def test_options_that_cannot_be_are_told_before_anything_is_asked(more, told, model, public, tmp_path, capfd):
    assert call("treasure-evaluate", *options(model, public, tmp_path / "out", *more), columns=10_000) == 2
    assert told in capfd.readouterr().err
    assert not list(tmp_path.rglob("answers.jsonl"))


def test_options_of_a_suite_without_a_suite_are_told(model, public, tmp_path, capfd):
    given = [word for word in options(model, public, tmp_path / "out") if word != "suite=ifeval"]
    assert call("treasure-evaluate", *given, columns=10_000) == 2
    assert "belongs to 'suite.ifeval', which is not chosen here. Choose what has it, such as suite=…" in (
        capfd.readouterr().err
    )


def test_a_file_in_place_of_the_folder_is_told(model, public, tmp_path, capfd):
    (tmp_path / "out").write_text("mine")
    assert call("treasure-evaluate", *options(model, public, tmp_path / "out"), columns=10_000) == 2
    assert "out' is a file. Name a folder" in capfd.readouterr().err
    assert (tmp_path / "out").read_text() == "mine"


EDITS = {
    "missing": (lambda row: row.pop("content"), "The field 'content' is missing"),
    "unknown": (lambda row: row.update(zzz=1), "no field 'zzz'"),
    "null": (lambda row: row.update(content=None), "'content' must be text, got None"),
    "number": (lambda row: row.update(prompt_id=5), "'prompt_id' must be text, got 5"),
    "text": (lambda row: row.update(sample="x"), "'sample' must be a whole number, got 'x'"),
    "object": (lambda row: row.update(slices=None), "'slices' must be an object, got None"),
    "list": (lambda row: row.update(problems=None), "'problems' must be a list, got None"),
    "regime": (lambda row: row.update(regime="foo"), "'regime' is 'foo'. Allowed: baseline, inferred"),
    "reference": (lambda row: row.update(reference={}), "The reference of a record lacks 'instructions'"),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_record_that_was_edited_is_told_and_stays(name, done, public, tmp_path, capfd):
    change, told = EDITS[name]
    folder = tmp_path / "edited"
    shutil.copytree(done / "ifeval", folder)
    path = folder / "records.jsonl"
    first, *rest = path.read_text().splitlines()
    row = json.loads(first)
    change(row)
    path.write_text("\n".join([*rest, json.dumps(row)]) + "\n")
    before = path.read_bytes()
    said = ["rescore", f"folder={folder}", "suite=ifeval", f"paths.benchmarks={public}"]
    assert call("treasure-evaluate", *said, columns=10_000) == 2
    error = capfd.readouterr().err
    assert told in error and (name == "reference" or f"records.jsonl:{len(rest) + 1}:" in error)
    assert path.read_bytes() == before


@pytest.mark.parametrize(("content", "told"), [("", "There is no record"), ("twice", "Two records are of the prompt")])
def test_no_records_and_the_same_twice_are_told(content, told, done, public, tmp_path, capfd):
    folder = tmp_path / "edited"
    shutil.copytree(done / "ifeval", folder)
    path = folder / "records.jsonl"
    path.write_text(content and path.read_text() * 2)
    said = ["rescore", f"folder={folder}", "suite=ifeval", f"paths.benchmarks={public}"]
    assert call("treasure-evaluate", *said, columns=10_000) == 2
    assert told in capfd.readouterr().err


@pytest.mark.parametrize(
    ("name", "field", "told"),
    [
        ("answers.jsonl", "content", "answers.jsonl:1: 'content' must be text, got None. Remove the file"),
        ("answers.jsonl", "sample", "answers.jsonl:1: 'sample' must be a whole number, got None"),
        ("answers.jsonl", "problems", "answers.jsonl:1: 'problems' must be a list, got None"),
        ("scores.jsonl", "scores", "scores.jsonl:1: 'scores' must be an object, got None"),
        ("setting.json", "", "setting.json: Expected a JSON object, got list"),
    ],
)
def test_a_log_that_was_edited_is_told(name, field, told, done, model, public, tmp_path, capfd):
    folder = tmp_path / "edited"
    shutil.copytree(done, folder)
    path = folder / "ifeval" / name
    if name == "setting.json":
        path.write_text("[1]")
    else:
        first, *rest = path.read_text().splitlines()
        path.write_text("\n".join([json.dumps({**json.loads(first), field: None}), *rest]) + "\n")
    assert call("treasure-evaluate", *options(model, public, folder), columns=10_000) == 2
    assert told in capfd.readouterr().err
