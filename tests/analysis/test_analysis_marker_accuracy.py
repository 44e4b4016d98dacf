from dataclasses import replace

import pytest

from treasure.analysis.collect import load_runs
from treasure.analysis.marker_accuracy import accuracy_rows
from treasure.evaluation.record import read_records, write_records
from treasure.intervals import wilson_interval


def rows_for(fake, folder, change):
    """Accuracy rows of 6 facts prompts (even: head, odd: tail), after `change(record, index)`."""
    for markers in ("none", "text"):
        place = fake["write_fake_run"](folder / "g" / markers, markers, markers, 0, 6, (5,), fake["BENCHES"][:1])
        records = read_records(place / "records.jsonl")
        write_records(place / "records.jsonl", [change(r, int(r.prompt_id[-1])) for r in records])
    rows = accuracy_rows(load_runs(folder, "g"))
    return {(row.category, row.group, row.measure): row for row in rows}


def test_accuracy_by_hand(fake, tmp_path):
    def change(record, index):
        written = {"domain": "Legal" if index != 3 else "Math", "length_tokens": 10 + index}
        return replace(record, truth={"domain": "Legal", "length_tokens": 12}, predicted=written)

    rows = rows_for(fake, tmp_path, change)
    whole = rows["domain", "all", "accuracy"]
    assert (whole.value, whole.num_prompts) == (pytest.approx(5 / 6), 6)
    assert (whole.low, whole.high) == pytest.approx((wilson_interval(5, 6).low, wilson_interval(5, 6).high))
    assert rows["domain", "head", "accuracy"].value == 1
    assert rows["domain", "tail", "accuracy"].value == pytest.approx(2 / 3)
    assert rows["length_tokens", "all", "accuracy"].value == pytest.approx(1 / 6)
    assert rows["length_tokens", "all", "mean_absolute_difference"].value == pytest.approx((2 + 1 + 0 + 1 + 2 + 3) / 6)


def test_a_header_without_the_category_is_wrong_and_has_no_distance(fake, tmp_path):
    rows = rows_for(
        fake,
        tmp_path,
        lambda r, i: replace(r, truth={"length_tokens": 12}, predicted={} if i else {"length_tokens": 15}),
    )
    assert rows["length_tokens", "all", "accuracy"].value == 0
    distance = rows["length_tokens", "all", "mean_absolute_difference"]
    assert (distance.value, distance.num_prompts) == (3, 1)


def test_several_values_must_all_be_right_in_any_order(fake, tmp_path):
    rows = rows_for(
        fake,
        tmp_path,
        lambda r, i: replace(
            r, truth={"domain": ["Code", "Math"]}, predicted={"domain": ["Math", "Code"][: 1 + i % 2]}
        ),
    )
    assert rows["domain", "all", "accuracy"].value == 0.5


def test_categories_that_truth_does_not_know_are_left_out(fake, tmp_path):
    rows = rows_for(fake, tmp_path, lambda r, i: replace(r, truth={}, predicted={"style": "Formal"}, levers={}))
    assert not rows


def test_answers_of_several_seeds_count_as_one_prompt(fake, tmp_path):
    place = fake["write_fake_runs"](
        tmp_path, "g", seeds=(0, 1, 2), num_prompts=6, steps=(5,), benches=fake["BENCHES"][:1]
    )
    for path in place.glob("marked-*/records.jsonl"):
        wrong = path.parent.name.endswith("2")
        written = {"domain": "Math" if wrong else "Legal"}
        write_records(path, [replace(r, truth={"domain": "Legal"}, predicted=written) for r in read_records(path)])
    row = accuracy_rows(load_runs(tmp_path, "g"))[0]
    assert (row.value, row.num_prompts, row.num_seeds) == (pytest.approx(2 / 3), 6, 3)
    assert (row.low, row.high) == (0, 1)  # one run of three is wrong throughout: so may all be, or none


def test_obedience_compares_with_what_was_fixed(fake, tmp_path):
    rows = rows_for(
        fake,
        tmp_path,
        lambda r, i: replace(
            r, truth={}, levers={"domain": "Legal"}, predicted={"domain": "Legal" if i < 2 else "Math"}
        ),
    )
    row = rows["domain", "all", "obeyed"]
    assert (row.regime, row.value) == ("fixed", pytest.approx(1 / 3))
    assert ("domain", "all", "accuracy") not in rows
