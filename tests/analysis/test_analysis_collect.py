import json
import shutil
from dataclasses import replace

import pytest

from treasure.analysis.collect import load_runs
from treasure.errors import DataError
from treasure.evaluation.record import read_records, write_records


@pytest.fixture
def group(fake, tmp_path):
    """A Baseline and a marked run, seeds 0 and 1, few prompts."""
    return fake["write_fake_runs"](tmp_path, "g", num_prompts=4, steps=(10, 20), benches=fake["BENCHES"][:2])


def load(group, **options):
    return load_runs(group.parent, group.name, **options)


def edit_records(folder, change):
    records = read_records(folder / "records.jsonl")
    write_records(folder / "records.jsonl", [new for record in records if (new := change(record)) is not None])


def test_runs_are_paired_by_seed(group):
    table = load(group)
    assert table.seeds == (0, 1)
    assert [run.is_baseline for run in table.runs] == [True, True, False, False]
    assert {record.step for record in table.marked[0].at()} == {20}
    assert {record.step for record in table.marked[0].at(10)} == {10}
    assert (table.unfinished, table.unpaired) == ((), ())


def test_an_unfinished_run_is_left_out_and_named(group):
    (group / "marked-00000001" / "DONE").unlink()
    table = load(group)
    assert table.seeds == (0,)
    assert table.unfinished == ("marked-00000001",)
    assert table.unpaired == ("baseline-00000001",)


def test_a_missing_group_names_those_that_exist(group):
    with pytest.raises(DataError, match=r"Groups in .*: g"):
        load_runs(group.parent, "h")


def test_no_finished_run(group):
    for done in group.glob("*/DONE"):
        done.unlink()
    with pytest.raises(DataError, match=r"No finished run here\. Unfinished: baseline-00000000, "):
        load(group)


@pytest.mark.parametrize(
    ("gone", "message"),
    [
        ("baseline", "No finished Baseline.* once more with markers=none"),
        ("marked", "No finished marked.* once more with markers=tokens"),
    ],
)
def test_one_side_missing(group, gone, message):
    for folder in group.glob(f"{gone}-*"):
        shutil.rmtree(folder)
    with pytest.raises(DataError, match=message):
        load(group)


def test_no_common_seed(group):
    shutil.rmtree(group / "baseline-00000000")
    shutil.rmtree(group / "marked-00000001")
    with pytest.raises(DataError, match=r"Baseline runs have \[1\], marked runs \[0\]"):
        load(group)


def test_two_runs_of_one_seed_ask_for_a_choice(group, fake):
    benches = fake["BENCHES"][:2]
    fake["write_fake_run"](group / "other-00000000", "other", "tokens", 0, 4, (20,), benches)
    with pytest.raises(DataError, match="marked-00000000 and other-00000000"):
        load(group)
    assert [run.name for run in load(group, names=("baseline", "other")).marked] == ["other"]


def test_two_surfaces_ask_for_a_choice(group, fake):
    fake["write_fake_run"](group / "text-00000002", "text", "text", 2, 4, (20,), fake["BENCHES"][:2])
    with pytest.raises(DataError, match="different surfaces"):
        load(group)


def test_a_run_that_lacks_a_prompt_is_refused(group):
    def without_one(record):
        return None if record.prompt_id == "facts-002" and record.step == 20 else record

    edit_records(group / "marked-00000001", without_one)
    with pytest.raises(DataError, match="'facts-002' of 'facts' is only in baseline-00000000"):
        load(group)


def test_a_seed_that_lacks_a_prompt_in_one_regime_is_refused(group):
    edit_records(group / "marked-00000001", lambda r: None if (r.prompt_id, r.regime) == ("facts-002", "fixed") else r)
    with pytest.raises(DataError, match="different prompts"):
        load(group)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: replace(r, regime="baseline"), "cannot hold records of regime baseline"),
        (lambda r: replace(r, prompt_id="same"), "answered 4 times"),
        (lambda r: replace(r, scores={"fact_correct": float("nan")}), "not a finite number"),
        (lambda r: None, "Holds no record"),
    ],
    ids=["regime", "repeated", "nan", "empty"],
)
def test_records_that_cannot_be_are_refused(group, change, message):
    edit_records(group / "marked-00000000", change)
    with pytest.raises(DataError, match=message):
        load(group)


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({"name": "x", "markers": "none"}), None])
def test_a_broken_summary_is_named(group, text):
    path = group / "baseline-00000000" / "summary.json"
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    with pytest.raises(DataError, match=r"summary\.json"):
        load(group)
