import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from treasure.analysis.agreement import (
    ADDED,
    DIFFERENCE,
    LEFT_OUT,
    NOTHING,
    agreement_rows,
    calibration_rows,
    confusion,
    value_rows,
)
from treasure.analysis.agreement_report import Source, summary, write_agreement
from treasure.analysis.annotations import blocks_of
from treasure.analysis.comparison import NOT_APPLICABLE, collect, compare, keys_of
from treasure.analysis.config import AgreementConfig
from treasure.annotation.agreement import Judged
from treasure.annotation.finding import Finding, Outcome
from treasure.errors import ConfigError, DataError
from treasure.taxonomy.taxonomy import Category, Kind, Taxonomy, Value

TAXONOMY = Taxonomy(
    "small",
    (
        Category("lang", Kind.NOMINAL, values=tuple(map(Value, ("English", "Greek")))),
        Category("domain", Kind.NOMINAL, values=tuple(map(Value, ("Legal", "Math", "Code"))), multiple=True),
        Category("length_tokens", Kind.INTEGER, minimum=0),
    ),
)
QUICK = AgreementConfig(num_resamples=100)
SILENT, FAILED, EXCLUDED = Outcome.ABSTAINED, Outcome.FAILED, Outcome.NOT_APPLICABLE


def finding(said, annotator="rules", probability=None):
    """A finding of `said`: an outcome, one value or several."""
    if isinstance(said, Outcome):
        return Finding(annotator, said)
    return Finding(annotator, Outcome.FOUND, said if isinstance(said, tuple) else (said,), probability)


def rows_of(column, category="domain", first=0):
    return [(str(first + k), "d", {} if said is None else {category: finding(said)}) for k, said in enumerate(column)]


def compared(found, gold, **options):
    answers = [collect(blocks_of(rows, 3), TAXONOMY.names) for rows in (found, gold)]
    return {one.category.name: one for one in compare(*answers, TAXONOMY, **{"threshold": 0.2, **options})}


def measured(one, slice_name="all"):
    return {row.measure: row for row in agreement_rows(one, 100) if row.slice == slice_name}


def test_who_is_judged_by_hand():
    gold = ["Math", "Math", "Legal", EXCLUDED, None, SILENT, "Code", "Math"]
    found = ["Math", SILENT, FAILED, EXCLUDED, "Math", "Math", None, "Code"]
    one = compared(rows_of(found), rows_of(gold))["domain"]
    counts = one.counts
    assert (counts.common, counts.gold_known, counts.not_asked, counts.judged) == (8, 6, 1, 5)
    assert (counts.answered, counts.abstained, counts.failed) == (3, 1, 1)
    rows = measured(one)
    assert rows["accuracy"].value == pytest.approx(2 / 3)  # that it makes no sense is a right answer
    assert rows["accuracy_all"].value == pytest.approx(2 / 5)
    assert rows["abstained"].value == pytest.approx(2 / 5)
    names, columns, matrix = confusion(one.judged, one.category.value_names)
    assert names == ["Legal", "Math", NOT_APPLICABLE]
    assert columns == ["Legal", "Math", "Code", NOT_APPLICABLE, NOTHING]
    assert matrix.tolist() == [[0, 0, 0, 0, 1], [0, 1, 1, 0, 1], [0, 0, 0, 1, 0]]


def test_only_common_examples_count_and_their_order_does_not():
    found = rows_of(["Math", "Legal", "Code", "Math"])
    gold = [*rows_of(["Code", "Legal"], first=2), *rows_of(["Math"], first=9)][::-1]
    one = compared(found, gold)["domain"]
    assert one.counts.common == 2
    assert measured(one)["accuracy"].value == 0.5  # 2: Code and Code; 3: Math and Legal


def test_head_and_tail_by_the_share_in_gold():
    gold = ["Math"] * 8 + ["Legal"] + [("Legal", "Math")] + [EXCLUDED]
    found = ["Math"] * 4 + ["Code"] * 4 + ["Legal", "Math", EXCLUDED]
    one = compared(rows_of(found), rows_of(gold), threshold=0.25)["domain"]
    assert one.groups.tolist().count("tail") == 2 and one.groups.tolist().count("") == 1
    assert measured(one, "head")["accuracy"].value == 0.5
    assert measured(one, "tail")["accuracy"].value == 0.5
    assert measured(one, "tail")["accuracy"].num_examples == 2
    # Math: found in 5 of which all are gold, gold in 9; Legal: found in 1, gold in 2
    assert measured(one, "head")["macro_f1"].value == pytest.approx(2 * 5 / (5 + 9))
    assert measured(one, "tail")["macro_f1"].value == pytest.approx(2 * 1 / (1 + 2))
    assert "kappa" not in measured(one, "tail") and "kappa" in measured(one)


def test_false_alarms_count_against_the_tail():
    one = compared(rows_of(["Math"] * 10 + ["Legal"] * 11), rows_of(["Math"] * 20 + ["Legal"]))["domain"]
    assert measured(one, "tail")["accuracy"].value == 1
    assert measured(one, "tail")["macro_f1"].value == pytest.approx(2 * 1 / (11 + 1))


def test_languages_are_those_of_gold_where_it_knows_them():
    gold = [
        (str(k), "d", {"domain": finding("Math"), **({"lang": finding("Greek")} if k < 10 else {})}) for k in range(30)
    ]
    found = [
        (str(k), "d", {"domain": finding("Math" if k < 10 else "Code"), "lang": finding("English")}) for k in range(30)
    ]
    one = compared(found, gold)["domain"]
    assert measured(one, "Greek")["accuracy"].value == 1
    assert (measured(one, "English")["accuracy"].value, measured(one, "English")["accuracy"].num_examples) == (0, 20)
    few = compared(found[:15], gold[:15])["domain"]
    assert {row.slice for row in agreement_rows(few, 100) if row.slice_kind == "lang"} == {"Greek"}


def test_answers_to_one_prompt_count_as_one_in_intervals():
    gold, found = rows_of(["Math"] * 40), rows_of((["Math"] * 4 + ["Code"] * 4) * 5)
    keys = keys_of(np.array([str(k) for k in range(40)]))
    alone = compared(found, gold)["domain"]
    grouped = compared(found, gold, prompts=(keys, np.repeat(np.arange(10, dtype=np.uint64), 4)))["domain"]
    assert measured(alone)["accuracy"].num_prompts == 40 and measured(grouped)["accuracy"].num_prompts == 10
    widths = [measured(one)["accuracy"].high - measured(one)["accuracy"].low for one in (alone, grouped)]
    assert widths[1] > 1.4 * widths[0]
    some = compared(found, gold, prompts=(keys[:4], np.zeros(4, dtype=np.uint64)))["domain"]
    assert measured(some)["accuracy"].num_prompts == 37  # who is not named is a prompt of its own


def test_numbers_by_hand():
    gold, found = [10, 20, 30, 40], [10, 26, SILENT, 41]
    one = compared(rows_of(found, "length_tokens"), rows_of(gold, "length_tokens"))["length_tokens"]
    rows = measured(one)
    assert rows["accuracy"].value == pytest.approx(1 / 3) and rows["accuracy_all"].value == pytest.approx(1 / 4)
    assert rows[DIFFERENCE].value == pytest.approx(7 / 3)
    assert rows["abstained"].value == 0.25
    assert "kappa" not in rows


def test_confusion_of_several_values_by_hand():
    gold = [{"Math", "Code"}, {"Math"}, {"Math", "Legal"}, {"Math"}]
    found = [{"Math"}, {"Math", "Code"}, {"Code"}, {"Code", "Legal"}]
    rows, columns, matrix = confusion(Judged.of(gold, found), ("Legal", "Math", "Code"))
    cells = {(r, c): matrix[i, j] for i, r in enumerate(rows) for j, c in enumerate(columns) if matrix[i, j]}
    assert cells == {
        ("Math", "Math"): 2,
        ("Code", LEFT_OUT): 1,
        (ADDED, "Code"): 1,
        ("Math", "Code"): 1.5,
        ("Legal", "Code"): 1,
        ("Math", "Legal"): 0.5,
    }


values = st.sampled_from(["Legal", "Math", "Code"])


@given(st.lists(st.tuples(values, values | st.none()), min_size=1, max_size=40))
def test_confusion_agrees_with_scikit_learn(pairs):
    gold, found = map(list, zip(*pairs, strict=True))
    rows, columns, matrix = confusion(Judged.of(gold, found), ("Legal", "Math", "Code"))
    texts = [NOTHING if value is None else value for value in found]
    labels = ["Code", "Legal", "Math", NOTHING]
    expected = confusion_matrix(gold, texts, labels=labels)
    for i, row in enumerate(labels):
        for j, column in enumerate(labels):
            held = matrix[rows.index(row), columns.index(column)] if row in rows and column in columns else 0
            assert held == expected[i, j]
    assert NOTHING not in columns[:-1]


@given(st.lists(st.tuples(values, values), min_size=1, max_size=40))
def test_value_rows_add_up(pairs):
    gold, found = map(list, zip(*pairs, strict=True))
    rows = value_rows(compared(rows_of(found), rows_of(gold))["domain"])
    assert sum(row.num_gold for row in rows) == sum(row.num_found for row in rows) == len(pairs)
    assert sum(row.num_both for row in rows) == sum(a == b for a, b in pairs)
    order = ["Legal", "Math", "Code"]
    assert [row.value for row in rows] == [name for name in order if name in {*gold, *found}]


def test_calibration_counts_answers_with_a_probability():
    gold = rows_of(["Math"] * 12)
    found = [
        (str(k), "d", {"domain": finding("Math" if k % 2 else "Code", probability=0.75 if k < 8 else None)})
        for k in range(12)
    ]
    one = compared(found, gold)["domain"]
    (row,), bins = calibration_rows(one, 100)
    assert (row.num_answers, row.ece, row.brier) == (8, pytest.approx(0.25), pytest.approx((0.75**2 + 0.25**2) / 2))
    assert [(b.low, b.num_answers, b.right) for b in bins] == [(0.7, 8, 0.5)]
    assert calibration_rows(compared(rows_of(["Math"]), rows_of(["Math"]))["domain"]) == ([], [])


def example(size=60):
    generator = np.random.default_rng(0)
    gold, found = [], []
    for k in range(size):
        domain, lang = ("Legal", "Math", "Code")[k % 3], ("English", "Greek")[k % 2]
        right = generator.random() < 0.7
        said = Outcome.ABSTAINED if k % 10 == 9 else domain if right else "Math"
        row = {"domain": finding(said, probability=0.99), "lang": finding(lang), "length_tokens": finding(k)}
        gold.append(
            (str(k), "d", {"domain": finding(domain), "lang": finding(lang), "length_tokens": finding(k + k % 2)})
        )
        found.append((str(k), "d", row))
    return found, gold


def report_of(folder, found, gold, config=QUICK, label="found"):
    sources = [Source(label, blocks_of(found)), Source("gold", blocks_of(gold))]
    return write_agreement(*sources, TAXONOMY, folder, title="Found <or not>", config=config)


def test_the_report(tmp_path):
    report = report_of(tmp_path, *example(), label="<b>rules</b>")
    text = report.page.read_text(encoding="utf-8")
    assert "<title>Found &lt;or not&gt;</title>" in text and "<b>rules" not in text
    places = [text.index(f'id="{name}"') for name in ("summary", "figures", "tables", "method")]
    assert places == sorted(places)
    names = ["measures", "languages", "reliability", "confusion_lang", "confusion_domain"]
    assert [figure.name for figure in report.figures] == names
    assert text.count('src="data:image/svg+xml;base64,') == len(names)
    told = " ".join(summary(report))
    assert "over the 60 examples that both know (of 60 and 60)" in told
    assert "It gives no answer most often for domain (10.0 %)" in told
    assert "Do not take its probabilities at face value for domain" in told
    for name in ("counts", "agreement", "values", "confusion", "calibration", "reliability"):
        assert f'href="{name}.csv"' in text and (tmp_path / f"{name}.csv").is_file()


def test_one_category_and_few_examples(tmp_path):
    found, gold = example(4)
    report = report_of(tmp_path, found, gold, AgreementConfig(categories=["domain"], num_resamples=100))
    assert {row.category for row in report.agreement} == {"domain", "lang"}  # lang is what slices are told by
    assert all(math.isnan(row.low) for row in report.agreement)
    assert "no intervals" not in report.page.read_text(encoding="utf-8")


def test_perfect_agreement_and_one_value(tmp_path):
    rows = rows_of(["Math"] * 20)
    report = report_of(tmp_path, rows, rows)
    own = {row.measure: row for row in report.agreement if row.slice_kind == "all"}
    assert own["accuracy"].value == own["macro_f1"].value == 1
    assert math.isnan(own["kappa"].value)
    assert [figure.name for figure in report.figures] == ["measures", "confusion_domain"]


def test_nobody_answers(tmp_path):
    report = report_of(tmp_path, rows_of([SILENT] * 20), rows_of(["Math"] * 20))
    own = {row.measure: row for row in report.agreement if row.slice_kind == "all"}
    assert own["abstained"].value == 1 and math.isnan(own["accuracy"].value)
    assert "It gives no answer most often for domain (100.0 %)" in " ".join(summary(report))


def test_nothing_that_both_speak_of(tmp_path):
    report = report_of(tmp_path, rows_of(["Math"]), rows_of(["Greek"], "lang"))
    assert report.agreement == () and report.figures == ()
    assert "So there is nothing to judge." in " ".join(summary(report))


def test_no_common_example(tmp_path):
    with pytest.raises(DataError, match=r"found \(1 examples\) and gold \(1\) have no example in common"):
        report_of(tmp_path, rows_of(["Math"]), rows_of(["Math"], first=5))


def test_wrong_options(tmp_path):
    with pytest.raises(ConfigError, match=r"the taxonomy has no 'domian'\. Did you mean 'domain'"):
        report_of(tmp_path, *example(4), AgreementConfig(categories=["domian"]))
    with pytest.raises(ConfigError, match="num_resamples must be at least 100"):
        AgreementConfig(num_resamples=10)
    with pytest.raises(ConfigError, match="tail_threshold"):
        AgreementConfig(tail_threshold=0)


def test_annotators_of_one_source_against_each_other():
    rows = [
        (str(k), "d", {"domain": [finding("Math", "rules"), finding("Math" if k % 4 else "Code", "llm")]})
        for k in range(8)
    ]
    found, gold = (collect(blocks_of(rows), TAXONOMY.names, name) for name in ("rules", "llm"))
    (one,) = compare(found, gold, TAXONOMY, threshold=0.05)
    assert measured(one)["accuracy"].value == 0.75
    with pytest.raises(AssertionError, match="gold without an answer"):
        Judged.of([None], ["Math"])
    assert replace(one.counts, judged=8) == one.counts
