"""Marker sets: canonical order, the three states, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasure.errors import TaxonomyError
from treasure.markers.marker_set import Marker, MarkerSet, State, applies


def test_order_is_the_taxonomys_whatever_the_order_given(taxonomy):
    one = MarkerSet.of(taxonomy, {"length_tokens": "199", "domain": ["Legal", "Sciences"], "lang": "French"})
    other = MarkerSet.of(taxonomy, {"lang": "French", "domain": ["Sciences", "Legal"], "length_tokens": 199})
    assert one == other
    assert one.markers == (
        Marker("domain", "Sciences"), Marker("domain", "Legal"), Marker("lang", "French"), Marker("length_tokens", 199),
    )  # fmt: skip


def test_states_are_three(taxonomy):
    markers = MarkerSet.of(taxonomy, {"domain": "Culture"}, not_applicable=["code_type"])
    assert [markers.state(name) for name in ("domain", "code_type", "lang")] == [
        State.KNOWN,
        State.NOT_APPLICABLE,
        State.UNKNOWN,
    ]


@given(names=st.sets(st.sampled_from(["domain", "lang", "length_tokens"])))
def test_only_and_without_part_a_set(taxonomy, names):
    markers = MarkerSet.of(taxonomy, {"domain": ["Code", "Math"], "lang": "Greek", "length_tokens": 3}, ["style"])
    assert set(markers.only(names).categories) == names
    assert set(markers.without(names).categories).isdisjoint(names)
    assert len(markers.only(names)) + len(markers.without(names)) == len(markers)
    assert markers.only(names).not_applicable == {"style"}


def test_to_dict_is_taken_back(taxonomy):
    markers = MarkerSet.of(taxonomy, {"domain": ["Code", "Math"], "quality": -0.126, "length_bucket": "long"})
    assert markers.to_dict() == {"domain": ["Code", "Math"], "quality": -0.13, "length_bucket": "long"}
    assert MarkerSet.of(taxonomy, markers.to_dict()) == markers


@pytest.mark.parametrize(
    ("values", "not_applicable", "told"),
    [
        ({"lang": ["French", "Greek"]}, [], "holds one value, got 2: French, Greek"),
        ({"lang": "french"}, [], "Did you mean 'French'"),
        ({"language": "French"}, [], "Unknown category 'language'"),
        ({"lang": "French"}, ["lang"], "not applicable"),
        ({}, ["language"], "Unknown category 'language'"),
        ({"domain": "Legal", "code_type": "python"}, [], "applies only when 'domain' is one of Code, Technology"),
    ],
    ids=["two values", "unknown value", "unknown category", "both states", "unknown exclusion", "rule"],
)
def test_contradictions_are_refused(taxonomy, values, not_applicable, told):
    with pytest.raises(TaxonomyError, match=told):
        MarkerSet.of(taxonomy, values, not_applicable)


@pytest.mark.parametrize(
    ("domain", "expected"),
    [(["Legal"], False), (["Legal", "Code"], True), ([], True)],
    ids=["other", "one fits", "unknown"],
)
def test_a_rule_asks_for_one_fitting_value(taxonomy, domain, expected):
    assert applies(taxonomy, MarkerSet.of(taxonomy, {"domain": domain}), "code_type") is expected
