import itertools
import pickle

import numpy as np
import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from treasure.data.batches import GlobalBatchPlan, MicroBatchDataset, epoch_order
from treasure.data.cache import tokenize_dataset
from treasure.data.config import BatchConfig, Layout, OverflowPolicy
from treasure.data.layout import PADDING
from treasure.data.template import SegmentKind
from treasure.errors import ConfigError, DataError
from treasure.markers.config import MarkerMode
from treasure.markers.dropout import DropoutConfig

NEVER = DropoutConfig(dataset_dropout=0.0, sample_dropout=0.0)


@pytest.fixture(scope="module")
def checkpoint():
    return tiny.checkpoint(MarkerMode.TOKENS)


@pytest.fixture(scope="module", params=list(Layout), ids=str)
def make(request, checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")

    def made(global_size=8, micro_size=4, dropout=None, **options) -> MicroBatchDataset:
        known = {name: options.pop(name) for name in ("header_loss_weight", "pad_to_multiple") if name in options}
        config = BatchConfig(global_batch_size=global_size, micro_batch_size=micro_size, layout=request.param, **known)
        return tiny.batches(checkpoint, folder, config=config, dropout=dropout, **options)

    return made


def rows(batches) -> list[tuple[int, ...]]:
    """The ids of every example, row by row."""
    return [
        tuple(ids[segments == segment].tolist())
        for batch in batches
        for ids, segments in zip(batch.input_ids, batch.segments, strict=True)
        for segment in range(int(segments.max()) + 1)
    ]


def equal(one, other) -> bool:
    tensors, others = one.tensors(), other.tensors()
    rest = ("global_weight", "num_examples", "num_useful_tokens", "is_packed")
    return all(torch.equal(tensors[name], others[name]) for name in tensors) and all(
        getattr(one, name) == getattr(other, name) for name in rest
    )


@given(size=st.integers(1, 200), seed=st.integers(0, 5), epoch=st.integers(0, 5))
def test_an_epoch_is_a_permutation_of_its_own(size, seed, epoch):
    order = epoch_order(size, seed, epoch)
    assert sorted(order.tolist()) == list(range(size))
    epoch_order.cache_clear()
    assert np.array_equal(order, epoch_order(size, seed, epoch))
    with pytest.raises(ValueError, match="read-only"):
        order[0] = 0


def test_epochs_and_seeds_differ():
    orders = [tuple(epoch_order(50, seed, epoch)) for seed in range(3) for epoch in range(3)]
    assert len(set(orders)) == 9


@given(size=st.integers(1, 40), batch=st.integers(1, 50), steps=st.integers(1, 6))
def test_epochs_lie_end_to_end(size, batch, steps):
    plan = GlobalBatchPlan(size, batch, seed=3)
    drawn = list(itertools.chain.from_iterable(plan.examples(step) for step in range(steps)))
    assert len(drawn) == steps * batch
    assert len(set(drawn)) == len(drawn)
    for epoch, group in itertools.groupby(drawn, key=lambda pair: pair[0]):
        seen = [index for _, index, _ in group]
        assert seen == epoch_order(size, 3, epoch).tolist()[: len(seen)]


@pytest.mark.parametrize("dropout", [None, DropoutConfig()], ids=["baseline", "marked"])
def test_how_a_global_batch_is_cut_does_not_matter(make, dropout):
    whole = make(micro_size=8, dropout=dropout)[0]
    for micro_size in (1, 3, 4):
        dataset = make(micro_size=micro_size, dropout=dropout)
        cut = [dataset[i] for i in range(dataset._config.num_micro_batches)]
        assert sorted(rows(cut)) == sorted(rows([whole]))
        assert {batch.global_weight for batch in cut} == {whole.global_weight}
        assert sum(float(batch.loss_weights.sum()) for batch in cut) == pytest.approx(whole.global_weight)
        assert sum(batch.num_examples for batch in cut) == whole.num_examples == 8
        assert sum(batch.num_useful_tokens for batch in cut) == whole.num_useful_tokens


def test_items_do_not_depend_on_the_order_they_are_asked_for(make):
    ascending = make(dropout=DropoutConfig())
    batches = [ascending[i] for i in range(len(ascending))]
    other = make(dropout=DropoutConfig())
    for i in (5, 0, 7, 1, 5):
        assert equal(other[i], batches[i])


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_workers_make_no_difference(make):
    dataset = make(dropout=DropoutConfig())
    alone = list(DataLoader(dataset, batch_size=None, shuffle=False))
    shared = list(DataLoader(dataset, batch_size=None, shuffle=False, num_workers=2))
    assert len(alone) == len(shared) == len(dataset) == 8
    assert all(equal(a, b) for a, b in zip(alone, shared, strict=True))


def test_pickling_makes_no_difference(make):
    dataset = make(dropout=DropoutConfig())
    first = dataset[0]
    packed = pickle.dumps(dataset)
    assert len(packed) < 5000
    assert equal(pickle.loads(packed)[0], first)  # noqa: S301


def test_a_resumed_run_goes_on_where_it_stopped(checkpoint, make, tmp_path):
    whole = make(dropout=DropoutConfig())
    rest = MicroBatchDataset(
        tiny.tokenized(checkpoint, tmp_path),
        whole._config,
        num_steps=4,
        seed=0,
        pad_id=0,
        dropout=DropoutConfig(),
        first_step=3,
    )
    assert len(rest) == 2
    assert rows(rest[i] for i in range(2)) == rows(whole[i] for i in (6, 7))


def test_baseline_sees_the_same_examples_in_the_same_order(make):
    marked, baseline = make(dropout=DropoutConfig(), num_steps=12), make(dropout=None, num_steps=12)
    assert [marked.plan.examples(s) for s in range(12)] == [baseline.plan.examples(s) for s in range(12)]
    for step in range(12):
        stripped = []
        for batch in (marked[2 * step], marked[2 * step + 1]):
            headers = (batch.kinds == SegmentKind.PROMPT_HEADER) | (batch.kinds == SegmentKind.HEADER)
            for ids, segments, header in zip(batch.input_ids, batch.segments, headers, strict=True):
                for segment in range(int(segments.max()) + 1):
                    stripped.append(tuple(ids[(segments == segment) & ~header].tolist()))
        assert sorted(stripped) == sorted(rows([baseline[2 * step], baseline[2 * step + 1]]))


def test_baseline_has_no_header_and_a_marked_model_always_has_one(make):
    baseline, marked = make(dropout=None)[0], make(dropout=DropoutConfig(dataset_dropout=1.0))[0]
    assert not ((baseline.kinds == SegmentKind.HEADER) | (baseline.kinds == SegmentKind.PROMPT_HEADER)).any()
    for kinds, segments in zip(marked.kinds, marked.segments, strict=True):
        with_header = set(segments[kinds == SegmentKind.HEADER].tolist())
        assert with_header == set(range(int(segments.max()) + 1))
    assert not (marked.kinds == SegmentKind.PROMPT_HEADER).any()


def test_without_dropout_both_headers_are_the_same(make):
    batch = make(dropout=NEVER)[0]
    for ids, kinds in zip(batch.input_ids, batch.kinds, strict=True):
        assert sorted(ids[kinds == SegmentKind.PROMPT_HEADER].tolist()) == sorted(
            ids[kinds == SegmentKind.HEADER].tolist()
        )


def test_dropout_is_drawn_anew_each_epoch(make):
    dataset = make(global_size=40, micro_size=40, dropout=DropoutConfig(), num_steps=3)
    headers = [int((dataset[step].kinds == SegmentKind.PROMPT_HEADER).sum()) for step in range(3)]
    assert len(set(headers)) == 3
    assert len(set(map(frozenset, (rows([dataset[step]]) for step in range(3))))) == 3


@pytest.mark.parametrize("weight", [0.0, 0.25, 1.0])
def test_weights_follow_the_kind_of_token(make, weight):
    batch = make(dropout=DropoutConfig(), header_loss_weight=weight)[0]
    expected = {SegmentKind.HEADER: weight, SegmentKind.CONTENT: 1.0}
    for kind in SegmentKind:
        assert (batch.loss_weights[batch.kinds == kind] == expected.get(kind, 0.0)).all(), kind
    assert not batch.loss_weights[:, 0].any(), "the first token is predicted from nothing"


def test_padding_stands_on_the_right_and_weighs_nothing(make):
    dataset = make(dropout=DropoutConfig())
    for batch in (dataset[i] for i in range(len(dataset))):
        used = batch.segments != PADDING
        lengths = used.sum(dim=1)
        assert (used == (torch.arange(batch.input_ids.shape[1]) < lengths[:, None])).all()
        assert ((batch.kinds == SegmentKind.PAD) == ~used).all()
        assert not batch.loss_weights[~used].any()
        longest = -(-max(map(len, rows([batch]))) // 8) * 8
        width = batch.input_ids.shape[1]
        assert width >= longest if batch.is_packed else width == longest
        assert batch.num_useful_tokens == int(lengths.sum()) == sum(map(len, rows([batch])))


def test_positions_restart_with_each_example_and_predictions_stay_inside(make):
    dataset = make(dropout=DropoutConfig())
    for batch in (dataset[i] for i in range(len(dataset))):
        for positions, segments in zip(batch.positions, batch.segments, strict=True):
            for segment in range(int(segments.max()) + 1):
                found = positions[segments == segment]
                assert found.tolist() == list(range(len(found)))
        flat = batch.segments.flatten()
        assert (flat[batch.predicted] == flat[batch.predicted + 1]).all()
        assert set((batch.predicted + 1).tolist()) == set(batch.loss_weights.flatten().nonzero()[:, 0].tolist())


@pytest.mark.parametrize("multiple", [1, 7, 500])
def test_padding_never_goes_beyond_the_context(checkpoint, tmp_path, multiple):
    examples = tiny.corpus(8)
    context = max(example.length for example in checkpoint.encoder.encode(examples))
    dataset = tokenize_dataset(
        examples,
        checkpoint.encoder,
        taxonomy_hash="t",
        max_length=context,
        overflow=OverflowPolicy.STOP,
        cache=tmp_path,
    )
    config = BatchConfig(global_batch_size=8, micro_batch_size=8, pad_to_multiple=multiple, layout=Layout.PADDED)
    batch = MicroBatchDataset(dataset, config, num_steps=1, seed=0, pad_id=0, dropout=NEVER)[0]
    assert batch.input_ids.shape == (8, context)
    shorter = MicroBatchDataset(dataset, config, num_steps=1, seed=0, pad_id=0, dropout=None)[0]
    longest = int((shorter.segments != PADDING).sum(dim=1).max())
    assert longest < context
    assert shorter.input_ids.shape == (8, min(context, -(-longest // multiple) * multiple))


@pytest.mark.parametrize("num_processes", [1, 2, 4])
def test_processes_share_each_step_and_draw_the_same_dropout(checkpoint, make, tmp_path, num_processes):
    whole = make(micro_size=2, dropout=DropoutConfig())
    shares = [
        MicroBatchDataset(
            tiny.tokenized(checkpoint, tmp_path),
            whole._config,
            num_steps=4,
            seed=0,
            pad_id=0,
            dropout=DropoutConfig(),
            rank=rank,
            num_processes=num_processes,
        )
        for rank in range(num_processes)
    ]
    for step in range(4):
        together = [
            share[step * share.num_micro_batches + own] for share in shares for own in range(share.num_micro_batches)
        ]
        alone = [whole[4 * step + micro] for micro in range(4)]
        assert sorted(rows(together)) == sorted(rows(alone))
        assert {batch.global_weight for batch in together} == {alone[0].global_weight}
    assert {share.examples_key() for share in shares} == {whole.examples_key()}


def test_micro_batches_that_cannot_be_shared_are_refused(checkpoint, tmp_path):
    with pytest.raises(ConfigError, match="2 micro-batches a step cannot be shared by 3 processes"):
        MicroBatchDataset(
            tiny.tokenized(checkpoint, tmp_path),
            BatchConfig(global_batch_size=8, micro_batch_size=4),
            num_steps=1,
            seed=0,
            pad_id=0,
            dropout=None,
            num_processes=3,
        )


@pytest.mark.parametrize(("rank", "num_processes"), [(1, 1), (2, 2), (-1, 2)])
def test_a_process_that_is_none_of_them_is_our_mistake(checkpoint, tmp_path, rank, num_processes):
    with pytest.raises(AssertionError, match="batches of another"):
        MicroBatchDataset(
            tiny.tokenized(checkpoint, tmp_path),
            BatchConfig(),
            num_steps=1,
            seed=0,
            pad_id=0,
            dropout=None,
            rank=rank,
            num_processes=num_processes,
        )


def test_all_rows_come_from_all_examples(make):
    dataset = make(global_size=40, micro_size=7, dropout=None, num_steps=1)
    assert len(dataset) == 6
    assert len(set(rows(dataset[i] for i in range(6)))) == 40
    with pytest.raises(IndexError):
        dataset[6]


def test_a_batch_moves_as_a_whole(make):
    batch = make(dropout=None)[0]
    assert equal(batch.to("cpu"), batch)
    assert {tensor.device.type for tensor in batch.to("meta").tensors().values()} == {"meta"}


def test_nothing_to_train_on_is_an_error(checkpoint, tmp_path):
    dataset = tokenize_dataset(
        tiny.corpus(),
        checkpoint.encoder,
        taxonomy_hash="t",
        max_length=16,
        overflow=OverflowPolicy.DROP,
        cache=tmp_path,
    )
    with pytest.raises(DataError, match="40 left out"):
        MicroBatchDataset(dataset, BatchConfig(), num_steps=1, seed=0, pad_id=0, dropout=None)


@pytest.mark.parametrize(
    "options",
    [
        {"global_batch_size": 0},
        {"micro_batch_size": 0},
        {"pad_to_multiple": 0},
        {"header_loss_weight": -1.0},
        {"header_loss_weight": float("nan")},
    ],
    ids=str,
)
def test_options_are_checked(options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        BatchConfig(**options)
