"""Levers: what a person may ask for, and what is refused with what is allowed."""

from contextlib import suppress
from pathlib import Path

import pytest
import tiny
import yaml
from hypothesis import given
from hypothesis import strategies as st

from treasure.data.example import Message
from treasure.errors import LeverError, TaxonomyError, TreasureError
from treasure.inference.config import GenerationConfig
from treasure.inference.generate import Generator
from treasure.inference.levers import Lever, LeverMode, LeverSet
from treasure.markers.config import MarkerMode
from treasure.markers.header_style import HeaderStyle, Placement
from treasure.taxonomy.load import load_taxonomy

CONF = Path(__file__).parents[2] / "conf"
WORLD = load_taxonomy(CONF / "taxonomy" / "world.yaml")
PAPER = load_taxonomy(CONF / "taxonomy" / "treasure_hunt.yaml")
ASKED = (Message("user", "Who?"),)
CLOSED = [c for c in WORLD.categories if not c.is_numeric]
FREE = [name for name in WORLD.names if name not in ("domain", "code_type", "length_tokens", "length_bucket")]


def request(wanted, taxonomy=WORLD, style=HeaderStyle(), lengths=None):  # noqa: B008
    return LeverSet.of(taxonomy, wanted).request(ASKED, taxonomy, style, lengths)


def test_each_mode_goes_where_it_should():
    found = request({
        "domain": "Legal", "task": {"default": "Reasoning"}, "lang": {"force": "French"}, "style": "infer",
        "format": {"forbid": ["JSON", "XML"]}, "source": {"forbid": True}, "length_tokens": {"fix": "40"},
    })  # fmt: skip
    assert found.fixed.to_dict() == {"domain": "Legal", "task": "Reasoning", "lang": "French", "length_tokens": 40}
    assert found.forced.to_dict() == {"lang": "French"}
    assert found.forbidden == {"format": frozenset({"JSON", "XML"}), "source": frozenset()}


def test_without_a_prompt_header_what_is_forced_stands_in_the_answer_alone():
    found = request({"lang": {"force": "French"}}, style=HeaderStyle(Placement.COMPLETION))
    assert (found.fixed.to_dict(), found.forced.to_dict()) == ({}, {"lang": "French"})


@pytest.mark.parametrize(
    ("wanted", "error", "told"),
    [
        ({"domain": "Leagl"}, TaxonomyError, "Did you mean 'Legal'.*Allowed"),
        ({"dommain": "Legal"}, TaxonomyError, "Did you mean 'domain'.*Allowed"),
        ({"lang": ["French", "German"]}, TaxonomyError, "holds one value, got 2: French, German"),
        (
            {"domain": "Culture", "code_type": {"force": "python"}},
            TaxonomyError,
            "applies only when 'domain' is one of",
        ),
        ({"length_bucket": "concise", "length_tokens": 40}, LeverError, "below 12.*length_bucket=long"),
        ({"length_bucket": "long", "length_tokens": {"at_most": 5}}, LeverError, "at least 28"),
        ({"length_bucket": "concise", "length_tokens": {"at_least": 50}}, LeverError, "below 12"),
        ({"length_tokens": {"forbid": [3]}}, LeverError, "forbid it whole"),
        ({"lang": {"at_most": 3}}, LeverError, "whole numbers"),
        ({"quality": {"at_most": 1}}, LeverError, "whole numbers"),
        ({"length_tokens": {"at_most": -1}}, TaxonomyError, "from 0"),
        ({"length_tokens": {"at_most": 9, "confidence": 1}}, LeverError, "between 0 and 1"),
        ({"length_tokens": {"fix": 9, "confidence": 0.9}}, LeverError, "goes with at_most"),
        ({"lang": {"force": "French", "forbid": "German"}}, LeverError, "one mode with its value"),
        ({"lang": {}}, LeverError, "Modes: default, fix"),
        ({"lang": []}, LeverError, "no value"),
        ({"length_tokens": {"at_most": 9}}, LeverError, "never measured.*treasure-evaluate levers"),
        ({"length_tokens": 40.5}, TaxonomyError, "whole number"),
        ({"quality": "nan"}, TaxonomyError, "finite"),
    ],
    ids=str,
)
def test_what_is_impossible_is_refused_with_what_is_allowed(wanted, error, told):
    with pytest.raises(error, match=told):
        request(wanted)


def test_own_levers_win_over_others_and_a_default_over_nothing():
    base = LeverSet.of(WORLD, {"domain": "Legal", "lang": {"default": "French"}, "style": "Formal"})
    own = LeverSet.of(WORLD, {"lang": "German", "style": "infer", "domain": {"default": "Medical"}, "task": "Rewrite"})
    both = own.over(base, WORLD)
    assert both.to_dict() == {
        "domain": {"fix": "Legal"}, "task": {"fix": "Rewrite"}, "lang": {"fix": "German"}, "style": "infer"
    }  # fmt: skip
    assert LeverSet().over(base, WORLD) == base and base.over(LeverSet(), WORLD) == base
    with pytest.raises(TaxonomyError, match="applies only"):
        LeverSet.of(WORLD, {"code_type": "go"}).over(LeverSet.of(WORLD, {"domain": "Legal"}), WORLD)


_modes = st.sampled_from(["fix", "force", "default", "forbid"])


@st.composite
def wishes(draw):
    found = {}
    for name in draw(st.lists(st.sampled_from(FREE), unique=True)):
        category = WORLD.category(name)
        mode = draw(_modes)
        if category.is_numeric:
            value = draw(st.integers(0, 1))
            found[name] = {mode: True if mode == "forbid" else value}
        else:
            found[name] = {mode: draw(st.sampled_from(category.value_names))}
    return found


@given(wishes())
def test_plain_data_gives_the_same_levers_back(wanted):
    levers = LeverSet.of(WORLD, wanted)
    assert LeverSet.of(WORLD, levers.to_dict()) == levers
    assert list(levers.levers) == sorted(wanted, key=WORLD.index)
    found = levers.request(ASKED, WORLD, HeaderStyle(), None)
    assert set(found.forced.categories) <= set(found.fixed.categories)
    assert set(found.fixed.categories).isdisjoint(found.forbidden)


@given(st.dictionaries(st.text(max_size=8) | st.sampled_from(WORLD.names), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=2)
    | st.dictionaries(st.sampled_from(["fix", "force", "forbid", "at_most", "confidence"]), inner, max_size=2),
    max_leaves=4,
), max_size=3))  # fmt: skip
def test_nonsense_is_refused_in_our_words(wanted):
    with suppress(TreasureError):
        LeverSet.of(WORLD, wanted)


class _Numbers:
    def ask(self, category, mode, limit, confidence):
        assert (category, mode, confidence) == ("length_tokens", LeverMode.AT_MOST, 0.99)
        return limit - 6


def test_a_limit_forces_the_number_that_was_measured_to_keep_it():
    wanted = {"length_tokens": {"at_most": 30, "confidence": 0.99}}
    found = request(wanted, lengths=_Numbers())
    assert found.fixed.to_dict() == found.forced.to_dict() == {"length_tokens": 24}
    with pytest.raises(LeverError, match="at least 28"):  # 30 would have done, the number chosen for it does not
        request({**wanted, "length_bucket": "long"}, lengths=_Numbers())


@pytest.mark.parametrize("path", sorted((CONF / "levers").glob("*.yaml")), ids=lambda path: path.stem)
@pytest.mark.parametrize("taxonomy", [WORLD, PAPER], ids=lambda t: t.name)
def test_every_shipped_preset_is_possible(path, taxonomy):
    levers = LeverSet.of(taxonomy, yaml.safe_load(path.read_text()))
    assert bool(levers.levers) is (path.stem != "none")


def test_levers_reach_the_model():
    found = tiny.checkpoint(MarkerMode.TOKENS)
    wanted = {"domain": {"force": ["Legal", "Math"]}, "lang": {"forbid": True}, "length_tokens": {"force": 77}}
    asked = LeverSet.of(tiny.TAXONOMY, wanted).request(ASKED, tiny.TAXONOMY, found.style, None)
    (answer,) = Generator(found, GenerationConfig(max_new_tokens=2)).generate([asked])
    assert answer.markers.to_dict() == {"domain": ["Legal", "Math"], "length_tokens": 77}
    assert Lever(LeverMode.INFER).values == ()
