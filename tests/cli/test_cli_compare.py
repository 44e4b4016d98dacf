"""`treasure-evaluate compare` on folders of records as commands leave them."""

import json
from dataclasses import replace

import pytest
from commands import call

from treasure.evaluation.record import EvaluationRecord, Regime, write_records


def record(number, regime, score, seed=0, benchmark="facts"):
    return EvaluationRecord(
        benchmark=benchmark, prompt_id=str(number), regime=regime, seed=seed, step=7, prompt="", content="",
        scores={"exact": float(score)}, slices={"lang": "[red]" if number % 2 else "Greek"},
        groups={"lang": "tail" if number % 2 else "head"},
    )  # fmt: skip


@pytest.fixture
def folders(tmp_path):
    """Marked and Baseline of two runs each; the marked model gains on half of the prompts."""
    for seed in (0, 1):
        marked = [record(n, Regime.FIXED, n % 2 or n % 3 == 0, seed) for n in range(60)]
        plain = [record(n, Regime.BASELINE, n % 3 == 0, seed) for n in range(60)]
        (tmp_path / f"marked{seed}" / "facts").mkdir(parents=True)
        write_records(tmp_path / f"marked{seed}" / "facts" / "records.jsonl", marked)
        (tmp_path / f"plain{seed}").mkdir()
        snapshot = [replace(one, step=3, scores={"exact": 1.0}) for one in plain]
        write_records(tmp_path / f"plain{seed}" / "records.jsonl", [*snapshot, *plain])  # a run with snapshots
    return tmp_path


def compare(*options, columns=140):
    return call("treasure-evaluate", "compare", "resampling.num_resamples=200", *options, columns=columns)


def test_two_folders_are_compared_printed_and_written(folders, capfd):
    assert compare(f"folder={folders / 'marked0'}", f"against={folders / 'plain0'}") == 0
    said = capfd.readouterr().out
    assert "lang: tail minus head" in said and "lang=[red]" in said and "33.3" in said and "66.7" in said
    found = json.loads((folders / "marked0" / "against-plain0.json").read_text())
    assert found["intervals"] == {"confidence": 0.95, "num_resamples": 200, "seed": 0}
    whole = found["differences"][0]
    assert whole["difference"]["estimate"] == pytest.approx(1 / 3)
    assert (whole["difference"]["method"], whole["difference"]["n"]) == ("percentile", 60)
    assert (whole["test"], whole["q_value"]) == ("mcnemar", None)
    assert found["tail_minus_head"][0]["difference"]["estimate"] == pytest.approx(2 / 3)


def test_several_runs_are_paired_by_their_seeds(folders):
    sides = (
        f"{name}=[{folders / first}0,{folders / first}1]"
        for name, first in (("folder", "marked"), ("against", "plain"))
    )
    assert compare(*sides, f"output={folders / 'out.json'}", "resampling.seed=3") == 0
    found = json.loads((folders / "out.json").read_text())
    assert found["intervals"]["seed"] == 3
    assert {row["num_seeds"] for row in found["differences"]} == {2}
    assert found["differences"][0]["test"] == "sign_flip"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["folder={0}/marked0", "against={0}/nowhere"], "holds no records.jsonl"),
        (["folder={0}/marked0", "against={0}/plain1"], "'folder' has seeds 0 in fixed, 'against' seeds 1 in baseline"),
        (["folder=[{0}/marked0,{0}/marked0]", "against={0}/plain0"], "is there twice"),
        (["folder=[]", "against={0}/plain0"], "folder must be a folder or a list of folders"),
        (
            ["folder={0}/marked0", "against={0}/plain0", "against_regime=plain"],
            "against_regime must be one of baseline",
        ),
        (["folder={0}/marked0", "against={0}/plain0", "resampling.num_resamples=20"], "at least 100, got 20"),
    ],
)
def test_what_cannot_be_compared_is_told(options, told, folders, capfd):
    assert compare(*(option.format(folders) for option in options)) == 2
    assert told in " ".join(capfd.readouterr().err.split())


def test_benchmarks_that_one_side_lacks_are_named(folders, capfd):
    write_records(folders / "marked0" / "records.jsonl", [record(1, Regime.FIXED, 1, benchmark="styles")])
    assert compare(f"folder={folders / 'marked0'}", f"against={folders / 'plain0'}") == 0
    assert "Only one side has, and nothing is said of: styles." in capfd.readouterr().out
    assert (
        compare(f"folder={folders / 'marked0' / 'facts'}", f"against={folders / 'marked0'}", "against_regime=fixed")
        == 0
    )
    (folders / "plain0" / "records.jsonl").unlink()
    (folders / "plain0" / "facts").mkdir()
    write_records(folders / "plain0" / "facts" / "records.jsonl", [record(1, Regime.FIXED, 1, benchmark="other")])
    assert compare(f"folder={folders / 'marked0'}", f"against={folders / 'plain0'}") == 2
    assert "Both share no benchmark" in capfd.readouterr().err
