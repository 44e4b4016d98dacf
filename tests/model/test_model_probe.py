"""Models are asked how they make their logits and whether packed examples stay apart; their names tell nothing."""

from contextlib import suppress

import architectures
import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from treasure.data.config import Layout
from treasure.data.layout import Batch, Composed, lay_out
from treasure.data.template import SegmentKind
from treasure.errors import ConfigError
from treasure.model.attention import check_causal, check_packing, check_positions
from treasure.model.causal_lm import context_length
from treasure.model.loss import token_losses
from treasure.model.probe import has_bare_head

EVERY = sorted(architectures.BARE | architectures.SHAPED)


def batch_of(lengths: list[int], layout: Layout = Layout.PADDED) -> Batch:
    """Random ids whose first two tokens are a prompt."""
    random = np.random.default_rng(0)
    kinds = [np.array([SegmentKind.PROMPT] * 2 + [SegmentKind.CONTENT] * (length - 2)) for length in lengths]
    sequences = [
        Composed(
            random.integers(5, 60, len(kind)).astype(np.int32), kind.astype(np.uint8), np.zeros(len(kind), np.int16)
        )
        for kind in kinds
    ]
    weights = np.zeros(len(SegmentKind), np.float32)
    weights[SegmentKind.CONTENT] = 1
    return lay_out(sequences, layout, weights, pad_id=0, multiple=8, max_length=64, global_weight=1.0)


def own_loss(model: PreTrainedModel, batch: Batch) -> torch.Tensor:
    labels = batch.input_ids.masked_fill(batch.loss_weights == 0, -100)
    return model(input_ids=batch.input_ids, labels=labels, use_cache=False).loss


@pytest.mark.parametrize("name", EVERY)
def test_every_architecture_learns_its_own_loss(name):
    """Loss to 1e-5 and gradients to 1e-4 of Hugging Face's."""
    model, batch = architectures.build(name), batch_of([16, 16])
    expected = own_loss(model, batch)
    expected.backward()
    slopes = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    found = token_losses(model, batch)
    (found.weighted_sum / len(found.losses)).backward()
    torch.testing.assert_close(found.losses.mean(), expected, rtol=1e-5, atol=1e-6)
    for name, parameter in model.named_parameters():
        if name in slopes:
            torch.testing.assert_close(parameter.grad, slopes[name], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", EVERY)
def test_the_head_is_bare_where_nothing_else_makes_logits(name):
    """Also for logits as small as those of an untrained model, which a squash hardly moves."""
    model = architectures.build(name)
    ids = batch_of([16]).input_ids
    assert has_bare_head(model, ids) == (name in architectures.BARE)
    model.get_output_embeddings().weight.data.mul_(1e-4)
    assert has_bare_head(model, ids) == (name in architectures.BARE)


@pytest.mark.parametrize("name", EVERY)
def test_a_model_that_writes_does_not_see_what_it_predicts(name):
    check_causal(architectures.build(name))


@pytest.mark.parametrize("name", ["bert", "roberta"])
def test_an_encoder_is_refused(name):
    with pytest.raises(ConfigError, match="sees the tokens that it is to predict"):
        check_causal(architectures.build(name, is_decoder=False))


@pytest.mark.parametrize("name", EVERY)
def test_a_model_learns_at_the_positions_where_it_is_asked(name):
    """RoBERTa counts from 2, and generation from 0: refused, since its answers would not be what it learned."""
    model = architectures.build(name)
    if name != "roberta":
        check_positions(model)
        return
    with pytest.raises(ConfigError, match="RobertaForCausalLM counts positions otherwise than from 0"):
        check_positions(model)


@pytest.mark.parametrize("name", EVERY)
def test_asking_leaves_no_trace(name):
    """Modes, hooks, gradients and the random stream are as before."""
    model = architectures.build(name).train()
    next(model.base_model.children()).eval()
    modes, state = [module.training for module in model.modules()], torch.get_rng_state()
    has_bare_head(model, batch_of([16]).input_ids)
    check_causal(model)
    with suppress(ConfigError):
        check_positions(model)
    with suppress(ConfigError):
        check_packing(model, 16)
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(module._forward_hooks for module in (model.get_input_embeddings(), model.get_output_embeddings()))
    assert all(parameter.grad is None for parameter in model.parameters())


def test_asking_compiles_nothing():
    model, compiled = architectures.build("llama").train(), []
    forward = model.base_model.forward
    model.base_model.forward = torch.compile(forward, backend=lambda graph, _: compiled.append(graph) or graph.forward)
    assert has_bare_head(model, batch_of([16]).input_ids)
    assert not compiled


def test_gradient_checkpointing_and_a_wrapped_model_change_no_answer():
    model = architectures.build("modernbert_decoder").train()
    model.gradient_checkpointing_enable({"use_reentrant": False})
    assert not has_bare_head(model, batch_of([16]).input_ids)
    model = architectures.build("llama").train()
    model.gradient_checkpointing_enable({"use_reentrant": False})
    assert has_bare_head(model, batch_of([16]).input_ids)
    model.lm_head = torch.nn.Sequential(model.lm_head, torch.nn.Tanh())
    assert has_bare_head(model, batch_of([16]).input_ids), "the output layer may itself be of any kind"


WINDOWED = ["gemma2", "gemma3_with_images", "gemma3n", "gemma4_with_images", "llama4", "llama4_with_images", "mistral"]
TOGETHER = [*WINDOWED, "bert", "cohere", "gpt2", "gptj", "granite", "llama", "modernbert_decoder"]


@pytest.mark.parametrize("name", TOGETHER)
def test_models_that_may_pack_learn_what_they_learn_from_padded_rows(name):
    model = architectures.build(name)
    check_packing(model, architectures.WINDOW)
    lengths = [16, 16, 12, 12]
    packed, padded = (token_losses(model, batch_of(lengths, layout)).losses.sort().values for layout in Layout)
    torch.testing.assert_close(packed, padded, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "reason"), [("lfm2", "look from one example"), ("roberta", "other logits than alone")]
)
@pytest.mark.parametrize("loudness", [1.0, 1e-2])
def test_models_that_mix_packed_examples_are_refused(name, reason, loudness):
    """However little they do: the convolutions of a small untrained model move logits by 1e-5."""
    model = architectures.build(name)
    model.get_output_embeddings().weight.data.mul_(loudness)
    with pytest.raises(ConfigError, match=rf"{reason}.*layout=padded") as error:
        check_packing(model, architectures.WINDOW)
    assert type(model).__name__ in str(error.value)


@pytest.mark.parametrize("name", ["recurrent_gemma", "xlstm"])
def test_recurrent_models_are_refused(name):
    with pytest.raises(ConfigError, match=r"takes no positions from outside.*layout=padded"):
        check_packing(architectures.build(name), architectures.WINDOW)


@pytest.mark.parametrize("name", WINDOWED)
def test_a_window_or_chunk_shorter_than_examples_is_found_wherever_it_is_set(name):
    with pytest.raises(ConfigError, match=rf"looks back only {architectures.WINDOW} tokens.*layout=padded"):
        check_packing(architectures.build(name), architectures.WINDOW + 1)


@pytest.mark.parametrize(("name", "length"), [("gpt2", 128), ("gemma3_with_images", 131072), ("llama", 2048)])
def test_the_context_is_known_under_any_name(name, length):
    assert context_length(architectures.build(name)) == length
    assert context_length(architectures.build("xlstm")) is None
