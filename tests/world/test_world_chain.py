"""The tables: complete, well-formed and true to their shares."""

import random
from collections import Counter

import pytest

from treasure.taxonomy.taxonomy import Taxonomy
from treasure.world.chain import ATTRIBUTES, NONE, Chain, Distribution
from treasure.world.config import WorldConfig
from treasure.world.cues import SILENT, Cues
from treasure.world.data_files import LANGUAGES


def test_distribution_draws_by_share() -> None:
    distribution = Distribution({"a": 2, "b": 1, "c": 0, "d": 1})
    assert distribution.shares == {"a": 0.5, "b": 0.25, "d": 0.25}
    rng = random.Random(0)
    counts = Counter(distribution.draw(rng) for _ in range(4000))
    assert counts["a"] / 4000 == pytest.approx(0.5, abs=0.03)
    assert set(counts) == {"a", "b", "d"}


def test_every_value_of_the_tables_is_in_the_taxonomy(world_taxonomy: Taxonomy) -> None:
    chain = Chain(WorldConfig())
    for name in ATTRIBUTES:
        for rule in chain.tables[name].rules:
            assert set(rule.shares) - {NONE} <= set(world_taxonomy.category(name).value_names), name
            for parent, values in rule.when.items():
                assert values - {NONE} <= set(world_taxonomy.category(parent).value_names), (name, parent)


def test_relative_values_become_absolute() -> None:
    chain = Chain(WorldConfig())
    drawn = {"task": "CodeTranslation", "form": "code", "code_type": "python", "domain": "Code", "lang": "English"}
    assert chain.tables["given_code"].given(drawn).shares == {"javascript": 1.0}


def test_fixed_values_are_kept() -> None:
    drawn = Chain(WorldConfig()).draw(random.Random(1), {"domain": "Legal", "lang": "Hindi"})
    assert (drawn["domain"], drawn["lang"]) == ("Legal", "Hindi")


def test_quality_profile_comes_from_the_configuration() -> None:
    config = WorldConfig(tail_quality=[0.7, 0.1, 0.1, 0.1])
    given = {"domain": "Legal", "task": "QuestionAnswering", "format": NONE, "source": "Translation"}
    assert Chain(config).tables["quality_bucket"].given(given).shares["1"] == pytest.approx(0.7)


def test_cue_likelihoods_are_distributions_for_every_value(world_taxonomy: Taxonomy) -> None:
    cues = Cues()
    for category in cues.categories:
        for value in (*world_taxonomy.category(category).value_names, NONE):
            for language in LANGUAGES:
                shares = cues.given(category, value, language).shares
                assert sum(shares.values()) == pytest.approx(1)
                assert shares[SILENT] >= 0.2
                for cue in set(shares) - {SILENT}:
                    assert cues.text(category, cue, language)


def test_open_cues_never_say_the_value() -> None:
    cues, rng = Cues(), random.Random(0)
    drawn = {cues.draw(rng, "lang", "Hindi", "English", allow_explicit=False) for _ in range(500)}
    assert "Delhi" in drawn
    assert not any(cue.startswith("explicit") for cue in drawn)
