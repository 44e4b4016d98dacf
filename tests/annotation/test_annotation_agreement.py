import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, f1_score
from sklearn.preprocessing import MultiLabelBinarizer

from treasure.annotation.agreement import MEASURES, Judged, agreement, value_agreements

FEW = 200
VALUES = ("Code", "Legal", "Math", "Sciences")


def judge(gold, found, clusters=None, num_resamples=FEW):
    return agreement(Judged.of(gold, found, clusters), num_resamples=num_resamples)


single = st.sampled_from(VALUES)
several = st.frozensets(single, min_size=1)


def test_by_hand():
    gold = ["Code", "Code", "Code", "Math", "Math", "Legal"]
    found = ["Code", "Code", "Math", "Math", None, "Code"]
    got = judge(gold, found)
    assert (got.num_examples, got.num_prompts) == (6, 6)
    assert got.abstained.estimate == pytest.approx(1 / 6)
    assert got.accuracy.estimate == pytest.approx(3 / 5)
    assert got.accuracy_all.estimate == pytest.approx(3 / 6)
    # F1: Code 2·2/(3+3), Math 2·1/(2+2), Legal 0
    assert got.macro_f1.estimate == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    # answered: gold 3 Code 1 Math 1 Legal, found 3 Code 2 Math: expected (9 + 2 + 0)/25
    assert got.kappa.estimate == pytest.approx((0.6 - 11 / 25) / (1 - 11 / 25))
    # all: gold 3 Code 2 Math 1 Legal, found 3 Code 2 Math 1 none: expected (9 + 4)/36
    assert got.kappa_all.estimate == pytest.approx((0.5 - 13 / 36) / (1 - 13 / 36))


def test_several_values_by_hand():
    gold = [{"Code", "Math"}, {"Code"}, {"Legal"}]
    found = [{"Code"}, {"Code"}, {"Math", "Legal"}]
    judged = Judged.of(gold, found)
    assert judged.is_multiple
    got = agreement(judged, num_resamples=FEW)
    assert got.accuracy.estimate == pytest.approx(1 / 3)
    assert got.jaccard.estimate == pytest.approx((1 / 2 + 1 + 1 / 2) / 3)
    assert got.macro_f1.estimate == pytest.approx((1 + 0 + 1) / 3)
    rows = {row.value: row for row in value_agreements(judged)}
    assert (rows["Math"].num_gold, rows["Math"].num_found, rows["Math"].num_both) == (1, 1, 0)
    assert (rows["Code"].precision, rows["Code"].recall, rows["Code"].f1) == (1, 1, 1)


@given(st.lists(st.tuples(single, single), min_size=1, max_size=60))
def test_one_value_agrees_with_scikit_learn(rows):
    gold, found = map(list, zip(*rows, strict=True))
    got = judge(gold, found, num_resamples=20)
    assert got.macro_f1.estimate == pytest.approx(f1_score(gold, found, average="macro", zero_division=0))
    if len({*gold, *found}) > 1:
        assert got.kappa.estimate == pytest.approx(cohen_kappa_score(gold, found))
        assert got.kappa_all.estimate == pytest.approx(got.kappa.estimate)
    else:
        assert np.isnan(got.kappa.estimate)
    assert got.jaccard.estimate == got.accuracy.estimate == got.accuracy_all.estimate


@given(st.lists(st.tuples(single, single | st.none()), min_size=1, max_size=60))
def test_no_answer_is_a_label_of_its_own(rows):
    gold, found = map(list, zip(*rows, strict=True))
    got = judge(gold, found, num_resamples=20)
    texts = [value or "-" for value in found]
    held = sorted({*gold, *texts} - {"-"})
    expected = f1_score(gold, texts, labels=held, average="macro", zero_division=0)
    assert got.macro_f1.estimate == pytest.approx(expected)
    if len({*gold, *texts}) > 1:
        assert got.kappa_all.estimate == pytest.approx(cohen_kappa_score(gold, texts))
    assert got.abstained.estimate == pytest.approx(texts.count("-") / len(texts))


@given(st.lists(st.tuples(several, several), min_size=1, max_size=40))
def test_several_values_agree_with_scikit_learn(rows):
    gold, found = map(list, zip(*rows, strict=True))
    held = sorted(set().union(*gold, *found))
    binary = MultiLabelBinarizer(classes=held).fit([held])
    expected = f1_score(binary.transform(gold), binary.transform(found), average="macro", zero_division=0)
    got = judge(gold, found, num_resamples=20)
    assert got.macro_f1.estimate == pytest.approx(expected)
    if len({*gold, *found}) > 1:
        labels = [["+".join(sorted(values)) for values in column] for column in (gold, found)]
        assert got.kappa.estimate == pytest.approx(cohen_kappa_score(*labels))


@given(st.lists(st.tuples(several, several | st.none(), st.integers(0, 8)), min_size=1, max_size=40), st.randoms())
def test_the_order_of_examples_does_not_matter(rows, random):
    shuffled = random.sample(rows, len(rows))
    one, other = (judge(*map(list, zip(*part, strict=True)), num_resamples=1).measures() for part in (rows, shuffled))
    assert {name: one[name].estimate for name in MEASURES} == pytest.approx(
        {name: other[name].estimate for name in MEASURES}, nan_ok=True
    )


def test_nobody_answers():
    got = judge(["Code"] * 9, [None] * 9)
    assert got.abstained.estimate == 1
    assert np.isnan([got.accuracy.estimate, got.accuracy.low, got.kappa.estimate]).all()
    assert (got.accuracy_all.estimate, got.macro_f1.estimate) == (0, 0)


def test_repeating_each_answer_adds_no_certainty():
    generator = np.random.default_rng(0)
    gold = generator.choice(VALUES, 60).tolist()
    found = [value if generator.random() < 0.7 else "Legal" for value in gold]
    once = judge(gold, found, num_resamples=2000)
    often = judge(gold * 9, found * 9, [*range(60)] * 9, num_resamples=2000)
    assert often.num_prompts == 60
    for name in MEASURES:
        left, right = once.measures()[name], often.measures()[name]
        assert (left.estimate, left.low, left.high) == pytest.approx((right.estimate, right.low, right.high), abs=0.02)


def test_too_few_prompts_give_no_interval():
    assert np.isnan(judge(["Code", "Math"] * 20, ["Code", "Math"] * 20, [1, 2] * 20).accuracy.low)


def test_a_slice_keeps_what_it_takes():
    judged = Judged.of(["Code", "Math", "Math"], ["Code", None, "Code"], ["p", "q", "q"])
    part = judged.where(np.array([False, True, True]))
    assert len(part) == 2 and agreement(part, num_resamples=1).num_prompts == 1
    assert agreement(part, num_resamples=1).accuracy.estimate == 0


@pytest.mark.slow
@pytest.mark.parametrize("measure", ["accuracy", "kappa", "macro_f1"])
def test_intervals_cover_the_truth(measure):
    """Prompts of one to three examples that err together; the truth comes from a million examples."""

    def draw(generator, num_prompts):
        size = generator.integers(1, 4, num_prompts)
        clusters = np.repeat(np.arange(num_prompts), size)
        gold = generator.choice(3, len(clusters), p=[0.6, 0.3, 0.1])
        is_hard = (generator.random(num_prompts) < 0.4)[clusters]
        wrong = generator.random(len(clusters)) < np.where(is_hard, 0.5, 0.1)
        return gold, np.where(wrong, generator.choice(3, len(clusters)), gold), clusters

    def judged(gold, found, clusters):
        names = np.array(VALUES)
        return Judged.of(names[gold].tolist(), names[found].tolist(), clusters.tolist())

    truth = getattr(agreement(judged(*draw(np.random.default_rng(0), 500_000)), num_resamples=1), measure).estimate
    covered = 0
    for number in range(300):
        found = getattr(agreement(judged(*draw(np.random.default_rng(number + 1), 80)), num_resamples=500), measure)
        covered += found.low <= truth <= found.high
    assert covered / 300 == pytest.approx(0.94, abs=0.04)
