"""Annotation by facts and lengths: who is trusted, what stays unknown, what is refused."""

import warnings

import pytest

from treasure.annotation.annotate import annotate
from treasure.annotation.facts import ColumnFact, DatasetFacts
from treasure.data.example import Example, Message
from treasure.errors import DataError
from treasure.markers.marker_set import MarkerSet, State


def example(dataset: str = "letters", completion: str = "One two. Three.", **metadata) -> Example:
    return Example("ab12", (Message("user", "Hi"),), completion, dataset, metadata)


def markers_of(taxonomy, facts: DatasetFacts, completion: str = "One two. Three.", **metadata) -> MarkerSet:
    (found,) = annotate([example(completion=completion, **metadata)], taxonomy, {"letters": facts})
    return found.markers


def test_constants_columns_and_counts_come_together(taxonomy):
    facts = DatasetFacts(
        constants={"source": "Human", "domain": ["Legal", "Finance"]},
        columns={"lang": ColumnFact("language", {"fr": "French"}), "quality": ColumnFact("score")},
    )
    assert markers_of(taxonomy, facts, language="fr", score="4.567", other=1).to_dict() == {
        "domain": ["Legal", "Finance"], "lang": "French", "source": "Human", "quality": 4.57,
        "length_bucket": "concise", "length_tokens": 5, "length_sentences": 2, "length_paragraphs": 1,
    }  # fmt: skip


def test_examples_keep_their_order_and_need_no_facts(taxonomy):
    examples = [example("a", "x"), example("b", "y z"), example("a", "x y z")]
    found = list(annotate(examples, taxonomy, {}))
    assert [marked.example for marked in found] == examples
    assert [marked.markers.value("length_tokens") for marked in found] == [1, 2, 3]


def test_it_reads_no_further_than_asked(taxonomy):
    def endless():
        while True:
            yield example()

    assert next(annotate(endless(), taxonomy, {})).markers.value("length_sentences") == 2


@pytest.mark.parametrize("empty", [None, "", float("nan"), []], ids=["none", "text", "nan", "list"])
def test_an_empty_cell_leaves_unknown_or_to_the_constant(taxonomy, empty):
    column = {"lang": ColumnFact("language")}
    assert markers_of(taxonomy, DatasetFacts(columns=column), language=empty).state("lang") is State.UNKNOWN
    facts = DatasetFacts(constants={"lang": "Greek"}, columns=column)
    assert markers_of(taxonomy, facts, language=empty).value("lang") == "Greek"
    assert markers_of(taxonomy, facts, language="Hindi").value("lang") == "Hindi"


def test_a_cell_may_hold_several_values_and_names_may_be_dropped(taxonomy):
    facts = DatasetFacts(columns={"domain": ColumnFact("tags", {"law": "Legal", "misc": None})})
    assert markers_of(taxonomy, facts, tags=["law", "Code", "misc"]).values("domain") == ("Legal", "Code")
    assert markers_of(taxonomy, facts, tags="misc").state("domain") is State.UNKNOWN


def test_not_applicable_is_stated_or_follows_from_a_rule(taxonomy):
    facts = DatasetFacts(constants={"domain": "Legal", "format": "not_applicable", "length_bucket": "not_applicable"})
    found = markers_of(taxonomy, facts)
    assert {name for name in taxonomy.names if found.state(name) is State.NOT_APPLICABLE} == {
        "format", "length_bucket", "code_type",
    }  # fmt: skip
    assert markers_of(taxonomy, DatasetFacts()).state("code_type") is State.UNKNOWN
    assert markers_of(taxonomy, DatasetFacts(constants={"domain": "Code"})).state("code_type") is State.UNKNOWN


def test_the_language_of_the_facts_sets_the_unit_of_length(taxonomy):
    text = "你好世界"
    assert markers_of(taxonomy, DatasetFacts(constants={"lang": "Chinese"}), text).value("length_tokens") == 4
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert markers_of(taxonomy, DatasetFacts(), text).value("length_tokens") == 1


def test_facts_win_over_counts(taxonomy):
    facts = DatasetFacts(columns={"length_tokens": ColumnFact("n")})
    found = markers_of(taxonomy, facts, n=400)
    assert (found.value("length_tokens"), found.value("length_bucket")) == (400, "medium")
    bucket_only = markers_of(taxonomy, DatasetFacts(constants={"length_bucket": "long"}))
    assert bucket_only.value("length_bucket") == "long"
    assert bucket_only.state("length_tokens") is State.UNKNOWN  # the count would contradict the fact


WRONG = {
    "unknown category": ({"domian": "Legal"}, {}, ["'letters'", "'domian'", "Did you mean 'domain'"]),
    "unknown value": ({"domain": "Law"}, {}, ["'letters'", "'Law'", "Allowed: Sciences"]),
    "unknown renamed value": (
        {},
        {"lang": ColumnFact("language", {"xy": "Frensh"})},
        ["'letters'", "Did you mean 'French'"],
    ),
    "unknown value in a row": ({}, {"lang": ColumnFact("language")}, ["'letters'", "example ab12", "'fr'"]),
    "missing column": ({}, {"lang": ColumnFact("lagnuage")}, ["'letters'", "'lagnuage'", "language"]),
    "two values": ({"lang": ["French", "Greek"]}, {}, ["'letters'", "holds one value, got 2"]),
    "number out of range": ({"length_tokens": -1}, {}, ["'letters'", "-1"]),
    "rule broken": ({"domain": "Legal", "code_type": "go"}, {}, ["'letters'", "'code_type'", "Legal"]),
    "number against bucket": (
        {"length_tokens": 5, "length_bucket": "long"},
        {},
        ["'letters'", "is long", "is 5", "concise"],
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_facts_are_refused_by_name(taxonomy, case):
    constants, columns, parts = WRONG[case]
    with pytest.raises(DataError) as caught:
        markers_of(taxonomy, DatasetFacts(constants, columns), language="fr")
    for part in parts:
        assert part in str(caught.value)


def test_wrong_constants_are_refused_before_any_row(taxonomy):
    with pytest.raises(DataError, match="'letters'"):
        next(annotate(iter([example("other")]), taxonomy, {"letters": DatasetFacts({"domain": "Law"})}))
