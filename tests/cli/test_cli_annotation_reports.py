"""`treasure-report coverage` and `treasure-report agreement` as a user starts them, on a small real sidecar."""

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from commands import report

from treasure.annotation.basic import fact_findings
from treasure.annotation.finding import Finding, Outcome
from treasure.annotation.parts import PartIdentity, meaning, write_block, write_part
from treasure.annotation.sidecar import SidecarInfo, write_info
from treasure.data.readers import DatasetConfig, read_dataset
from treasure.jsonl import write_jsonl

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def place(tmp_path_factory, taxonomy):
    """Letters in two languages, 40 of them, with a guesser that finds every fourth language wrong."""
    folder = tmp_path_factory.mktemp("letters")
    rows = [
        {"prompt": f"Letter {k // 2}?", "completion": f"Answer {k}.", "language": "Greek" if k % 2 else "French"}
        for k in range(40)
    ]
    write_jsonl(folder / "letters.jsonl", rows)
    dataset = DatasetConfig(path=str(folder / "letters.jsonl"), name="letters", facts={"domain": "Legal"})
    examples = list(read_dataset(dataset))
    sidecar = folder / "outputs" / "annotations"
    write_info(sidecar, SidecarInfo(taxonomy.name, taxonomy.hash, 40, ("facts", "guesser"), {"letters": 40}))
    write_block(sidecar, "letters", 0, [one.id for one in examples])
    found = {
        ("facts", "domain"): [(one.id, fact_findings(one, taxonomy)["domain"]) for one in examples],
        ("guesser", "lang"): [
            (one.id, Finding("guesser", Outcome.FOUND, ("Greek" if k % 2 or k % 4 == 0 else "French",), 0.9))
            for k, one in enumerate(examples)
        ],
    }
    for (annotator, name), findings in found.items():
        identity = PartIdentity(annotator, "1", name, meaning(taxonomy.category(name)), "letters", 0, "", "")
        write_part(sidecar, identity, findings, {})
    return folder


def options(place):
    known = "facts: {domain: Legal}, columns: {lang: {column: language}}"
    lines = f"{{letters: {{path: {place / 'letters.jsonl'}, {known}}}}}"
    return [f"paths.outputs={place / 'outputs'}", "data.source=files", f"+data.datasets={lines}"]


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_coverage_as_a_process(place):
    command = [str(Path(sys.executable).parent / "treasure-report"), "coverage", f"paths.outputs={place / 'outputs'}"]
    done = subprocess.run(
        [*command, "title=What we have"],
        capture_output=True,
        text=True,
        timeout=240,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
    )
    assert done.returncode == 0, done.stderr
    folder = place / "outputs" / "reports" / "coverage"
    assert "40 examples in 1 dataset." in done.stdout and f"Report: {folder / 'index.html'}" in done.stdout
    assert "<title>What we have</title>" in (folder / "index.html").read_text(encoding="utf-8")
    rows = {(row["dataset"], row["value"]): row for row in table(folder / "values.csv")}
    assert (rows["all", "Greek"]["count"], rows["all", "Greek"]["share"]) == ("30", "0.750000")
    assert done.stderr == ""


def test_agreement_with_facts_of_files(place, capsys):
    arguments = ["agreement", *options(place), "agreement.num_resamples=200"]
    code, out, err = report(capsys, *arguments)
    assert code == 0, err
    assert "Gold: the facts of the data. Compared over the 40 examples" in out
    rows = {
        (row["slice_kind"], row["slice"], row["measure"]): row
        for row in table(place / "outputs" / "reports" / "agreement" / "agreement.csv")
    }
    assert rows["all", "all", "accuracy"]["value"] == "0.750000"
    assert rows["all", "all", "accuracy"]["num_prompts"] == "20"  # two answers to each prompt
    # the domain of these annotations comes from the same facts, and agrees by its nature
    assert "Gold knows domain too, but the other was never asked where it does." in out
    counts = {row["category"]: row for row in table(place / "outputs" / "reports" / "agreement" / "counts.csv")}
    assert (counts["domain"]["not_asked"], counts["domain"]["judged"]) == ("40", "0")


def test_agreement_between_folders(place, capsys):
    outputs, sidecar = f"paths.outputs={place / 'outputs'}", place / "outputs" / "annotations"
    arguments = ["agreement", outputs, f"gold={sidecar}", "found_by=guesser", "folder=mine"]
    code, out, err = report(capsys, *arguments)
    assert code == 0, err
    assert (place / "outputs" / "reports" / "mine" / "index.html").is_file()
    assert "over the 40 examples" in out


def test_agreement_with_what_the_world_knows(annotate, tmp_path, capfd):
    """The world becomes a file, rules judge it without its facts, and are compared with these."""
    world = ["taxonomy.file=world", f"paths.outputs={tmp_path}"]
    assert "60 examples" in annotate("export", "data=world", *world, "world.num_train_examples=60")
    annotate(*world, "data=exported", "annotator.order=[rules]", "categories=[lang,length_tokens,code_type]")
    code, _, err = report(capfd, "agreement", *world, "data=exported", "agreement.num_resamples=100")
    assert code == 0, err
    found = table(tmp_path / "reports" / "agreement" / "agreement.csv")
    rows = {row["category"]: row for row in found if (row["slice_kind"], row["measure"]) == ("all", "accuracy")}
    assert set(rows) == {"lang", "length_tokens", "code_type"}
    assert float(rows["lang"]["value"]) > 0.9 and rows["length_tokens"]["num_examples"] == "60"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["agreement"], "There is no gold"),
        (["agreement", "gold=${annotations}"], "annotations and gold are the same"),
        (["agreement", "gold=${annotations}", "found_by=gusser"], "Did you mean 'guesser'?"),
        (["coverage", "annotations=none"], "This is no sidecar; treasure-annotate makes one."),
        (["coverage", "coverage.color=red"], "color must be count or lift"),
        (["coverage", "coverage.pairs=[[lang,tsk]]"], "Did you mean 'task'?"),
    ],
)
def test_mistakes_are_told(place, capsys, arguments, message):
    code, _, err = report(capsys, *arguments, f"paths.outputs={place / 'outputs'}")
    assert code == 2
    assert message in " ".join(err.split())


@pytest.mark.parametrize("is_begun", [False, True])
def test_sidecars_below_the_folder_are_named(place, capsys, tmp_path, is_begun):
    above, one = tmp_path / "annotations", tmp_path / "annotations" / "quick"
    shutil.copytree(place / "outputs" / "annotations", one)
    if is_begun:
        shutil.copy(one / "sidecar.json", above)
    code, _, err = report(capsys, "coverage", f"paths.outputs={tmp_path}")
    assert code == 2
    assert f"giveannotations={one}." in "".join(err.split())
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize("name", ["coverage", "agreement"])
def test_help(capsys, name):
    code, out, _ = report(capsys, name, "--help")
    assert code == 0 and f"Usage: treasure-report {name} [" in out
