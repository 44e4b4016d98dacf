from dataclasses import dataclass, field
from typing import Any

import pytest

from treasure.config.compose import compose
from treasure.config.evaluate_schema import BenchmarksCommand
from treasure.config.open_fields import with_pluses
from treasure.config.schema import GenerateCommand
from treasure.errors import ConfigError


@dataclass
class _Part:
    levers: dict[str, Any] = field(default_factory=dict)
    other: str = ""


@dataclass
class _Schema:
    part: _Part = field(default_factory=_Part)
    levers: dict[str, Any] = field(default_factory=dict)
    rates: dict[str, float] = field(default_factory=dict)
    seed: int = 0


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("levers.domain=Legal", "++levers.domain=Legal"),
        ("levers={domain: Legal}", "++levers={domain: Legal}"),
        ("levers=concise", "levers=concise"),
        ("levers=[concise,formal]", "levers=[concise,formal]"),
        ("+levers.domain=Legal", "+levers.domain=Legal"),
        ("~levers.domain", "~levers.domain"),
        ("part.levers.lang=French", "++part.levers.lang=French"),
        ("part.levers={lang: French}", "++part.levers={lang: French}"),
        ("part.other={lang: French}", "part.other={lang: French}"),
        ("rates.a=1", "rates.a=1"),
        ("seed=levers.x=1", "seed=levers.x=1"),
    ],
)
def test_only_entries_of_dictionaries_of_anything_get_pluses(given, wanted):
    assert with_pluses([given], _Schema) == [wanted]


def test_an_entry_that_is_a_dictionary_is_not_merged_with_the_one_before_it():
    given = ["levers.length_tokens={at_most: 4}"]
    assert with_pluses(given, _Schema) == ["++levers.length_tokens=null", "++levers.length_tokens={at_most: 4}"]
    base = ["checkpoint=a", "prompt=b", "levers=no_code"]
    found = compose(GenerateCommand, "generate", [*base, "levers.code_type={force: Python}"])
    assert found.levers == {"code_type": {"force": "Python"}}
    found = compose(GenerateCommand, "generate", [*base, "levers.lang={force: French}"])
    assert found.levers == {"code_type": {"forbid": True}, "lang": {"force": "French"}}


def test_a_preset_and_own_levers_make_one_dictionary():
    base = ["checkpoint=a", "prompt=b"]
    found = compose(GenerateCommand, "generate", [*base, "levers=[concise,formal]", "levers.domain=Legal"])
    assert found.levers == {"length_bucket": "concise", "style": "Formal", "domain": "Legal"}
    found = compose(GenerateCommand, "generate", [*base, "levers=concise", "levers.length_bucket={force: long}"])
    assert found.levers == {"length_bucket": {"force": "long"}}


@pytest.mark.parametrize("chosen", ["[concise,detailed]", "[formal,detailed,concise]"])
def test_presets_that_contradict_each_other_are_refused(chosen):
    for more in ([], ["levers.length_bucket=long"]):
        with pytest.raises(ConfigError, match=r"both set length_bucket, to (concise and long|long and concise)"):
            compose(GenerateCommand, "generate", ["checkpoint=a", "prompt=b", f"levers={chosen}", *more])


def test_choices_with_the_same_options_are_told_without_them():
    with pytest.raises(ConfigError) as caught:
        compose(BenchmarksCommand, "benchmarks", ["suite=[arena_hard,alpaca_eval]", "checkpoint=x"])
    assert "'arena_hard' and 'alpaca_eval' both set open_ended. Give one of them" in str(caught.value)
    assert "-m suite=arena_hard,alpaca_eval." in str(caught.value)


@pytest.mark.parametrize("plus", ["", "+"])
def test_all_options_at_once_of_what_is_not_chosen(plus: str):
    with pytest.raises(ConfigError) as caught:
        compose(BenchmarksCommand, "benchmarks", [f"{plus}suite.open_ended={{name: mine}}", "checkpoint=x"])
    assert "'suite.open_ended', which is not chosen here. Choose what has it, such as suite=…" in str(caught.value)


@pytest.mark.parametrize("chosen", ["[concise,concise]", "[none,concise]", "[concise]"])
def test_presets_that_agree_are_taken(chosen):
    found = compose(GenerateCommand, "generate", ["checkpoint=a", "prompt=b", f"levers={chosen}"])
    assert found.levers == {"length_bucket": "concise"}
