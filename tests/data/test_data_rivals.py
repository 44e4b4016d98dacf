"""Rivals share one loader: placements, schedules and upsampling change what they name and nothing else."""

from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedModel

from treasure.data.batches import MicroBatchDataset
from treasure.data.config import BatchConfig, Layout
from treasure.data.mixture import copies, with_tail_upsampled
from treasure.data.slots import BRACKET, CONTENT_HEAD, CONTENT_TAIL, category_slot
from treasure.data.template import SegmentKind
from treasure.markers.config import MarkerMode
from treasure.markers.dropout import DropoutConfig, DropoutSchedule
from treasure.markers.header_style import HeaderStyle, MarkerOrder, Placement
from treasure.model.loss import token_losses

NEVER = DropoutConfig(dataset_dropout=0.0, sample_dropout=0.0)
ALWAYS = DropoutConfig(dataset_dropout=1.0)
PADDED = BatchConfig(global_batch_size=8, micro_batch_size=8, layout=Layout.PADDED)
PLAN = BatchConfig(global_batch_size=20, micro_batch_size=20)


def has(batch, kind: SegmentKind) -> bool:
    return bool((batch.kinds == kind).any())


@pytest.mark.parametrize("placement", list(Placement), ids=str)
def test_headers_stand_where_the_placement_says(placement, tmp_path):
    found = tiny.checkpoint(MarkerMode.TOKENS, style=HeaderStyle(placement))
    batch = tiny.batches(found, tmp_path, dropout=NEVER)[0]
    assert has(batch, SegmentKind.PROMPT_HEADER) == (placement is not Placement.COMPLETION)
    assert has(batch, SegmentKind.HEADER) == (placement is not Placement.PROMPT)


@pytest.mark.parametrize("mode", [MarkerMode.TEXT, MarkerMode.TOKENS, MarkerMode.WORDS], ids=str)
def test_everything_dropped_is_baseline(mode, tmp_path):
    """A marked model that never meets a header learns what Baseline learns: same losses, same gradients.

    Marker tokens have rows, and so a share of each prediction, though they are never written. Baseline gets these rows
    and no others of the marked model.
    """
    marked = tiny.checkpoint(mode, style=HeaderStyle(Placement.PROMPT))
    baseline = tiny.checkpoint(MarkerMode.NONE)
    give_rows(baseline.model, marked.model)
    ours, theirs = (
        learned(marked.model, tiny.batches(marked, tmp_path / "m", dropout=ALWAYS)),
        learned(baseline.model, tiny.batches(baseline, tmp_path / "b")),
    )
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)


def give_rows(model: PreTrainedModel, other: PreTrainedModel) -> None:
    """Appends the rows that `other` has more in its (tied) embedding."""
    had, wanted = (m.get_input_embeddings().weight.shape[0] for m in (model, other))
    model.resize_token_embeddings(wanted, mean_resizing=False)
    with torch.no_grad():
        model.get_input_embeddings().weight[had:] = other.get_input_embeddings().weight[had:]


def learned(model: PreTrainedModel, dataset: MicroBatchDataset) -> dict[str, torch.Tensor]:
    """Losses of content tokens in their order, and the gradients of all micro-batches added up."""
    losses = []
    for batch in (dataset[index] for index in range(len(dataset))):
        found = token_losses(model, batch)
        losses.append(found.losses[found.kinds == SegmentKind.CONTENT].detach())
        (found.weighted_sum / batch.global_weight).backward()
    slopes = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert len(slopes) == len(list(model.parameters()))
    return {"losses": torch.cat(losses), **slopes}


def test_a_cooldown_has_no_prompt_header_from_its_step_on(tmp_path):
    found = tiny.checkpoint(MarkerMode.TOKENS, style=HeaderStyle(Placement.PROMPT))
    dropout = replace(NEVER, schedule=DropoutSchedule.COOLDOWN, cooldown_start=0.75, end_dataset_dropout=1.0)
    config = BatchConfig(global_batch_size=4, micro_batch_size=4)
    dataset = tiny.batches(found, tmp_path, config=config, dropout=dropout, num_steps=8)
    assert [has(dataset[step], SegmentKind.PROMPT_HEADER) for step in range(8)] == [True] * 6 + [False] * 2
    rest = tiny.batches(found, tmp_path, config=config, dropout=dropout, num_steps=8, first_step=5)
    assert [has(rest[step], SegmentKind.PROMPT_HEADER) for step in range(3)] == [True, False, False]


def test_a_shuffle_changes_the_order_of_ids_alone(tmp_path):
    canonical, shuffled = (
        tiny.batches(
            tiny.checkpoint(MarkerMode.TEXT, style=HeaderStyle(order=order)), tmp_path, config=PADDED, dropout=NEVER
        )[0]
        for order in MarkerOrder
    )
    assert torch.equal(canonical.kinds, shuffled.kinds)
    assert torch.equal(canonical.input_ids.sort(dim=1).values, shuffled.input_ids.sort(dim=1).values)
    assert not torch.equal(canonical.input_ids, shuffled.input_ids)


@pytest.mark.parametrize("layout", list(Layout), ids=str)
def test_slots_name_the_category_and_what_the_prompt_gave_away(layout, tmp_path):
    """Decoded token by token: a header token is counted under its own category, given or not."""
    found = tiny.checkpoint(MarkerMode.TOKENS, style=HeaderStyle(order=MarkerOrder.SHUFFLED))
    config = replace(PADDED, layout=layout)
    dropout = DropoutConfig(dataset_dropout=0.3, sample_dropout=0.5)
    is_tail = np.arange(40) % 4 == 0
    dataset = tiny.batches(found, tmp_path, config=config, dropout=dropout, is_tail=is_tail, num_steps=3)
    seen = set()
    for batch in (dataset[i] for i in range(len(dataset))):
        after = batch.predicted + 1
        ids, kinds = batch.input_ids.flatten(), batch.kinds.flatten()
        rows = torch.arange(len(ids)) // batch.input_ids.shape[1] * 1000 + batch.segments.flatten()
        for place, slot in zip(after.tolist(), batch.slots.tolist(), strict=True):
            seen.add(slot)
            if kinds[place] == SegmentKind.CONTENT:
                assert slot in (CONTENT_HEAD, CONTENT_TAIL)
                continue
            token = found.tokenizer.decode([int(ids[place])])
            if token in ("<|markers|>", "<|/markers|>"):
                assert slot == BRACKET
                continue
            if not token.startswith("<|"):
                token = "<|length_tokens|>"  # its digits
            name = token.strip("<|>").split("=")[0]
            given = (rows == rows[place]) & (kinds == SegmentKind.PROMPT_HEADER)
            opening = found.tokenizer.convert_tokens_to_ids(token)
            in_prompt = bool((ids[given] == opening).any())
            assert slot == category_slot(dataset.categories.index(name), in_prompt=in_prompt), token
    assert {CONTENT_HEAD, CONTENT_TAIL, BRACKET} < seen and len(seen) == 3 + 6


@given(tail=st.lists(st.booleans(), min_size=1, max_size=40), factor=st.floats(1, 5), seed=st.integers(0, 9))
def test_upsampling_repeats_the_tail_and_keeps_the_rest(tail, factor, seed):
    is_tail = np.array(tail)
    found = np.bincount(with_tail_upsampled(is_tail, factor, seed), minlength=len(tail))
    assert (found[~is_tail] == 1).all()
    assert set(found[is_tail]) <= {int(factor), int(factor) + 1}
    assert abs(found[is_tail].sum() - factor * is_tail.sum()) <= 0.5 + 1e-9


def test_upsampling_changes_how_often_examples_are_drawn_and_no_number_of_steps(tmp_path):
    found, is_tail = tiny.checkpoint(MarkerMode.NONE), np.arange(40) % 4 == 0
    plain, more, again = (
        tiny.batches(found, tmp_path, config=PLAN, num_steps=30, is_tail=is_tail, tail_upsampling=factor)
        for factor in (1.0, 3.0, 3.0)
    )
    drawn = [index for step in range(30) for _, index, _ in more.plan.examples(step)]
    assert len(more) == len(plain) and len(drawn) == 600
    assert is_tail[drawn].mean() == pytest.approx(30 / 60, abs=1e-9), "10 of 40 examples, three times as often"
    assert set(drawn) == set(range(40))
    assert more.examples_key() == again.examples_key() != plain.examples_key()
    assert [more.plan.examples(s) for s in range(30)] == [again.plan.examples(s) for s in range(30)]


def test_each_copy_of_an_example_draws_its_own_dropout(tmp_path):
    """Of each tail example eight copies in one epoch: with two or more markers each they do not all lose the same."""
    found, is_tail = tiny.checkpoint(MarkerMode.TOKENS), np.arange(40) % 4 == 0
    one_epoch = BatchConfig(global_batch_size=110, micro_batch_size=110)
    dropout = DropoutConfig(dataset_dropout=0.0, sample_dropout=0.5)
    dataset = tiny.batches(
        found, tmp_path, config=one_epoch, num_steps=1, is_tail=is_tail, tail_upsampling=8.0, dropout=dropout
    )
    prompts: dict[int, set[bytes]] = {}
    for epoch, index, place in dataset.plan.examples(0):
        row = dataset._row(epoch, index, place, dropout)
        prompts.setdefault(index, set()).add(row.ids[row.kinds == SegmentKind.PROMPT_HEADER].tobytes())
    assert all(len(prompts[index]) > 1 for index in np.flatnonzero(is_tail))
    assert all(len(prompts[index]) == 1 for index in np.flatnonzero(~is_tail))


@given(counts=st.lists(st.integers(1, 4), max_size=20))
def test_copies_are_numbered_where_they_stand_side_by_side(counts):
    names = np.array([name for name, count in enumerate(counts) for _ in range(count)], dtype="S3")
    assert copies(names).tolist() == [number for count in counts for number in range(count)]


def test_mean_tokens_are_those_of_the_steps(tmp_path):
    found = tiny.checkpoint(MarkerMode.TOKENS)
    dataset: MicroBatchDataset = tiny.batches(found, tmp_path, dropout=DropoutConfig(), num_steps=6)
    total = sum(dataset[index].num_useful_tokens for index in range(len(dataset)))
    assert dataset.mean_tokens() == pytest.approx(total / 6)
    assert dataset.mean_tokens(2) == pytest.approx(total / 6, rel=0.2)
