import pytest
import tiny
import torch
from transformers import GPT2Config, GPT2LMHeadModel, MistralConfig, MistralForCausalLM, PreTrainedModel

import treasure.model.linear_cross_entropy as linear_module
import treasure.model.loss as loss_module
from treasure.data.batches import MicroBatchDataset
from treasure.data.config import BatchConfig, Layout
from treasure.data.layout import PADDING
from treasure.data.template import SegmentKind
from treasure.errors import ConfigError
from treasure.markers.config import MarkerMode
from treasure.markers.dropout import DropoutConfig
from treasure.model.attention import check_packing
from treasure.model.loss import token_losses

WHOLE = DropoutConfig(dataset_dropout=0.0, sample_dropout=0.0)


def config(micro: int = 8, layout: Layout = Layout.PACKED, weight: float = 0.5) -> BatchConfig:
    """Rows of 320 tokens, into which several examples fit."""
    return BatchConfig(
        global_batch_size=8, micro_batch_size=micro, header_loss_weight=weight, layout=layout, pad_to_multiple=320
    )


def gradient(model: PreTrainedModel, dataset: MicroBatchDataset) -> torch.Tensor:
    model.zero_grad()
    for index in range(len(dataset)):
        batch = dataset[index]
        (token_losses(model, batch).weighted_sum / batch.global_weight).backward()
    return torch.cat([p.grad.flatten().clone() for p in model.parameters() if p.grad is not None])


def sorted_losses(model: PreTrainedModel, dataset: MicroBatchDataset) -> torch.Tensor:
    return torch.cat([token_losses(model, dataset[i]).losses for i in range(len(dataset))]).detach().sort().values


@pytest.mark.parametrize("mode", list(MarkerMode), ids=lambda mode: mode.value)
def test_the_loss_is_hugging_faces_own_on_the_same_ids(mode, tmp_path):
    found = tiny.checkpoint(mode)
    dropout = None if mode is MarkerMode.NONE else WHOLE
    batch = tiny.batches(found, tmp_path, config=config(layout=Layout.PADDED, weight=1.0), dropout=dropout)[0]
    labels = batch.input_ids.masked_fill(batch.loss_weights == 0, -100)
    mask = (batch.segments != PADDING).long()
    theirs = found.model(input_ids=batch.input_ids, attention_mask=mask, labels=labels).loss
    ours = token_losses(found.model, batch)
    torch.testing.assert_close(ours.losses.mean(), theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("mode", list(MarkerMode), ids=lambda mode: mode.value)
def test_packed_rows_learn_what_padded_ones_learn(mode, attention, tmp_path):
    """Losses to 1e-5 and gradients to 1e-6 in float32: examples in a row do not see each other."""
    found = tiny.checkpoint(mode)
    found.model.set_attn_implementation(attention)
    rate = 1.0 if mode is MarkerMode.TEXT else 0.5  # two headers of text leave no room for a second example
    dropout = None if mode is MarkerMode.NONE else DropoutConfig(dataset_dropout=rate)
    packed, padded = (
        tiny.batches(found, tmp_path, config=config(layout=layout), dropout=dropout, num_steps=2)
        for layout in (Layout.PACKED, Layout.PADDED)
    )
    assert len(packed[0].input_ids) < len(padded[0].input_ids) == 8, "nothing was packed"
    torch.testing.assert_close(
        sorted_losses(found.model, packed), sorted_losses(found.model, padded), rtol=1e-5, atol=1e-5
    )
    torch.testing.assert_close(gradient(found.model, packed), gradient(found.model, padded), rtol=1e-4, atol=1e-6)


class OtherHead(torch.nn.Linear):
    """An output layer that is not just a matrix, as adapters put there: it has to run its own forward."""


@pytest.mark.parametrize("head", [torch.nn.Linear, OtherHead])
def test_logits_in_chunks_teach_the_same(head, tmp_path, monkeypatch):
    """Losses to 1e-6 and gradients to 1e-6, with no more logits at a time than were allowed."""
    found = tiny.checkpoint(MarkerMode.TOKENS)
    found.model.lm_head.__class__ = head
    dataset = tiny.batches(found, tmp_path, config=config(), dropout=WHOLE)
    whole, slope = sorted_losses(found.model, dataset), gradient(found.model, dataset)
    vocab_size, sizes = found.model.config.vocab_size, []
    monkeypatch.setitem(loss_module.LOGITS_AT_ONCE, "cpu", 7 * vocab_size)
    for module in (loss_module, linear_module):
        score = module._score
        monkeypatch.setattr(
            module, "_score", lambda logits, *rest, s=score: sizes.append(len(logits)) or s(logits, *rest)
        )
    chunked, chunked_slope = sorted_losses(found.model, dataset), gradient(found.model, dataset)
    assert max(sizes) == 7
    torch.testing.assert_close(chunked, whole, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(chunked_slope, slope, rtol=1e-5, atol=1e-6)


def test_small_weights_keep_their_gradients_under_a_float16_loss_scale(tmp_path):
    """Before the loss is scaled up, shares of 32,000 tokens times a weight of 1e-3 are below float16's smallest."""
    found = tiny.checkpoint(MarkerMode.NONE)
    found.model.resize_token_embeddings(32_000)
    batch = tiny.batches(found, tmp_path, config=config())[0]
    batch.loss_weights.mul_(1e-3)
    token_losses(found.model, batch).weighted_sum.backward()
    exact = [parameter.grad.clone() for parameter in found.model.parameters()]
    found.model.zero_grad()
    with torch.autocast("cpu", dtype=torch.float16):
        scaled = token_losses(found.model, batch).weighted_sum * 2**16
    scaled.backward()
    for (name, parameter), slope in zip(found.model.named_parameters(), exact, strict=True):
        assert (parameter.grad / 2**16 - slope).norm() < 0.01 * slope.norm(), name
        assert ((parameter.grad == 0) & (slope != 0)).float().mean() < 0.001, name


def test_without_the_mask_packed_rows_would_differ(tmp_path):
    """The test above can fail: one segment instead of many changes the losses."""
    found = tiny.checkpoint(MarkerMode.TOKENS)
    batch = tiny.batches(found, tmp_path, config=config(), dropout=WHOLE)[0]
    before = token_losses(found.model, batch).losses.detach()
    batch.segments.zero_()
    assert (token_losses(found.model, batch).losses.detach() - before).abs().max() > 1e-4


@pytest.mark.parametrize("layout", list(Layout), ids=str)
def test_micro_batches_add_up_to_the_global_batch(layout, tmp_path):
    found = tiny.checkpoint(MarkerMode.TOKENS)
    whole, *cut = (
        gradient(
            found.model,
            tiny.batches(found, tmp_path, config=config(micro, layout), num_steps=1, dropout=DropoutConfig()),
        )
        for micro in (8, 3, 1)
    )
    for other in cut:
        torch.testing.assert_close(other, whole, rtol=1e-4, atol=1e-6)


def test_padding_and_neighbours_change_nothing(tmp_path):
    """An example alone, without padding, has the losses it has in a packed batch."""
    found = tiny.checkpoint(MarkerMode.TOKENS)
    batch = tiny.batches(found, tmp_path, config=config(), dropout=WHOLE)[1]
    apart = []
    for row, segments in enumerate(batch.segments):
        for segment in range(int(segments.max()) + 1):
            own = segments == segment
            ids, weights = batch.input_ids[row, own][None], batch.loss_weights[row, own]
            logits = found.model(input_ids=ids).logits[0, :-1]
            losses = torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="none")
            apart.append(losses[weights[1:] > 0])
    torch.testing.assert_close(token_losses(found.model, batch).losses, torch.cat(apart), rtol=1e-4, atol=1e-5)


def test_kinds_tell_header_and_content_apart(tmp_path):
    found = tiny.checkpoint(MarkerMode.TOKENS)
    losses = token_losses(found.model, tiny.batches(found, tmp_path, dropout=WHOLE)[0])
    assert set(losses.kinds.tolist()) == {SegmentKind.HEADER, SegmentKind.CONTENT}
    (header, num_header), (content, num_content) = map(losses.of_kind, (SegmentKind.HEADER, SegmentKind.CONTENT))
    assert num_header + num_content == len(losses.losses)
    torch.testing.assert_close(header + content, losses.losses.sum())


def test_correct_is_where_the_target_is_the_likeliest(tmp_path):
    found = tiny.checkpoint(MarkerMode.TOKENS)
    batch = tiny.batches(found, tmp_path, config=config(layout=Layout.PADDED), dropout=WHOLE)[0]
    logits = found.model(input_ids=batch.input_ids).logits.flatten(0, 1)[batch.predicted]
    expected = logits.argmax(dim=-1) == batch.input_ids.flatten()[batch.predicted + 1]
    assert torch.equal(token_losses(found.model, batch).correct, expected)


def test_other_architectures_keep_packed_examples_apart(tmp_path):
    found = tiny.checkpoint(MarkerMode.NONE)
    shape = {"vocab_size": len(found.tokenizer), "n_positions": 320, "n_embd": 16, "n_layer": 2, "n_head": 2}
    gpt2 = GPT2LMHeadModel(GPT2Config(**shape, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0))
    check_packing(gpt2, 320)
    packed, padded = (tiny.batches(found, tmp_path, config=config(layout=layout)) for layout in Layout)
    torch.testing.assert_close(sorted_losses(gpt2, packed), sorted_losses(gpt2, padded), rtol=1e-5, atol=1e-5)


def test_a_model_that_looks_back_too_little_is_refused():
    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = MistralForCausalLM(MistralConfig(**shape, num_key_value_heads=2, vocab_size=32, sliding_window=32))
    check_packing(model, 32)
    with pytest.raises(ConfigError, match=r"looks back only 32 tokens.*layout=padded"):
        check_packing(model, 33)
    model.config._attn_implementation = "flash_attention_2"
    with pytest.raises(ConfigError, match="only eager and sdpa"):
        check_packing(model, 32)
