import math

import pytest
import tiny
import torch
import torch.nn.functional as F

from treasure.data.frequency import count
from treasure.errors import ConfigError
from treasure.evaluation.benchmarks.heldout import evaluate_heldout
from treasure.evaluation.record import Regime
from treasure.inference.config import GenerationConfig
from treasure.inference.generate import Generator
from treasure.markers.config import MarkerMode, MarkersConfig
from treasure.training.prepare import room_encoder

EXAMPLES = tiny.corpus(6)
FREQUENCY = count(tiny.corpus(40), tiny.TAXONOMY)


def _records(mode: MarkerMode, *regimes: Regime):
    found = tiny.checkpoint(mode)
    generator = Generator(found, GenerationConfig(max_new_tokens=8))
    room = room_encoder(found, MarkersConfig(mode=mode))
    records = evaluate_heldout(
        found, generator, EXAMPLES, regimes, FREQUENCY, room=room, tail_threshold=0.3, seed=0, step=5
    )
    return found, records


def test_the_loss_is_that_of_the_answer_alone():
    found, records = _records(MarkerMode.NONE, Regime.BASELINE)
    example = EXAMPLES[0]
    text = found.tokenizer.apply_chat_template(
        [
            {"role": "user", "content": example.example.prompt},
            {"role": "assistant", "content": example.example.completion},
        ],
        tokenize=False,
    )
    ids = found.tokenizer(text, return_tensors="pt")["input_ids"]
    num_answer = len(found.tokenizer(example.example.completion)["input_ids"]) + 1  # and the end
    with torch.inference_mode():
        logits = found.model(input_ids=ids).logits[0, -num_answer - 1 : -1]
    assert records[0].scores["content_loss"] == pytest.approx(
        float(F.cross_entropy(logits, ids[0, -num_answer:])), rel=1e-4
    )


def test_a_marked_model_is_scored_after_its_own_header_and_knows_its_levers():
    _, records = _records(MarkerMode.TOKENS, Regime.INFERRED, Regime.FIXED)
    inferred, fixed = records[: len(EXAMPLES)], records[len(EXAMPLES) :]
    assert [record.regime for record in (inferred[0], fixed[0])] == [Regime.INFERRED, Regime.FIXED]
    assert inferred[0].levers == {} and fixed[0].levers == EXAMPLES[0].markers.to_dict()
    assert all(math.isfinite(record.scores["content_loss"]) for record in records)
    assert any(a.scores != b.scores for a, b in zip(inferred, fixed, strict=True))
    assert {record.groups["lang"] for record in records} == {"head", "tail"}
    assert "length_tokens" not in records[0].slices


def test_no_example_that_fits_is_an_error_with_advice():
    found = tiny.checkpoint(MarkerMode.NONE)
    with pytest.raises(ConfigError, match="validation_fraction"):
        evaluate_heldout(
            found,
            Generator(found, GenerationConfig()),
            [],
            [Regime.BASELINE],
            FREQUENCY,
            room=found.encoder,
            tail_threshold=0.05,
            seed=0,
            step=0,
        )
