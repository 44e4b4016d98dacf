"""The rules as an annotator: what is asked, what is known already, any taxonomy, and texts that want to break it."""

import dataclasses
import time
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasure.annotation.finding import Finding, Outcome
from treasure.annotation.lengths import count_lengths
from treasure.annotation.rules.annotator import RulesAnnotator
from treasure.annotation.rules.config import RulesConfig
from treasure.data.example import Example, Message
from treasure.errors import ConfigError
from treasure.markers.marker_set import MarkerSet
from treasure.taxonomy.load import load_taxonomy

ALL = (
    "lang",
    "code_type",
    "format",
    "style",
    "length_bucket",
    "length_tokens",
    "length_sentences",
    "length_paragraphs",
)
CODE = "def add(a, b):\n    return a + b"
GERMAN = "Die Kinder spielten im Garten, bis es am Abend zu regnen begann."


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*(are counted in|counting by general).*")
        yield


def example(completion: str, prompt: str = "Tell me.") -> Example:
    return Example("ab12", (Message("user", prompt),), completion, "d")


def by_rules(taxonomy, completion: str, prompt: str = "Tell me.", known=None, **settings) -> dict[str, Finding]:
    annotator = RulesAnnotator(RulesConfig(**settings), taxonomy)
    (found,) = annotator.annotate([example(completion, prompt)], [known or {}])
    return found


def stated(*values) -> Finding:
    return Finding("facts", Outcome.FOUND, values)


def test_all_categories_are_answered_or_left_with_a_reason(taxonomy):
    found = by_rules(taxonomy, GERMAN)
    assert set(found) == set(ALL)
    assert found["lang"].values == ("German",)
    assert found["lang"].probability > 0.8
    sizes = count_lengths(GERMAN, "German")
    assert found["length_tokens"] == Finding("rules", Outcome.FOUND, (sizes.tokens,))
    assert found["length_bucket"].values == ("concise",)
    for name in ("code_type", "format", "style"):
        assert found[name].outcome is Outcome.ABSTAINED
        assert found[name].note


def test_what_is_settled_is_not_asked_again(taxonomy):
    known = {"lang": stated("German"), "format": Finding("facts", Outcome.NOT_APPLICABLE), "style": stated("Formal")}
    found = by_rules(taxonomy, GERMAN, known=known)
    assert set(found) == set(ALL) - set(known)
    assert by_rules(taxonomy, GERMAN, known={"lang": Finding("x", Outcome.ABSTAINED)})["lang"].values == ("German",)
    assert by_rules(taxonomy, GERMAN, known={name: Finding("x", Outcome.NOT_APPLICABLE) for name in ALL}) == {}


def test_a_known_language_sets_the_unit_of_length(taxonomy):
    assert by_rules(taxonomy, "你好世界", known={"lang": stated("Chinese")})["length_tokens"].values == (4,)


def test_an_answer_of_nothing_but_code_has_the_language_of_its_prompt(taxonomy):
    prompt = "Schreibe bitte eine Funktion, die zwei Zahlen addiert, und gib sie zurück."
    for completion in (CODE, f"```python\n{CODE}\n```"):
        found = by_rules(taxonomy, completion, prompt)
        assert found["lang"].values == ("German",)
        assert found["code_type"].values == ("python",)


def test_code_type_makes_no_sense_outside_of_code(taxonomy):
    found = by_rules(taxonomy, CODE, known={"domain": stated("Legal")})
    assert found["code_type"] == Finding("rules", Outcome.NOT_APPLICABLE)
    assert by_rules(taxonomy, CODE, known={"domain": stated("Code", "Legal")})["code_type"].values == ("python",)
    assert (
        by_rules(taxonomy, "Hello there.", known={"domain": stated("Code")})["code_type"].outcome is Outcome.ABSTAINED
    )


def test_numbers_and_buckets_that_are_known_stand(taxonomy):
    found = by_rules(taxonomy, GERMAN, known={"length_bucket": stated("long")})
    assert found["length_tokens"].outcome is Outcome.ABSTAINED  # the count would contradict what is known
    assert found["length_sentences"].values == (1,)
    assert by_rules(taxonomy, GERMAN, known={"length_tokens": stated(2000)})["length_bucket"].values == ("long",)


def test_findings_fit_the_taxonomy(taxonomy):
    completion = (
        f"Here are **two** ways:\n\n# First\n```python\n{CODE}\n```\n# Second\n```go\nfunc main() {{ x := 1 }}\n```"
    )
    found = by_rules(taxonomy, completion)
    values = {name: list(one.values) for name, one in found.items() if one.outcome is Outcome.FOUND}
    assert values["code_type"] == ["python", "go"]
    MarkerSet.of(taxonomy, values)


def test_any_taxonomy_will_do(taxonomy):
    few = taxonomy.only(["lang", "length_bucket"])
    assert set(by_rules(few, GERMAN)) == {"lang", "length_bucket"}
    world = load_taxonomy(Path(__file__).parents[3] / "conf" / "taxonomy" / "world.yaml")
    assert by_rules(world, GERMAN)["length_bucket"].values == ("medium",)
    lang = taxonomy.category("lang")
    no_german = dataclasses.replace(lang, values=tuple(v for v in lang.values if v.name != "German"))
    small = dataclasses.replace(taxonomy, categories=(no_german,))
    assert by_rules(small, GERMAN)["lang"].outcome is Outcome.ABSTAINED


def test_several_values_become_the_likeliest_where_one_is_allowed(taxonomy):
    formats = dataclasses.replace(taxonomy.category("format"), multiple=False)
    single = dataclasses.replace(taxonomy, categories=(formats,))
    text = "## Shopping\n- **bread**\n- **milk**"
    assert len(by_rules(taxonomy, text)["format"].values) == 2
    assert len(by_rules(single, text)["format"].values) == 1


@pytest.mark.parametrize("turned_off", ["language", "lengths", "code_type", "format", "style"])
def test_rules_can_be_turned_off(taxonomy, turned_off):
    annotator = RulesAnnotator(RulesConfig(**{turned_off: False}), taxonomy)
    missing = set(ALL) - set(annotator.categories)
    (found,) = annotator.annotate([example(GERMAN)], [{}])
    assert missing == {
        name for name in ALL if name.startswith({"language": "lang", "lengths": "length"}.get(turned_off, turned_off))
    }
    assert set(found) == set(annotator.categories)
    assert annotator.version != RulesAnnotator(RulesConfig(), taxonomy).version


def test_a_threshold_makes_them_abstain(taxonomy):
    assert by_rules(taxonomy, GERMAN, language_probability=1.0)["lang"].note == "German is too unsure"
    assert by_rules(taxonomy, CODE, code_type_probability=1.0)["code_type"].outcome is Outcome.ABSTAINED
    assert by_rules(taxonomy, "- a\n- b", format_probability=1.0)["format"].outcome is Outcome.ABSTAINED
    assert (
        by_rules(taxonomy, "Hast du Zeit für deine Kinder, die im Garten spielen?", style_probability=1.0)[
            "style"
        ].outcome
        is Outcome.ABSTAINED
    )
    with pytest.raises(ConfigError, match=r"style_probability must be from 0 to 1, got 1\.5"):
        RulesConfig(style_probability=1.5)


def test_a_single_fence_is_markdown_only_on_demand(taxonomy):
    completion = f"```python\n{CODE}\n```"
    assert by_rules(taxonomy, completion)["format"].outcome is Outcome.ABSTAINED
    assert by_rules(taxonomy, completion, fence_is_markdown=True)["format"].values == ("Markdown",)


PIECES = [
    "```",
    "~~~",
    "\n",
    "|",
    "<a>",
    "</a>",
    "{",
    "}",
    "[",
    '"',
    "$",
    "\\frac",
    "1. ",
    "- ",
    "#",
    "**",
    "\ud800",
    "\x00",
    "\u202e",
    "def f(x):",
    ";",
    "の",
    "한",
    "א",
    "ب",
    "हि",
    "é",
    " ",
    "\t",
    "a, b",
    "=",
    "A)",
    "😀",
    "\r\n",
    "\u3000",
    "\u2028",
]


@given(
    completion=st.text(max_size=80) | st.lists(st.sampled_from(PIECES), max_size=40).map("".join),
    prompt=st.text(max_size=30),
)
def test_any_text_is_annotated(taxonomy, completion, prompt):
    found = by_rules(taxonomy, completion, prompt)
    assert set(found) == set(ALL)
    values = {name: list(one.values) for name, one in found.items() if one.outcome is Outcome.FOUND}
    MarkerSet.of(taxonomy, values)
    assert all(0 <= one.probability <= 1 for one in found.values() if one.probability is not None)


UNITS = [
    "a",
    " ",
    "\n",
    "(",
    "[",
    "{",
    "<",
    "<a>",
    "[{",
    "|",
    "| a | b |\n",
    "a,",
    "*",
    "**a",
    "`",
    "```\n",
    "$",
    "$a",
    "\\",
    '"',
    '"a":',
    "1. a\n",
    "- a\n",
    "#",
    "# a\n",
    "1+1=",
    "\x00",
    "\ud800",
    "\u202e",
    "の",
    "한국어 ",
    "word ",
    "word. ",
    "x = 1;\n",
    "/*",
    "//",
    "'",
    "A) ",
    "<!--",
    "&amp;",
    "\t",
    "a  b\n",
    "=",
    "SELECT ",
    "https://a.b/",
    "a@",
    "::",
    "-",
    "\u0301",
    "तू ",
]


@pytest.mark.parametrize("unit", UNITS)
def test_a_million_characters_take_no_longer_than_seconds(taxonomy, unit):
    text = (unit * (1_000_000 // len(unit) + 1))[:1_000_000]
    annotator = RulesAnnotator(RulesConfig(lengths=unit in ("word ", "の", "("), language=True), taxonomy)
    began = time.process_time()
    annotator.annotate([example(text, text)], [{}])
    assert time.process_time() - began < 5


def test_deep_nesting_is_no_danger(taxonomy):
    for text in (
        "[" * 100_000 + "]" * 100_000,
        '{"a":' * 50_000 + "1" + "}" * 50_000,
        "<a>" * 50_000 + "</a>" * 50_000,
    ):
        assert by_rules(taxonomy, text, lengths=False)["format"].outcome in (Outcome.FOUND, Outcome.ABSTAINED)


def test_entities_do_not_grow(taxonomy):
    bomb = (
        '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "'
        + "x" * 1000
        + '"><!ENTITY c "'
        + "&b;" * 1000
        + '">]><a>'
        + "&c;" * 1000
        + "</a>"
    )
    began = time.process_time()
    by_rules(taxonomy, bomb, lengths=False)
    assert time.process_time() - began < 1
