import pytest
import tiny
import torch

from treasure.data.batches import BatchConfig
from treasure.data.template import SegmentKind
from treasure.markers.config import MarkerMode
from treasure.markers.dropout import DropoutConfig
from treasure.model.loss import token_losses

WHOLE = DropoutConfig(dataset_dropout=0.0, sample_dropout=0.0)


@pytest.mark.parametrize("mode", list(MarkerMode), ids=lambda mode: mode.value)
def test_the_loss_is_hugging_faces_own_on_the_same_ids(mode, tmp_path):
    found = tiny.checkpoint(mode)
    batch = tiny.batches(found, tmp_path, dropout=None if mode is MarkerMode.NONE else WHOLE)[0]
    labels = batch.input_ids.masked_fill(batch.loss_weights == 0, -100)
    theirs = found.model(input_ids=batch.input_ids, attention_mask=batch.attention_mask, labels=labels).loss
    ours = token_losses(found.model, batch)
    torch.testing.assert_close(ours.losses.mean(), theirs, rtol=1e-5, atol=1e-6)


def test_micro_batches_add_up_to_the_global_batch(tmp_path):
    found = tiny.checkpoint(MarkerMode.TOKENS)
    gradients = []
    for micro in (1, 3, 8):
        config = BatchConfig(global_batch_size=8, micro_batch_size=micro, header_loss_weight=0.5)
        dataset = tiny.batches(found, tmp_path, config=config, num_steps=1, dropout=DropoutConfig())
        found.model.zero_grad()
        for index in range(len(dataset)):
            batch = dataset[index]
            (token_losses(found.model, batch).weighted_sum() / batch.global_weight).backward()
        gradients.append(torch.cat([p.grad.flatten().clone() for p in found.model.parameters() if p.grad is not None]))
    torch.testing.assert_close(gradients[0], gradients[2], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(gradients[1], gradients[2], rtol=1e-4, atol=1e-6)


def test_padding_and_neighbours_change_nothing(tmp_path):
    """A row alone, without padding, has the losses it has in a batch."""
    found = tiny.checkpoint(MarkerMode.TOKENS)
    batch = tiny.batches(found, tmp_path, dropout=WHOLE)[1]
    together = token_losses(found.model, batch)
    apart = []
    for row in range(batch.num_examples):
        width = int(batch.attention_mask[row].sum())
        ids, weights = batch.input_ids[row : row + 1, :width], batch.loss_weights[row, :width]
        logits = found.model(input_ids=ids).logits[0, :-1]
        losses = torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="none")
        apart.append(losses[weights[1:] > 0])
    torch.testing.assert_close(together.losses, torch.cat(apart), rtol=1e-4, atol=1e-5)


def test_kinds_tell_header_and_content_apart(tmp_path):
    found = tiny.checkpoint(MarkerMode.TOKENS)
    losses = token_losses(found.model, tiny.batches(found, tmp_path, dropout=WHOLE)[0])
    assert set(losses.kinds.tolist()) == {SegmentKind.HEADER, SegmentKind.CONTENT}
    (header, num_header), (content, num_content) = map(losses.of_kind, (SegmentKind.HEADER, SegmentKind.CONTENT))
    assert num_header + num_content == len(losses.losses)
    torch.testing.assert_close(header + content, losses.losses.sum())


def test_everything_dropped_and_no_header_weight_is_nearly_baseline(tmp_path):
    """Without any header on either side a marked model's batches are Baseline's, token for token."""
    marked, baseline = tiny.checkpoint(MarkerMode.TOKENS), tiny.checkpoint(MarkerMode.NONE)
    ours, theirs = tiny.batches(marked, tmp_path, dropout=None), tiny.batches(baseline, tmp_path, dropout=None)
    for index in range(len(ours)):
        assert torch.equal(ours[index].input_ids, theirs[index].input_ids)
        assert torch.equal(ours[index].loss_weights, theirs[index].loss_weights)
