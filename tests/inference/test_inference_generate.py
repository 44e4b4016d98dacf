import re

import pytest
import tiny
import torch

from treasure.data.config import BatchConfig
from treasure.inference.config import GenerationConfig
from treasure.inference.generate import Generator
from treasure.inference.request import GenerationRequest
from treasure.markers.config import MarkerMode
from treasure.markers.dropout import DropoutConfig
from treasure.markers.marker_set import MarkerSet
from treasure.model.config import OptimizerConfig
from treasure.model.loss import token_losses
from treasure.model.optimizer import make_optimizer

LEGAL = MarkerSet.of(tiny.TAXONOMY, {"domain": "Legal"})
GREEDY = GenerationConfig(max_new_tokens=40)


@pytest.fixture(scope="module", params=[MarkerMode.TOKENS, MarkerMode.TEXT, MarkerMode.NONE], ids=lambda m: m.value)
def learned(request, tmp_path_factory):
    """A model that has learned one global batch by heart."""
    found = tiny.checkpoint(request.param)
    dropout = None if request.param is MarkerMode.NONE else DropoutConfig(dataset_dropout=0.5, sample_dropout=0.0)
    dataset = tiny.batches(
        found,
        tmp_path_factory.mktemp("cache"),
        config=BatchConfig(global_batch_size=10, micro_batch_size=10),
        num_steps=100,
        size=10,
        dropout=dropout,
    )
    optimizer = make_optimizer(found.model, OptimizerConfig(learning_rate=1.5e-2))
    for index in range(len(dataset)):
        batch = dataset[index]
        loss = token_losses(found.model, batch).weighted_sum / batch.global_weight
        loss.backward()
        torch.nn.utils.clip_grad_norm_(found.model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    found.model.eval()
    return found, request.param


def _without_digits(text):
    """This model is too small to get every sum right."""
    return re.sub("[0-9]+", "N", text)


def test_what_was_learned_by_heart_is_answered(learned):
    found, mode = learned
    examples = tiny.corpus()[:8]
    answers = Generator(
        found, GREEDY if mode is not MarkerMode.TEXT else GenerationConfig(max_new_tokens=140)
    ).generate([GenerationRequest(e.example.messages) for e in examples])
    pairs = list(zip(answers, examples, strict=True))
    right = [_without_digits(a.content) == _without_digits(e.example.completion) and a.finished for a, e in pairs]
    assert sum(right) >= 6
    if mode is MarkerMode.NONE:
        assert all(answer.markers == MarkerSet() for answer in answers)
    else:
        assert sum(a.markers == e.markers for a, e in zip(answers, examples, strict=True)) >= 6
    assert sum("<" not in answer.content for answer in answers) >= 6


def test_the_batch_an_answer_is_in_does_not_change_it(learned):
    found, _ = learned
    requests = [GenerationRequest(e.example.messages) for e in tiny.corpus()[:6]]
    together = Generator(found, GREEDY).generate(requests)
    apart = Generator(found, GenerationConfig(max_new_tokens=40, batch_size=1)).generate(requests)
    assert together == apart


def test_a_forced_marker_stands_in_the_header(learned):
    found, mode = learned
    if mode is MarkerMode.NONE:
        pytest.skip("a model without markers has no header")
    requests = [GenerationRequest(e.example.messages, fixed=LEGAL, forced=LEGAL) for e in tiny.corpus()[:4]]
    answers = Generator(found, GREEDY).generate(requests)
    assert [answer.markers.value("domain") for answer in answers] == ["Legal"] * 4


def test_forcing_what_the_model_would_write_changes_nothing(learned):
    found, mode = learned
    if mode is MarkerMode.NONE:
        pytest.skip("a model without markers has no header")
    plain = Generator(found, GREEDY).generate([GenerationRequest(e.example.messages) for e in tiny.corpus()[:4]])
    requests = [
        GenerationRequest(e.example.messages, forced=answer.markers)
        for e, answer in zip(tiny.corpus()[:4], plain, strict=True)
    ]
    forced = Generator(found, GREEDY).generate(requests)
    assert [(a.markers, a.content) for a in forced] == [(a.markers, a.content) for a in plain]


def test_headers_alone_are_those_of_the_answers(learned):
    found, mode = learned
    if mode is MarkerMode.NONE:
        pytest.skip("a model without markers has no header")
    generator = Generator(found, GenerationConfig(max_new_tokens=140))
    requests = [GenerationRequest(e.example.messages) for e in tiny.corpus()[:4]]
    assert generator.headers(requests) == [answer.markers for answer in generator.generate(requests)]


def test_sampling_repeats_with_its_seed_and_differs_with_another(learned):
    found, _ = learned
    requests = [GenerationRequest(e.example.messages) for e in tiny.corpus()[:6]]

    def sample(seed):
        config = GenerationConfig(max_new_tokens=30, temperature=3.0, seed=seed)
        return Generator(found, config).generate(requests)

    assert sample(1) == sample(1)
    assert sample(1) != sample(2)
