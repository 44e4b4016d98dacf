"""Contenders run in turn, alone, and a failing one says why."""

import json
from pathlib import Path

import pytest

from bench.contest import ContenderError, contest

MATMUL = {"shape": "1.5M", "num_tokens": 8, "num_predicted": 4, "vocab_size": 16, "dtype": "float32", "repeats": 1}


def test_two_contenders_take_turns(capfd):
    names = ("first", "second")
    found = contest(dict.fromkeys(names, ("bench.contender_matmul", MATMUL)), 2)
    assert [len(found[name].rounds) for name in names] == [2, 2]
    said = [line.split()[2].rstrip(":") for line in capfd.readouterr().err.splitlines() if "round" in line]
    assert said == ["first", "second"] * 2
    score = found["first"].to_dict()
    assert len(score["tokens_per_s_rounds"]) == 2 and score["peak_rss_mib"] > 50


def test_a_contender_that_fails_says_why():
    with pytest.raises(ContenderError, match="no such shape"):
        contest({"broken": ("bench.contender_matmul", {**MATMUL, "shape": "no such shape"})}, 1)


def test_generated_rows_are_told_apart(tmp_path):
    from bench.pipeline_rows import main

    path = Path(tmp_path) / "rows.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["", json.dumps({"path": str(path), "rows": 50})])
        main()
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len({row["prompt"] for row in rows}) == 50
    assert set(rows[0]) == {"prompt", "completion", "domain", "lang"}
