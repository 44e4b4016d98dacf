"""What is logged, by a case worked out by hand and against losses picked token by token."""

import pytest
import tiny
import torch

from treasure.data.slots import BRACKET, CONTENT_HEAD, CONTENT_TAIL, category_slot, num_slots
from treasure.data.template import SegmentKind
from treasure.markers.config import MarkerMode
from treasure.markers.dropout import DropoutConfig
from treasure.model.loss import token_losses
from treasure.model.metrics import step_metrics


def test_a_case_by_hand():
    by_slot = [[0.0, 0.0, 0.0] for _ in range(num_slots(3))]
    by_slot[CONTENT_HEAD], by_slot[CONTENT_TAIL], by_slot[BRACKET] = [6.0, 4.0, 2.0], [6.0, 2.0, 0.0], [1.0, 2.0, 2.0]
    by_slot[category_slot(0, in_prompt=True)] = [2.0, 4.0, 3.0]
    by_slot[category_slot(0, in_prompt=False)] = [6.0, 4.0, 1.0]
    by_slot[category_slot(1, in_prompt=False)] = [3.0, 2.0, 1.0]
    found = step_metrics(by_slot, ("lang", "domain", "style"))
    assert found == pytest.approx(
        {
            "content_loss": 2.0, "content_loss/head": 1.5, "content_loss/tail": 3.0, "header_loss": 1.0,
            "header_loss/lang": 1.0, "header_loss/domain": 1.5, "token_accuracy": 0.5, "copy_rate": 0.75,
            "infer_rate": 2 / 6,
        }
    )  # fmt: skip


def test_what_has_no_token_is_left_out():
    assert step_metrics([[0.0, 0.0, 0.0]] * num_slots(0), ()) == {}
    by_slot = [[2.0, 1.0, 1.0], *[[0.0, 0.0, 0.0]] * (num_slots(2) - 1)]
    found = step_metrics(by_slot, ("a", "b"))
    assert found == {"content_loss": 2.0, "content_loss/head": 2.0, "token_accuracy": 1.0}


def test_sums_by_slot_are_those_of_their_tokens_and_of_the_kinds(tmp_path):
    found = tiny.checkpoint(MarkerMode.TOKENS)
    dataset = tiny.batches(found, tmp_path, dropout=DropoutConfig(dataset_dropout=0.3))
    losses = token_losses(found.model, dataset[0])
    by_slot = losses.by_slot(num_slots(len(dataset.categories)))
    for slot, (total, count, right) in enumerate(by_slot.tolist()):
        chosen = losses.slots == slot
        assert total == pytest.approx(float(losses.losses.detach()[chosen].sum()), rel=1e-5)
        assert (count, right) == (int(chosen.sum()), int(losses.correct[chosen].sum()))
    header, num_header = losses.of_kind(SegmentKind.HEADER)
    torch.testing.assert_close(by_slot[BRACKET:].sum(dim=0)[:2], torch.stack([header, num_header.float()]))
    assert not by_slot.requires_grad
