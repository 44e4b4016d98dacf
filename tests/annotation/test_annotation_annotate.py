"""Annotation by facts and lengths: who is trusted, what stays unknown, what is refused."""

import warnings

import pytest

from treasure.annotation.annotate import annotate
from treasure.data.example import Example, Message
from treasure.data.readers import ColumnFact, DatasetConfig, read_dataset
from treasure.errors import DataError
from treasure.jsonl import write_jsonl
from treasure.markers.marker_set import MarkerSet, State


def example(dataset: str = "letters", completion: str = "One two. Three.", **facts) -> Example:
    metadata = {"facts": facts, "place": "letters.jsonl:7"}
    return Example("ab12", (Message("user", "Hi"),), completion, dataset, metadata)


def markers_of(taxonomy, completion: str = "One two. Three.", **facts) -> MarkerSet:
    (found,) = annotate([example(completion=completion, **facts)], taxonomy)
    return found.markers


def test_facts_and_counts_come_together(taxonomy):
    found = markers_of(taxonomy, source="Human", domain=["Legal", "Finance"], lang="French", quality="4.567")
    assert found.to_dict() == {
        "domain": ["Legal", "Finance"], "lang": "French", "source": "Human", "quality": 4.57,
        "length_bucket": "concise", "length_tokens": 5, "length_sentences": 2, "length_paragraphs": 1,
    }  # fmt: skip


def test_facts_come_from_the_reader(taxonomy, tmp_path):
    path = tmp_path / "rows.jsonl"
    write_jsonl(
        path, [{"prompt": "Hi", "completion": "你好世界", "l": "zh", "tag": ["law", "Code", "misc"], "q": None}]
    )
    config = DatasetConfig(
        path=str(path),
        facts={"format": "not_applicable", "source": "Human"},
        columns={
            "lang": ColumnFact(column="l", values={"zh": "Chinese"}),
            "domain": ColumnFact(column="tag", values={"law": "Legal", "misc": None}),
            "quality": ColumnFact(column="q"),
        },
    )
    (found,) = annotate(read_dataset(config), taxonomy)
    known = found.markers.only(["source", "lang", "domain", "quality", "length_tokens"])
    assert known.to_dict() == {"domain": ["Legal", "Code"], "lang": "Chinese", "source": "Human", "length_tokens": 4}
    assert found.markers.not_applicable == {"format"}


def test_examples_keep_their_order_and_need_no_facts(taxonomy):
    examples = [example("a", "x"), example("b", "y z"), example("a", "x y z")]
    found = list(annotate(examples, taxonomy))
    assert [marked.example for marked in found] == examples
    assert [marked.markers.value("length_tokens") for marked in found] == [1, 2, 3]


def test_it_reads_no_further_than_asked(taxonomy):
    def endless():
        while True:
            yield example()

    assert next(annotate(endless(), taxonomy)).markers.value("length_sentences") == 2


def test_not_applicable_is_stated_or_follows_from_a_rule(taxonomy):
    found = markers_of(taxonomy, domain="Legal", format="not_applicable", length_bucket="not_applicable")
    assert {name for name in taxonomy.names if found.state(name) is State.NOT_APPLICABLE} == {
        "format", "length_bucket", "code_type",
    }  # fmt: skip
    assert markers_of(taxonomy).state("code_type") is State.UNKNOWN
    assert markers_of(taxonomy, domain="Code").state("code_type") is State.UNKNOWN


def test_the_language_of_the_facts_sets_the_unit_of_length(taxonomy):
    text = "你好世界"
    assert markers_of(taxonomy, text, lang="Chinese").value("length_tokens") == 4
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert markers_of(taxonomy, text).value("length_tokens") == 1


def test_facts_win_over_counts(taxonomy):
    found = markers_of(taxonomy, length_tokens=400)
    assert (found.value("length_tokens"), found.value("length_bucket")) == (400, "medium")
    bucket_only = markers_of(taxonomy, length_bucket="long")
    assert bucket_only.value("length_bucket") == "long"
    assert bucket_only.state("length_tokens") is State.UNKNOWN  # the count would contradict the fact


WRONG = {
    "unknown category": ({"domian": "Legal"}, ["'domian'", "Did you mean 'domain'"]),
    "unknown category, not applicable": ({"domian": "not_applicable"}, ["Did you mean 'domain'"]),
    "unknown value": ({"domain": "Law"}, ["'Law'", "Allowed: Sciences"]),
    "unknown value in a list": ({"domain": ["Legal", "Cod"]}, ["'Cod'", "Did you mean 'Code'"]),
    "not a value at all": ({"domain": {"Legal": 1}}, ["Unknown value"]),
    "two values": ({"lang": ["French", "Greek"]}, ["holds one value, got 2: French, Greek"]),
    "number out of range": ({"length_tokens": -1}, ["-1"]),
    "rule broken": ({"domain": "Legal", "code_type": "go"}, ["'code_type'", "Legal"]),
    "number against bucket": ({"length_tokens": 5, "length_bucket": "long"}, ["is long", "is 5", "concise"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_facts_are_refused_by_name(taxonomy, case):
    facts, parts = WRONG[case]
    with pytest.raises(DataError) as caught:
        markers_of(taxonomy, **facts)
    for part in ("letters.jsonl:7", "Dataset 'letters'", "ab12", *parts):
        assert part in str(caught.value)
