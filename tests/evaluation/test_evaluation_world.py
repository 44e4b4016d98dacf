from pathlib import Path

import pytest

from treasure.data.frequency import count
from treasure.errors import ConfigError
from treasure.evaluation.benchmarks.world import evaluate_world, request_for
from treasure.evaluation.config import BenchmarkConfig
from treasure.evaluation.record import Regime, read_records, write_records
from treasure.inference.levers import LeverSet
from treasure.inference.request import Generation
from treasure.markers.header_style import HeaderStyle, Placement
from treasure.markers.marker_set import MarkerSet
from treasure.taxonomy.load import load_taxonomy
from treasure.world.config import WorldConfig
from treasure.world.oracle import Oracle
from treasure.world.world import World

TAXONOMY = load_taxonomy(Path(__file__).parents[2] / "conf" / "taxonomy" / "world.yaml")
WORLD = World(WorldConfig(num_train_examples=400, num_prompts_per_benchmark=6), TAXONOMY)
PROMPTS = [prompt for prompt in WORLD.prompts() if prompt.benchmark != "code"]
LENGTH = next(prompt for prompt in PROMPTS if prompt.benchmark == "length")


class _Scribe:
    """Answers with the reference, whatever it is given, and remembers what that was."""

    def __init__(self):
        self.requests = []

    def generate(self, requests, description=None):
        self.requests += requests
        by_text = {message: prompt for prompt in PROMPTS for message in (prompt.messages, prompt.fixed_messages)}
        contents = [WORLD.reference(by_text[request.messages]) for request in requests]
        return [Generation(MarkerSet(), content, (), 1, True) for content in contents]


def test_each_regime_gives_the_model_what_its_name_says():
    inferred, fixed, forced, oracle = (request_for(LENGTH, regime, TAXONOMY) for regime in list(Regime)[1:])
    assert "words or less" in inferred.messages[-1].content and not len(inferred.fixed)
    assert request_for(LENGTH, Regime.BASELINE, TAXONOMY) == inferred
    assert "words or less" not in fixed.messages[-1].content
    assert fixed.fixed.categories == ("length_tokens",) and not len(fixed.forced)
    assert forced.forced == forced.fixed == fixed.fixed
    assert oracle.fixed.to_dict() == LENGTH.truth.to_dict() and len(oracle.fixed) > 5


def test_levers_beside_those_of_a_regime_are_set_in_all_but_baselines():
    beside = LeverSet.of(TAXONOMY, {"quality_bucket": 1, "length_tokens": {"force": 3}, "format": {"forbid": True}})
    found = {regime: request_for(LENGTH, regime, TAXONOMY, beside=beside) for regime in Regime}
    assert found[Regime.BASELINE] == request_for(LENGTH, Regime.BASELINE, TAXONOMY)
    assert found[Regime.INFERRED].fixed.to_dict() == {"quality_bucket": "1", "length_tokens": 3}
    assert found[Regime.FIXED].fixed.to_dict() == {"quality_bucket": "1", **LENGTH.levers.to_dict()}
    assert not len(found[Regime.FIXED].forced), "the regime says how its own levers are set"
    assert all(found[regime].forbidden == {"format": frozenset()} for regime in list(Regime)[1:])


def test_without_a_prompt_header_all_levers_stand_in_the_answer():
    style = HeaderStyle(Placement.COMPLETION)
    found = request_for(LENGTH, Regime.ORACLE, TAXONOMY, style=style)
    assert found.forced.to_dict() == LENGTH.truth.to_dict() and not len(found.fixed)


def test_right_answers_score_fully_and_records_survive_the_disk(tmp_path):
    scribe = _Scribe()
    frequency = count(list(WORLD.train_examples()), TAXONOMY)
    oracle = Oracle(WORLD, lambda jobs: [])
    records = evaluate_world(
        scribe, oracle, PROMPTS, [Regime.INFERRED, Regime.FIXED], frequency,
        tail_threshold=0.05, seed=3, step=7, taxonomy=TAXONOMY,
    )  # fmt: skip
    assert len(records) == len(scribe.requests) == 2 * len(PROMPTS)
    for record in records:
        assert record.scores["oracle_score"] > 0.99, record
        assert (record.seed, record.step) == (3, 7)
        assert set(record.groups) == set(record.slices)
        for name, group in record.groups.items():
            assert (group == "tail") == (frequency.share(name, record.slices[name]) < 0.05)
    write_records(tmp_path / "records.jsonl", records)
    assert read_records(tmp_path / "records.jsonl") == records


@pytest.mark.parametrize("regimes", [["fixt"], [], ["baseline"]], ids=str)
def test_regimes_that_do_not_exist_are_refused(regimes):
    with pytest.raises(ConfigError, match="regimes"):
        BenchmarkConfig(regimes=regimes)
