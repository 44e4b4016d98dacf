"""The whole chain through the commands: sweep, skip, report, generate, render, and what users get wrong."""

import csv
import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from commands import call

from treasure.cli.jobs import levers
from treasure.config.run_lock import run_lock

SMALL = [
    "world.num_train_examples=600", "world.num_prompts_per_benchmark=6",
    "benchmark.names=[facts,languages,code,length]", "generation.max_new_tokens=24",
]  # fmt: skip
SWEEP = ["experiments=quick", "markers=none,tokens", *SMALL]


class Done(NamedTuple):
    """How a command ended that ran in this process, which saves the seconds that imports take."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def here(capfd: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Runs a command in this process, from the repository."""
    return lambda name, *arguments: Done(call(f"treasure-{name}", *arguments), *capfd.readouterr())


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Outputs of the quick experiment: Baseline and marked model, and their report."""
    folder = tmp_path_factory.mktemp("with a space") / "outputs"
    assert call("treasure-run", "-m", *SWEEP, f"paths.outputs={folder}") == 0
    assert call("treasure-report", "group=quick", f"paths.outputs={folder}") == 0
    return folder


def _runs(outputs: Path) -> dict[str, Path]:
    return {path.name.split("-")[0]: path for path in (outputs / "runs" / "quick").iterdir()}


def test_each_run_leaves_everything_and_a_done_mark(outputs):
    runs = _runs(outputs)
    assert set(runs) == {"none", "tokens"}
    for run in runs.values():
        names = {path.name for path in run.iterdir()}
        assert {
            "DONE",
            "config.yaml",
            "provenance.json",
            "records.jsonl",
            "summary.json",
            "frequency.csv",
            "model",
        } <= names
        assert (run / "metrics" / "metrics.csv").is_file() and list(run.glob("wandb/offline-run-*"))


def test_baseline_and_marked_model_saw_the_same_number_of_examples_and_steps(outputs):
    none, tokens = (json.loads((run / "summary.json").read_text()) for _, run in sorted(_runs(outputs).items()))
    assert (none["steps"], none["num_examples"]) == (tokens["steps"], tokens["num_examples"])
    assert none["num_tokens"] < tokens["num_tokens"]


def test_the_report_has_its_tables_figures_and_page(outputs):
    folder = outputs / "reports" / "quick"
    with (folder / "lifts.csv").open() as file:
        rows = list(csv.DictReader(file))
    expected = [
        "benchmark",
        "slice_kind",
        "slice",
        "regime",
        "metric",
        "baseline",
        "marked",
        "lift",
        "low",
        "high",
        "num_prompts",
        "num_seeds",
    ]
    assert list(rows[0]) == expected
    assert {row["slice_kind"] for row in rows} == {"head", "tail", "all", "value"}
    assert {row["regime"] for row in rows} == {"inferred", "fixed", "forced", "oracle"}
    assert (folder / "index.html").is_file()
    assert {path.suffix for path in folder.rglob("*head_tail*")} == {".png", ".svg"}
    assert len(list(folder.glob("wandb/offline-run-*"))) == 1 and not (outputs / "wandb_id").exists()


def test_a_second_start_skips_what_is_done(outputs, here):
    before = {path: path.stat().st_mtime_ns for path in outputs.rglob("records.jsonl")}
    again = here("run", "-m", *SWEEP, f"paths.outputs={outputs}")
    assert again.returncode == 0
    assert again.stdout.count("skipped") == 2
    assert before == {path: path.stat().st_mtime_ns for path in outputs.rglob("records.jsonl")}


@pytest.mark.slow
def test_the_levers_of_a_run_are_measured_calibrated_and_reported(outputs, here):
    run = _runs(outputs)["tokens"]
    done = here(
        "evaluate", "levers", f"run='{run}'", "generation.max_new_tokens=12",
        "posteriors.num_fit=20", "posteriors.num_test=12", "posteriors.num_headers=2",
        "lengths.num_response_prompts=2", "lengths.num_response_numbers=2", "lengths.num_calibration_prompts=6",
        "lengths.num_calibration_numbers=2", "lengths.num_limit_prompts=6", "lengths.confidences=[0.5]",
        "disagreement.num_header_prompts=3", "disagreement.num_conflict_prompts=3",
        "guidance.num_prompts=2", "guidance.weights=[1,2]", "guidance.headers=[guided]", "guidance.pair_weights=[1]",
        "choosing.num_prompts=2", "choosing.numbers=[2]", "entanglement.num_prompts=6",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    names = ["choosing", "disagreement", "entanglement", "guidance", "lengths", "posteriors"]
    assert sorted(path.stem for path in (run / "levers").iterdir()) == names
    assert (run / "model" / "posterior_calibration.json").is_file()
    assert (run / "model" / "length_calibration.json").is_file()
    assert here("report", "group=quick", "folder=with_levers", f"paths.outputs={outputs}").returncode == 0
    page = (outputs / "reports" / "with_levers" / "index.html").read_text()
    assert page.count('<section class="study">') == len(names)


def test_a_stopped_measurement_tells_which_studies_are_left(outputs, here, monkeypatch):
    run = _runs(outputs)["tokens"]
    monkeypatch.setitem(levers._STUDIES, "lengths", lambda *_: signal.raise_signal(signal.SIGTERM))
    done = here("evaluate", "levers", f"run='{run}'", "studies.names=[lengths,choosing]")
    assert done.returncode == 75 and "studies.names=[lengths,choosing]" in done.stderr
    assert not (run / "LOCK").exists() and not (run / "levers" / "lengths.jsonl").exists()


@pytest.mark.slow
def test_a_study_that_cannot_be_made_costs_no_other(outputs, here):
    run = _runs(outputs)["tokens"]
    done = here(
        "evaluate", "levers", f"run='{run}'", "generation.max_new_tokens=4",
        "lengths.language=Klingon", "studies.names=[lengths,disagreement]",
        "disagreement.num_header_prompts=1", "disagreement.num_conflict_prompts=1",
    )  # fmt: skip
    assert done.returncode == 2 and "Not measured: lengths; what is done is kept." in done.stderr
    assert (run / "levers" / "disagreement.jsonl").is_file() and not (run / "LOCK").exists()


def test_one_process_at_a_time_measures_a_run(outputs, here):
    run = _runs(outputs)["tokens"]
    with run_lock(run):
        done = here("evaluate", "levers", f"run='{run}'")
    assert done.returncode == 2 and "is in use by process" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["run=nowhere"], ["no run folder", "config.yaml"]),
        (["run=nowhere", "studies.names=[length]"], ["no study 'length'", "Did you mean 'lengths'"]),
        (["run=nowhere", "generation.temperature=1"], ["greedy answers", "temperature must be 0"]),
    ],
    ids=["no run", "no such study", "drawn"],
)
def test_levers_that_cannot_be_measured_are_told(here, arguments, parts):
    done = here("evaluate", "levers", *arguments)
    assert done.returncode == 2 and all(part in done.stderr for part in parts), done.stderr


def test_a_baseline_has_no_levers_to_measure(outputs, here):
    done = here("evaluate", "levers", f"run='{_runs(outputs)['none']}'")
    assert done.returncode == 2 and "writes no header" in done.stderr


def test_headers_of_a_run_are_compared_with_what_is_true(outputs, here, tmp_path):
    few = ["marker_prediction.max_prompts=12", "marker_prediction.max_train=200", "marker_prediction.num_headers=0"]
    run = _runs(outputs)["tokens"]
    done = here("evaluate", "markers", f"run='{run}'", f"folder='{tmp_path}'", *few)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "marker_prediction" / "figures.json").read_text(encoding="utf-8"))["figures"]
    guessers = {figure["slices"]["by"] for figure in found if figure["metric"] == "accuracy"}
    assert guessers == {"model", "majority", "neighbours"}
    assert {figure["interval"]["n"] for figure in found if figure["metric"] == "accuracy"} <= set(range(13))
    done = here("evaluate", "markers", f"run='{_runs(outputs)['none']}'", f"folder='{tmp_path}'")
    assert done.returncode == 2 and "writes no header" in done.stderr


def test_answers_to_a_benchmark_know_head_and_tail_of_the_training(outputs, here, tmp_path):
    rows = [
        {"id": str(n), "prompt": f"Say {n}.", "domain": domain} for n, domain in enumerate(("Legal", "Code", "odd"))
    ]
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    model = _runs(outputs)["tokens"] / "model"
    suite = ["suite=arena_hard", "suite.open_ended.judge=null", "suite.open_ended.slices={domain: domain}"]
    place = [f"suite.open_ended.prompts='{tmp_path / 'prompts.jsonl'}'", f"folder='{tmp_path / 'out'}'"]
    short = ["suite.open_ended.opponent=''", "regimes=[inferred]", "generation.max_new_tokens=4"]
    done = here("evaluate", "benchmark", f"checkpoint='{model}'", *suite, *place, *short)
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "out" / "arena_hard" / "records.jsonl").read_text(encoding="utf-8").splitlines()
    groups = [json.loads(line)["groups"] for line in lines]
    assert groups[2] == {} and {group for one in groups for group in one.values()} <= {"head", "tail"} and groups[0]


def test_one_answer_is_a_page_with_beliefs_header_and_content(outputs, here):
    model = _runs(outputs)["tokens"] / "model"
    asked = [f"checkpoint='{model}'", "prompt='What is the color of Tavi?'", "generation.max_new_tokens=8"]
    levers = ["levers.domain=Legal", "levers.length_tokens={force: 40}", "levers.style={forbid: true}"]
    done = here("generate", *asked, *levers)
    assert done.returncode == 0, done.stderr
    for part in ("What is the color of Tavi?", "in prompt and header", "never in the header", "entropy", "Answer"):
        assert part in done.stdout
    done = here("generate", *asked, "posteriors=false", "choosing.num_headers=2")
    assert done.returncode == 0 and "entropy" not in done.stdout


def test_rows_of_a_file_have_levers_of_their_own(outputs, here, tmp_path):
    model = _runs(outputs)["tokens"] / "model"
    rows = [{"prompt": "Who?"}, {"prompt": "Who?", "levers": {"lang": {"force": "German"}, "style": "infer"}}]
    (tmp_path / "asked.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    files = [f"input='{tmp_path / 'asked.jsonl'}'", f"output='{tmp_path / 'out.jsonl'}'"]
    asked = [f"checkpoint='{model}'", *files, "generation.max_new_tokens=4"]
    done = here("generate", *asked, "levers=formal", "levers.lang=French")
    assert done.returncode == 0, done.stderr
    first, second = map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())
    assert (first["fixed"], first["forced"]) == ({"lang": "French", "style": "Formal"}, {})
    assert second["fixed"] == second["forced"] == {"lang": "German"} and second["markers"]["lang"] == "German"
    (tmp_path / "asked.jsonl").write_text(json.dumps({"prompt": "Who?", "levers": {"lang": "Frensh"}}) + "\n")
    done = here("generate", f"checkpoint='{model}'", f"input='{tmp_path / 'asked.jsonl'}'")
    assert done.returncode == 2 and "asked.jsonl:1: Unknown value 'Frensh'" in done.stderr


def test_generate_shows_the_markers_and_the_content(outputs, here):
    model = _runs(outputs)["tokens"] / "model"
    done = here(
        "generate", f"checkpoint='{model}'", "prompt='What is the color of Tavi?'", "levers.lang={force: French}",
        "generation.max_new_tokens=40", f"output={outputs / 'answer.jsonl'}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer = json.loads((outputs / "answer.jsonl").read_text())
    assert answer["fixed"] == {"lang": "French"} and answer["markers"]["lang"] == "French"


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["levers={lang: Frensh}"], ["Unknown value 'Frensh'", "Did you mean 'French'", "Allowed"]),
        (["levers.languag=French"], ["Unknown category 'languag'", "Allowed"]),
        (["prompt=null"], ["prompt", "input"]),
    ],
    ids=["value", "category", "nothing to answer"],
)
def test_impossible_levers_are_refused_in_a_paragraph(outputs, here, arguments, parts):
    model = _runs(outputs)["tokens"] / "model"
    done = here("generate", f"checkpoint='{model}'", "prompt='Hi'", *arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert all(part in done.stderr for part in parts), done.stderr


def test_a_baseline_has_no_levers(outputs, here):
    done = here("generate", f"checkpoint='{_runs(outputs)['none'] / 'model'}'", "prompt=Hi", "levers.lang=French")
    assert done.returncode == 2 and "no levers" in done.stderr


@pytest.mark.parametrize(
    "damaged", ["model/model.safetensors", "model/treasure.json", "training.json", "frequency.json"]
)
def test_what_to_do_is_told_where_a_finished_training_is_damaged(outputs, here, tmp_path, damaged):
    run = _runs(outputs)["tokens"]
    copy = shutil.copytree(run, tmp_path / "runs" / "quick" / run.name)
    (copy / "DONE").unlink()
    os.truncate(copy / damaged, 40)
    done = here("run", "experiments=quick", f"paths.outputs={tmp_path}", *SMALL)
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    assert f"delete '{copy / 'training.json'}': treasure-train or treasure-run with" in done.stderr


def test_a_model_without_the_end_of_its_training_is_not_evaluated(outputs, here, tmp_path):
    run = _runs(outputs)["tokens"]
    copy = shutil.copytree(run, tmp_path / "runs" / "quick" / run.name)
    (copy / "DONE").unlink()
    (copy / "training.json").unlink()
    done = here("evaluate", "experiments=quick", f"paths.outputs={tmp_path}", *SMALL)
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    assert "holds no training.json" in done.stderr and "treasure-train" in done.stderr and "delete" not in done.stderr


def test_render_tells_what_is_in_the_loss(outputs, here):
    done = here("render", "experiments=quick", "example=3", f"paths.outputs={outputs}", *SMALL)
    assert done.returncode == 0, done.stderr
    assert "marker tax" in done.stdout and "<|markers|>" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["optimizer.learning_rat=1"], ["learning_rat", "learning_rate"]),
        (["optimizer.learning_rate=fast"], ["learning_rate", "fast"]),
        (["markers.dropout.sample_dropout=2"], ["sample_dropout", "from 0 to 1"]),
        (["experiments=nope"], ["nope", "quick"]),
        (["taxonomy.file=wrld"], ["wrld", "world"]),
        (["benchmark.names=[fatcs]", "trainer.max_steps=1", "world.num_train_examples=40"], ["fatcs", "facts"]),
        (["data=real", "paths.data=/nowhere"], ["/nowhere", "No such file"]),
        (["model=pretrained"], ["model.path"]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_mistakes_stop_with_a_paragraph_that_says_what_is_allowed(tmp_path, here, arguments, parts):
    done = here("run", *arguments, f"paths.outputs={tmp_path}", "logger=csv")
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert all(part in done.stderr for part in parts), done.stderr
