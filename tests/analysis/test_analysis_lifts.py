from dataclasses import astuple, replace

import pytest

from treasure.analysis.collect import load_runs
from treasure.analysis.lifts import (
    DifferenceRow,
    LiftRow,
    difference_rows,
    group_rows,
    leading_rows,
    lift_rows,
    read_differences,
    read_lifts,
    select,
)
from treasure.analysis.pairing import compare
from treasure.analysis.tables import write_rows
from treasure.evaluation.record import read_records, write_records

COLUMNS = "benchmark,slice_kind,slice,regime,metric,baseline,marked,lift,low,high,num_prompts,num_seeds"


def tiny_runs(fake, folder, scores):
    """Two facts prompts (head, tail) under one seed; `scores[regime]` gives fact_correct and overall score of both."""
    for markers in ("none", "text"):
        place = fake["write_fake_run"](folder / "g" / markers, markers, markers, 0, 2, (5,), fake["BENCHES"][:1])
        records = [record for record in read_records(place / "records.jsonl") if record.regime in scores]
        changed = [
            replace(
                r,
                scores=dict(zip(("fact_correct", "oracle_score"), scores[r.regime][int(r.prompt_id[-1])], strict=True)),
            )
            for r in records
        ]
        write_records(place / "records.jsonl", changed)
    return compare(load_runs(folder, "g"))


SCORES = {"baseline": [(1, 0.6), (0, 0.2)], "fixed": [(1, 0.6), (1, 0.9)]}


def test_lifts_by_hand(fake, tmp_path):
    rows = lift_rows(tiny_runs(fake, tmp_path, SCORES))

    def numbers(**wanted):
        (row,) = select(rows, benchmark="facts", **wanted)
        return row.baseline, row.marked, row.lift, row.num_prompts

    assert numbers(slice_kind="all", metric="fact_correct") == (0.5, 1, 0.5, 2)
    assert numbers(slice_kind="head", metric="fact_correct") == (1, 1, 0, 1)
    assert numbers(slice_kind="tail", slice="domain", metric="fact_correct") == (0, 1, 1, 1)
    assert numbers(slice_kind="value", slice="domain=Legal", metric="fact_correct") == (0, 1, 1, 1)
    assert numbers(slice_kind="all", metric="win_rate") == (0.5, 0.75, 0.25, 2)
    assert numbers(slice_kind="tail", metric="win_rate") == (0.5, 1, 0.5, 1)


def test_differences_by_hand(fake, tmp_path):
    rows = difference_rows(tiny_runs(fake, tmp_path, SCORES))
    (row,) = (r for r in rows if (r.benchmark, r.metric) == ("facts", "fact_correct"))
    assert (row.category, row.tail_lift, row.head_lift, row.difference) == ("domain", 1, 0, 1)


def test_an_answer_without_a_counterpart_is_not_compared(fake, tmp_path):
    place = fake["write_fake_runs"](tmp_path, "g", num_prompts=6, steps=(5, 9), benches=fake["BENCHES"][:1])
    path = place / "baseline-00000000" / "records.jsonl"
    write_records(path, [r for r in read_records(path) if r.step == 9 or r.prompt_id != "facts-003"])
    comparisons = {(c.benchmark, c.regime): c for c in compare(load_runs(tmp_path, "g"), step=5)}
    found = {(p.marked.prompt_id, p.marked.seed) for p in comparisons["facts", "fixed"].pairs}
    assert ("facts-003", 0) not in found
    assert ("facts-003", 1) in found


def test_samples_of_a_prompt_are_paired_one_by_one_and_count_as_one_prompt(fake, tmp_path):
    place = fake["write_fake_runs"](tmp_path, "g", num_prompts=6, steps=(5,), benches=fake["BENCHES"][:1])
    for path in place.glob("*/records.jsonl"):
        records = read_records(path)
        again = [replace(r, sample=1, scores=dict.fromkeys(r.scores, 1.0)) for r in records]
        write_records(path, [*records, *again])
    comparisons = {(c.benchmark, c.regime): c for c in compare(load_runs(tmp_path, "g"))}
    pairs = comparisons["facts", "fixed"].pairs
    assert len(pairs) == 2 * 6 * 2  # seeds, prompts, samples
    assert all(pair.baseline.sample == pair.marked.sample for pair in pairs)
    found = comparisons["facts", "fixed"].arrays("fact_correct")
    assert found is not None and found.num_clusters == 6


def test_planted_lifts_are_found(numbers):
    fixed = [row for row in leading_rows(numbers.lifts, "overall") if row.regime == "fixed"]
    tail, head = (next(row for row in fixed if row.slice_kind == kind) for kind in ("tail", "head"))
    assert tail.low > 0
    assert tail.lift > head.lift
    assert (tail.num_seeds, tail.num_prompts + head.num_prompts) == (2, 9 * 40)


def test_head_and_tail_make_up_the_whole(numbers):
    for row in select(numbers.lifts, benchmark="facts", slice_kind="all"):
        same = {"benchmark": "facts", "regime": row.regime, "metric": row.metric}
        (head,), (tail,) = (select(numbers.lifts, slice_kind=kind, **same) for kind in ("head", "tail"))
        assert head.num_prompts + tail.num_prompts == row.num_prompts
        assert (head.lift * head.num_prompts + tail.lift * tail.num_prompts) / row.num_prompts == pytest.approx(
            row.lift
        )


def test_intervals_hold_their_estimate(numbers):
    rows = [row for row in numbers.lifts if row.low == row.low]
    assert len(rows) > 300
    assert all(row.low <= row.lift <= row.high for row in rows)


def test_files_hold_exactly_the_promised_columns_and_come_back(numbers):
    assert (numbers.folder / "lifts.csv").read_text().splitlines()[0] == COLUMNS
    for row, read_row in zip(numbers.lifts, read_lifts(numbers.folder), strict=True):
        before, after = astuple(row), astuple(read_row)
        assert (after[:5], after[10:]) == (before[:5], before[10:])
        assert after[5:10] == pytest.approx(before[5:10], abs=1e-6, nan_ok=True)
    read = read_differences(numbers.folder)
    assert [row.difference for row in read] == pytest.approx([row.difference for row in numbers.differences], abs=1e-6)


def test_the_order_of_records_does_not_change_a_byte(fake, tmp_path):
    place = fake["write_fake_runs"](tmp_path, "g", num_prompts=12, steps=(5,), benches=fake["BENCHES"][:3])

    def tables(name):
        comparisons = compare(load_runs(tmp_path, "g"))
        write_rows(tmp_path / name, LiftRow, lift_rows(comparisons))
        write_rows(tmp_path / f"d{name}", DifferenceRow, difference_rows(comparisons))
        return (tmp_path / name).read_bytes() + (tmp_path / f"d{name}").read_bytes()

    before = tables("before.csv")
    for path in place.glob("*/records.jsonl"):
        write_records(path, sorted(read_records(path), key=lambda r: (r.content, r.prompt_id), reverse=True))
    assert tables("after.csv") == before


def test_groups_say_which_values_are_tail(fake, tmp_path):
    rows = group_rows(tiny_runs(fake, tmp_path, SCORES))
    assert [(row.category, row.value, row.group) for row in rows] == [
        ("domain", "Conversation", "head"),
        ("domain", "Legal", "tail"),
    ]
