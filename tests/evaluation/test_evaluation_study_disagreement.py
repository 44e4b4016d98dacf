"""The study of disagreement: who says what in which request, and what a text is found to follow."""

import json
from collections import Counter

import pytest
import tiny
import tiny_world

from treasure.errors import ConfigError
from treasure.evaluation.studies.content_checks import checks_of
from treasure.evaluation.studies.disagreement import disagreement_rows
from treasure.evaluation.studies.disagreement_config import DisagreementStudyConfig
from treasure.evaluation.studies.study import StudyInputs, halves
from treasure.inference.config import GenerationConfig
from treasure.markers.config import MarkerMode
from treasure.markers.header_style import Placement

SMALL = DisagreementStudyConfig(num_header_prompts=3, num_conflict_prompts=2)
CHECKED = {"lang", "style", "format", "length_bucket", "length_tokens", "length_sentences"}


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return disagreement_rows(tiny_world.world_inputs(tmp_path_factory.mktemp("study")), SMALL)


def test_every_category_is_set_in_the_prompt_alone(rows):
    headers = [row for row in rows if row["part"] == "header"]
    others = Counter(row["category"] for row in headers if row["condition"] == "other")
    assert set(others) >= {"domain", "task", "lang", "style", "source", "quality_bucket", *CHECKED - {"format"}}
    assert all(number <= 3 for number in others.values())
    assert others["domain"] == others["length_tokens"] == 3
    assert all(row["forced_value"] is None and row["prompt_value"] is not None for row in headers)
    json.dumps(rows)


def test_conflicts_stand_beside_their_controls(rows):
    conflicts = [row for row in rows if row["part"] == "conflict"]
    counts = Counter((row["category"], row["condition"]) for row in conflicts)
    conditions = ("differ", "same", "prompt_alone", "header_alone")
    assert counts == {(category, condition): 2 for category in CHECKED for condition in conditions}
    for row in conflicts:
        first, second = row["prompt_value"], row["forced_value"]
        match row["condition"]:
            case "differ":
                assert first != second and row["header_values"] == [second]
            case "same":
                assert first == second and row["header_values"] == [first]
                assert row["follows_prompt"] == row["follows_header"]
            case "prompt_alone":
                assert first is not None and second is None
            case "header_alone":
                assert first is None and row["header_values"] == [second] and row["follows_prompt"] is None


@pytest.mark.parametrize("placement", [Placement.PROMPT, Placement.COMPLETION], ids=str)
def test_headers_in_one_place_cannot_disagree(tmp_path, placement):
    assert disagreement_rows(tiny_world.world_inputs(tmp_path, placement), SMALL) == []


def test_texts_are_checked_for_what_they_have(tmp_path):
    checks = checks_of(tiny_world.world_inputs(tmp_path))
    assert set(checks) == CHECKED
    world = tiny_world.WORLD
    for name, category in (
        ("languages", "lang"),
        ("formats", "format"),
        ("styles", "style"),
        ("length", "length_tokens"),
    ):
        for prompt in (prompt for prompt in world.prompts() if prompt.benchmark == name):
            value, text = prompt.truth.value(category), world.reference(prompt)
            others = {"lang": "Greek", "format": "Tabular", "style": "Formal", "length_tokens": 3}
            assert checks[category](text, value, prompt.spec.lang), (category, value, text)
            if value != others[category]:
                assert not checks[category](text, others[category], prompt.spec.lang), (category, text)
            bucket = prompt.truth.value("length_bucket")
            assert checks["length_bucket"](text, bucket, prompt.spec.lang)


def test_without_a_world_only_lengths_can_be_told(tmp_path):
    fit, test = halves(tiny.corpus(40))
    found = tiny.checkpoint(MarkerMode.TOKENS)
    inputs = StudyInputs(
        found, tmp_path, GenerationConfig(max_new_tokens=4), "cpu", 0, lambda n: fit[:n], lambda n: test[:n]
    )
    rows = disagreement_rows(inputs, SMALL)
    assert {row["category"] for row in rows if row["part"] == "conflict"} == {"length_tokens"}
    assert {row["category"] for row in rows if row["part"] == "header"} == set(tiny.TAXONOMY.names)
    assert all(row["follows_header"] is None for row in rows if row["category"] == "lang")


def test_a_model_without_markers_has_nothing_to_disagree(tmp_path):
    found = tiny.checkpoint(MarkerMode.NONE)
    inputs = StudyInputs(found, tmp_path, GenerationConfig(), "cpu", 0, tiny.corpus, tiny.corpus)
    assert disagreement_rows(inputs, SMALL) == []


@pytest.mark.parametrize("name", ["num_header_prompts", "num_conflict_prompts"])
def test_options_that_make_no_sense_are_refused(name):
    with pytest.raises(ConfigError, match=name):
        DisagreementStudyConfig(**{name: 0})
