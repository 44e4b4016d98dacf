"""The study of choosing: rows hold all candidates, so that each choice can be made again."""

import json
from dataclasses import replace

import pytest
import tiny_world

from treasure.analysis.lever_studies.choosing import summarize
from treasure.errors import ConfigError
from treasure.evaluation.studies.choosing import choosing_rows
from treasure.evaluation.studies.choosing_config import ChoosingStudyConfig
from treasure.inference.request import GenerationRequest


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    inputs = tiny_world.world_inputs(tmp_path_factory.mktemp("model"))
    leave_out = ["code", "formats", "styles", "text_tasks", "reasoning", "translation"]
    return inputs, choosing_rows(inputs, ChoosingStudyConfig(num_prompts=2, numbers=[2, 3], leave_out=leave_out))


def test_rows_are_whole_and_can_be_written(study):
    _, rows = study
    ways = [(row["way"], row["num_headers"], row["benchmark"]) for row in rows]
    assert {ways.count(way) for way in ways} == {2}
    assert {row["benchmark"] for row in rows} == {"facts", "languages", "length"}
    assert {way[:2] for way in ways} == {("greedy", 1), ("beam", 2), ("drawn", 2), ("beam", 3), ("drawn", 3)}
    for row in rows:
        assert len(row["candidates"]) == row["num_headers"] or row["way"] == "beam"
        assert 1 <= len(row["candidates"]) <= row["num_headers"]
    assert json.loads(json.dumps(rows)) == rows


def test_greedy_rows_are_what_the_model_writes_without_levers(study):
    inputs, rows = study
    prompts = {prompt.id: prompt for prompt in inputs.world.prompts()}
    greedy = [row for row in rows if row["way"] == "greedy"]
    requests = [GenerationRequest(prompts[row["prompt_id"]].messages) for row in greedy]
    plain = inputs.generator().generate(requests)
    assert [row["candidates"][0]["content"] for row in greedy] == [answer.content for answer in plain]
    assert [row["candidates"][0]["markers"] for row in greedy] == [answer.markers.to_dict() for answer in plain]


def test_candidates_have_the_oracle_s_score(study):
    inputs, rows = study
    prompts = {prompt.id: prompt for prompt in inputs.world.prompts()}
    row = next(row for row in rows if row["way"] == "beam")
    for one in row["candidates"]:
        (scores,) = inputs.oracle.score([prompts[row["prompt_id"]]], [one["content"]])
        assert one["oracle_score"] == scores["oracle_score"]


def test_the_summary_reads_the_rows(study):
    _, rows = study
    found = summarize(rows)
    assert len(found.tables[0].rows) == 1 + 4 * 3
    assert len(found.tables[1].rows) == 2 * 3 * 3


def test_data_without_an_oracle_are_refused(study):
    inputs, _ = study
    with pytest.raises(ConfigError, match="oracle"):
        choosing_rows(replace(inputs, world=None, oracle=None), ChoosingStudyConfig())


def test_leaving_out_all_is_refused(study):
    inputs, _ = study
    names = sorted({prompt.benchmark for prompt in inputs.world.prompts()})
    with pytest.raises(ConfigError, match="names all benchmarks"):
        choosing_rows(inputs, ChoosingStudyConfig(leave_out=names))


def test_a_benchmark_that_does_not_exist_is_refused(study):
    inputs, _ = study
    with pytest.raises(ConfigError, match=r"no benchmark 'cod'.*code"):
        choosing_rows(inputs, ChoosingStudyConfig(leave_out=["cod"]))


@pytest.mark.parametrize("wrong", [{"num_prompts": 0}, {"numbers": [1]}, {"numbers": []}, {"temperature": 0.0}])
def test_options_without_sense_are_refused(wrong):
    with pytest.raises(ConfigError, match=r"choosing\."):
        ChoosingStudyConfig(**wrong)
