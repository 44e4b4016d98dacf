"""What is believed when annotators disagree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasure.annotation.annotate import settled
from treasure.annotation.finding import Finding, Outcome
from treasure.annotation.settle import settle
from treasure.data.example import Example, Message
from treasure.errors import DataError
from treasure.markers.marker_set import MarkerSet, State, applies
from treasure.taxonomy.taxonomy import Category, Kind

EXAMPLE = Example("ab12", (Message("user", "Hi"),), "One two. Three.", "letters", {"place": "letters.jsonl:7"})


def found(*values, by: str = "rules", probability: float | None = None) -> Finding:
    return Finding(by, Outcome.FOUND, values, probability)


def some_value(category: Category) -> st.SearchStrategy:
    if category.is_numeric:
        number = st.integers(0, 3000) if category.kind is Kind.INTEGER else st.floats(0, 9).map(lambda x: round(x, 2))
        return number.map(category.parse)
    return st.sampled_from(category.value_names)


@st.composite
def stages(draw, taxonomy, size: int = 3) -> list[dict[str, Finding]]:
    """What annotators might say, each of some categories."""
    result: list[dict[str, Finding]] = []
    for number in range(size):
        said = {}
        for name in draw(st.lists(st.sampled_from(taxonomy.names), unique=True)):
            outcome = draw(st.sampled_from(Outcome))
            values = (draw(some_value(taxonomy.category(name))),) if outcome is Outcome.FOUND else ()
            said[name] = Finding(f"annotator {number}", outcome, values, draw(st.none() | st.floats(0, 1)))
        result.append(said)
    return result


@given(data=st.data())
def test_what_comes_out_is_possible_and_was_said(taxonomy, data):
    said = data.draw(stages(taxonomy))
    result = settle(EXAMPLE, {}, said, taxonomy)
    markers = result.markers
    again = MarkerSet.of(taxonomy, markers.to_dict(), set(markers.not_applicable))  # raises where it cannot be
    assert again.markers == markers.markers
    for category in taxonomy.categories:
        first = next((f for stage in said if (f := stage.get(category.name)) is not None and f.settles), None)
        number = markers.value(category.derived_from) if category.derived_from in taxonomy.names else None
        if number is not None and category.name in markers:
            assert markers.value(category.name) == category.bucket(float(number))
        if category.name in markers and number is None:
            assert first is not None and markers.values(category.name) == first.values
            assert result.given[category.name] == first
        if not applies(taxonomy, markers, category.name):
            assert markers.state(category.name) is State.NOT_APPLICABLE
        if first is None and category.name in markers:
            assert category.derived_from is not None, "nobody said it"


@given(data=st.data())
def test_facts_stand_or_are_refused(taxonomy, data):
    facts, *others = data.draw(stages(taxonomy, 3))
    facts = {name: finding for name, finding in facts.items() if finding.settles}
    try:
        markers = settle(EXAMPLE, facts, others, taxonomy).markers
    except DataError as error:
        alone = {name: finding for name, finding in facts.items() if finding.outcome is Outcome.FOUND}
        with pytest.raises(DataError):  # what others say is never the reason
            settle(EXAMPLE, alone, (), taxonomy)
        assert "letters.jsonl:7" in str(error)
        return
    for name, fact in facts.items():
        assert markers.values(name) == fact.values
        assert (name in markers.not_applicable) == (fact.outcome is Outcome.NOT_APPLICABLE) or not applies(
            taxonomy, markers, name
        )


@given(data=st.data())
def test_who_is_trusted_less_changes_nothing_that_is_settled(taxonomy, data):
    first, second = data.draw(stages(taxonomy, 2))
    alone, both = (settle(EXAMPLE, {}, said, taxonomy) for said in ([first], [first, second]))
    for name in alone.markers.categories:
        assert both.markers.values(name) == alone.markers.values(name)


def test_a_value_against_a_fact_is_dropped_with_a_note(taxonomy):
    facts = {"domain": found("Medical", by="facts")}
    result = settle(EXAMPLE, facts, [{"code_type": found("python")}], taxonomy)
    assert result.markers.to_dict() == {"domain": "Medical"}
    assert result.markers.state("code_type") is State.NOT_APPLICABLE
    assert result.notes == ("code_type python (rules) dropped: domain Medical (facts).",)


def test_the_less_trusted_of_two_is_dropped_whichever_it_is(taxonomy):
    facts = {"code_type": found("python", by="facts")}
    result = settle(EXAMPLE, facts, [{"domain": found("Medical"), "task": found("CodeFix")}], taxonomy)
    assert result.markers.to_dict() == {"task": "CodeFix", "code_type": "python"}
    assert result.markers.state("domain") is State.UNKNOWN
    assert result.notes == ("domain Medical (rules) dropped: code_type python (facts).",)


def test_a_number_and_its_bucket_agree(taxonomy):
    long = settle(EXAMPLE, {}, [{"length_bucket": found("long")}, {"length_tokens": found(5)}], taxonomy)
    assert long.markers.to_dict() == {"length_bucket": "long"}
    five = settle(EXAMPLE, {}, [{"length_tokens": found(5)}, {"length_bucket": found("long")}], taxonomy)
    assert five.markers.to_dict() == {"length_bucket": "concise", "length_tokens": 5}
    assert five.given["length_bucket"].annotator == "rules"


class Memory:
    def __init__(self, **said: Finding) -> None:
        self.said = said

    def findings(self, example_id: str):
        return self.said if example_id == EXAMPLE.id else None


def test_sources_stand_between_facts_and_counts(taxonomy):
    chinese = Example("ab12", EXAMPLE.messages, "你好世界", "letters", {"facts": {"domain": "Legal"}})
    source = Memory(lang=found("Chinese"), domain=found("Math"))
    result = settled(chinese, taxonomy, [source])
    assert result.markers.only(["domain", "lang", "length_tokens"]).to_dict() == {
        "domain": "Legal", "lang": "Chinese", "length_tokens": 4,
    }  # fmt: skip
    assert {name: finding.annotator for name, finding in result.given.items()}["lang"] == "rules"


def test_counts_of_another_language_are_made_anew(taxonomy):
    chinese = Example("ab12", EXAMPLE.messages, "你好世界", "letters", {"facts": {"lang": "Chinese"}})
    source = Memory(lang=found("English"), length_tokens=found(1), length_bucket=found("long"), style=found("Formal"))
    markers = settled(chinese, taxonomy, [source]).markers
    assert (markers.value("length_tokens"), markers.value("length_bucket")) == (4, "concise")
    assert markers.value("style") == "Formal"


def test_counting_is_left_out_where_all_is_known(taxonomy, monkeypatch):
    monkeypatch.setattr("treasure.annotation.basic.length_values", lambda *_: pytest.fail("counted"))
    known = {name: found(2) for name in ("length_tokens", "length_sentences", "length_paragraphs")}
    markers = settled(EXAMPLE, taxonomy, [Memory(**known, length_bucket=found("concise"))]).markers
    assert markers.value("length_paragraphs") == 2


def test_only_facts_that_contradict_each_other_are_errors(taxonomy):
    facts = {"domain": found("Medical", by="facts"), "code_type": found("python", by="facts")}
    with pytest.raises(DataError, match="code_type"):
        settle(EXAMPLE, facts, [], taxonomy)
