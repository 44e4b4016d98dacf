from pathlib import Path

import pytest

from treasure.data.frequency import count
from treasure.errors import ConfigError
from treasure.evaluation.benchmarks.world import evaluate_world, request_for
from treasure.evaluation.config import BenchmarkConfig
from treasure.evaluation.record import Regime, read_records, write_records
from treasure.inference.request import Generation
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
    inferred, fixed, forced, oracle = (request_for(LENGTH, regime) for regime in list(Regime)[1:])
    assert "words or less" in inferred.messages[-1].content and not len(inferred.fixed)
    assert request_for(LENGTH, Regime.BASELINE) == inferred
    assert "words or less" not in fixed.messages[-1].content
    assert fixed.fixed.categories == ("length_tokens",) and not len(fixed.forced)
    assert forced.forced == forced.fixed == fixed.fixed
    assert oracle.fixed == LENGTH.truth and len(oracle.fixed) > 5


def test_right_answers_score_fully_and_records_survive_the_disk(tmp_path):
    scribe = _Scribe()
    frequency = count(list(WORLD.train_examples()), TAXONOMY)
    oracle = Oracle(WORLD, lambda jobs: [])
    records = evaluate_world(
        scribe, oracle, PROMPTS, [Regime.INFERRED, Regime.FIXED], frequency, tail_threshold=0.05, seed=3, step=7
    )
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
