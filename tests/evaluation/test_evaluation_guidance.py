"""The study of guidance: each condition has a row for each prompt, and rows say what the oracle says."""

import json
from dataclasses import replace

import pytest
import tiny_world

from treasure.analysis.lever_studies.guidance import summarize
from treasure.errors import ConfigError
from treasure.evaluation.studies.guidance import PUSHES, guidance_rows
from treasure.evaluation.studies.guidance_config import GuidanceStudyConfig
from treasure.inference.request import GenerationRequest


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    inputs = tiny_world.world_inputs(tmp_path_factory.mktemp("model"))
    config = GuidanceStudyConfig(
        num_prompts=2, weights=[1.0, 2.0], headers=["guided", "plain"], pair_weights=[1.0, 2.0]
    )
    return inputs, guidance_rows(inputs, config)


def test_rows_are_whole_and_can_be_written(study):
    _, rows = study
    counts = {}
    for row in rows:
        key = row["push"], row["form"], row["header"], tuple(row["weights"].items())
        counts[key] = counts.get(key, 0) + 1
    assert set(counts.values()) == {2}
    assert len([key for key in counts if key[1] in ("one", "against")]) == len(PUSHES) * 2 * 2
    pairs = [key for key in counts if key[0] == "lang and style"]
    assert len(pairs) == 2 + 4 + 2  # both in one prompt, each in its own, one upon the other
    assert json.loads(json.dumps(rows)) == rows


def test_weight_1_is_the_marker_fixed_in_the_prompt(study):
    inputs, rows = study
    generator = inputs.generator()
    prompts = {prompt.id: prompt for prompt in inputs.world.prompts()}
    for row in rows:
        if row["form"] != "one" or set(row["weights"].values()) != {1.0}:
            continue
        prompt = prompts[row["prompt_id"]]
        fixed = prompt.levers.only(row["asked"])
        assert len(fixed) == 1
        (plain,) = generator.generate([GenerationRequest(prompt.fixed_messages, fixed=fixed)])
        assert row["content"] == plain.content


def test_scores_are_those_of_the_oracle(study):
    inputs, rows = study
    prompts = {prompt.id: prompt for prompt in inputs.world.prompts()}
    for push in PUSHES[:3]:
        own = [row for row in rows if row["push"] == push.name]
        assert {prompts[row["prompt_id"]].benchmark for row in own} == {push.benchmark}
        (scores,) = inputs.oracle.score([prompts[own[0]["prompt_id"]]], [own[0]["content"]])
        assert own[0]["scores"]["adherence"] == scores[push.adherence]
        assert own[0]["scores"]["oracle_score"] == scores["oracle_score"]


def test_the_summary_reads_the_rows(study):
    _, rows = study
    found = summarize(rows)
    assert len(found.tables[0].rows) == len(PUSHES) * 2 * 2
    assert len(found.tables[1].rows) == 8


def test_data_without_an_oracle_are_refused(study):
    inputs, _ = study
    with pytest.raises(ConfigError, match="oracle"):
        guidance_rows(replace(inputs, world=None, oracle=None), GuidanceStudyConfig())


@pytest.mark.parametrize("wrong", [{"num_prompts": 0}, {"weights": [0.0, 2.0]}, {"headers": ["all"]}, {"headers": []}])
def test_options_without_sense_are_refused(wrong):
    with pytest.raises(ConfigError, match=r"guidance\."):
        GuidanceStudyConfig(**wrong)
