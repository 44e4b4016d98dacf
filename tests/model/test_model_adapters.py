"""What is frozen stays frozen to the bit, what is trained moves, and what is saved answers like what was trained."""

import builtins
import math
from dataclasses import replace

import pytest
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import PeftModel
from peft.tuners.trainable_tokens.layer import TrainableTokensLayer
from transformers import AutoModelForCausalLM, AutoTokenizer, GPTJConfig, GPTJForCausalLM, PhiConfig, PhiForCausalLM

import treasure.model.loss as loss_module
from treasure.data.config import BatchConfig, Layout
from treasure.errors import ConfigError, MissingExtraError
from treasure.markers.config import MarkerMode
from treasure.markers.dropout import DropoutConfig
from treasure.model.adapters import adapt, merged_copy
from treasure.model.checkpoint import Checkpoint, adapt_checkpoint, load_checkpoint, save_checkpoint
from treasure.model.config import LoraConfig, ModelConfig, OptimizerConfig, SchedulerConfig, Trainable
from treasure.model.loss import token_losses
from treasure.model.optimizer import make_optimizer
from treasure.training.config import CallbacksConfig, TrainerConfig
from treasure.training.fit import fit

BOTH = (Trainable.LORA, Trainable.MARKERS)
TIED = pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
ADAPTED = pytest.mark.parametrize("trainable", BOTH, ids=lambda trainable: trainable.value)
TOLERANCE = {"rtol": 1e-4, "atol": 1e-5}
"""Adding an update into float32 weights rounds otherwise than adding it to their outputs."""


def options(trainable: Trainable, **lora: object) -> ModelConfig:
    return ModelConfig(path="a-base", trainable=trainable, lora=LoraConfig(**{"rank": 4, "alpha": 8, **lora}))


def untied(found: Checkpoint) -> Checkpoint:
    """The same with an output layer of its own, whose weights differ from the embedding's."""
    found.model.config.tie_word_embeddings = False
    head = found.model.get_output_embeddings()
    head.weight = torch.nn.Parameter(head.weight.detach().flip(1).contiguous())
    return found


def adapted(
    trainable: Trainable, *, tied: bool = True, mode: MarkerMode = MarkerMode.TOKENS, seed: int = 0, **lora: object
) -> Checkpoint:
    found = tiny.checkpoint(mode)
    return adapt_checkpoint(found if tied else untied(found), options(trainable, **lora), seed)


def moved(found: Checkpoint, seed: int = 1) -> Checkpoint:
    """The same with everything trainable somewhere else, as after training."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in found.model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    found.model.eval()
    return found


def some_ids(found: Checkpoint) -> torch.Tensor:
    """Two rows that hold every token of the vocabulary, so that each embedding row takes part."""
    ids = torch.randperm(len(found.tokenizer), generator=torch.Generator().manual_seed(0))
    return ids[: len(ids) // 2 * 2].view(2, -1)[:, : tiny.CONTEXT]


@torch.no_grad()
def logits(model, ids: torch.Tensor) -> torch.Tensor:
    return model(input_ids=ids, use_cache=False).logits


def marker_rows(found: Checkpoint) -> list[int]:
    return [found.tokenizer.get_added_vocab()[token] for token in found.surface.added_tokens()]


def train(found: Checkpoint, folder, keep=lambda step: None, **options: object):
    batch = BatchConfig(global_batch_size=8, micro_batch_size=4)
    return fit(
        found.model,
        tiny.batches(found, folder / "cache", config=batch, num_steps=6, dropout=DropoutConfig()),
        6,
        batch=batch,
        optimizer=OptimizerConfig(learning_rate=1e-2, weight_decay=0.1),
        scheduler=SchedulerConfig(warmup_steps=1, floor=0.1),
        trainer=TrainerConfig(accelerator="cpu", snapshots=[0.5]),
        callbacks=CallbacksConfig(progress=False),
        seed=0,
        loggers=[],
        keep_snapshot=keep,
        **options,
    )


@ADAPTED
@TIED
def test_an_adapted_model_starts_as_the_base(trainable, tied):
    plain = tiny.checkpoint(MarkerMode.TOKENS)
    plain = plain if tied else untied(plain)
    found = adapted(trainable, tied=tied)
    ids = some_ids(found)
    assert torch.equal(logits(found.model.eval(), ids), logits(plain.model.eval(), ids))


@pytest.mark.parametrize("trainable", list(Trainable), ids=lambda trainable: trainable.value)
@TIED
def test_the_loss_is_that_of_the_models_own_forward(trainable, tied, tmp_path):
    found = moved(adapted(trainable, tied=tied))
    apart = BatchConfig(global_batch_size=4, micro_batch_size=4, layout=Layout.PADDED)
    batch = tiny.batches(found, tmp_path, config=apart, dropout=DropoutConfig())[0]
    predicted = batch.loss_weights[:, 1:] > 0
    own = logits(found.model, batch.input_ids)[:, :-1][predicted]
    expected = torch.nn.functional.cross_entropy(own, batch.input_ids[:, 1:][predicted], reduction="none")
    torch.testing.assert_close(token_losses(found.model, batch).losses, expected, rtol=1e-5, atol=1e-6)


@ADAPTED
@TIED
def test_the_matrix_with_trained_rows_is_put_together_once_a_micro_batch(trainable, tied, tmp_path, monkeypatch):
    """And once more where the embedding reads it; for each chunk of logits it would be copied again."""
    found, copies = adapted(trainable, tied=tied), []
    monkeypatch.setitem(loss_module.LOGITS_AT_ONCE, "cpu", 7 * len(found.tokenizer))
    merged = TrainableTokensLayer.get_merged_weights
    monkeypatch.setattr(
        TrainableTokensLayer, "get_merged_weights", lambda layer, names: copies.append(1) or merged(layer, names)
    )
    batch = tiny.batches(found, tmp_path, dropout=DropoutConfig())[0]
    token_losses(found.model, batch, bare_head=True).weighted_sum.backward()
    assert len(copies) == 2 and len(batch.predicted) > 14


@TIED
def test_markers_alone_leave_every_other_row_and_weight_to_the_bit(tied, tmp_path):
    found = adapted(Trainable.MARKERS, tied=tied)
    before = {name: weight.clone() for name, weight in merged_copy(found.adapter).state_dict().items()}
    rows = marker_rows(found)
    train(found, tmp_path)
    save_checkpoint(found, tmp_path / "model")
    after = AutoModelForCausalLM.from_pretrained(tmp_path / "model").state_dict()
    others = [row for row in range(len(found.tokenizer)) if row not in rows]
    data = tiny.batches(found, tmp_path / "cache", dropout=DropoutConfig(), num_steps=6)
    seen = {row for index in range(len(data)) for row in data[index].input_ids.unique().tolist()}
    assert after.keys() == before.keys()
    for name, weight in after.items():
        if name in ("model.embed_tokens.weight", "lm_head.weight"):
            assert torch.equal(weight[others], before[name][others]), name
            asked = rows if tied or name == "lm_head.weight" else seen.intersection(rows)  # others have no gradient
            assert asked and all(not torch.equal(weight[row], before[name][row]) for row in asked), name
        else:
            assert torch.equal(weight, before[name]), name


@TIED
def test_markers_alone_have_gradients_and_optimizer_state_for_their_rows_only(tied, tmp_path):
    found = adapted(Trainable.MARKERS, tied=tied)
    optimizer = make_optimizer(found.model, OptimizerConfig())
    token_losses(found.model, tiny.batches(found, tmp_path, dropout=DropoutConfig())[0]).weighted_sum.backward()
    optimizer.step()
    width, num_matrices = tiny.SHAPE.hidden_size, 1 if tied else 2
    with_gradient = [p for p in found.model.parameters() if p.grad is not None]
    assert [p.shape for p in with_gradient] == [(len(marker_rows(found)), width)] * num_matrices
    kept = [value for state in optimizer.state.values() for value in state.values() if value.ndim]
    assert {tuple(value.shape) for value in kept} == {(len(marker_rows(found)), width)}
    assert len(optimizer.state) == num_matrices


@TIED
def test_lora_moves_its_matrices_and_marker_rows_and_no_base_weight(tied, tmp_path):
    found = adapted(Trainable.LORA, tied=tied)
    before = {name: p.detach().clone() for name, p in found.model.named_parameters()}
    trainable = {name for name, p in found.model.named_parameters() if p.requires_grad}
    train(found, tmp_path)
    for name, parameter in found.model.named_parameters():
        assert torch.equal(parameter, before[name]) == (name not in trainable), name
    kinds = {part for name in trainable for part in ("lora_A", "lora_B", "trainable_tokens_delta") if part in name}
    assert kinds == {"lora_A", "lora_B", "trainable_tokens_delta"}
    assert sum("trainable_tokens_delta" in name for name in trainable) == (1 if tied else 2)


@pytest.mark.filterwarnings("ignore:Model has `tie_word_embeddings:UserWarning")  # said by peft, which does tie them
@ADAPTED
@TIED
def test_plain_transformers_and_peft_load_what_was_trained(trainable, tied, tmp_path):
    """Merged: the same logits within rounding, to the bit where rows alone were trained. Adapter: to the bit."""
    found = moved(adapted(trainable, tied=tied))
    save_checkpoint(found, tmp_path / "model")
    ids = some_ids(found)
    live = logits(found.model, ids)
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "model").eval()
    tolerance = {"rtol": 0, "atol": 0} if trainable is Trainable.MARKERS else TOLERANCE
    torch.testing.assert_close(logits(merged, ids), live, **tolerance)
    assert (merged.lm_head.weight is merged.model.embed_tokens.weight) is tied
    assert len(AutoTokenizer.from_pretrained(tmp_path / "model")) == merged.model.embed_tokens.weight.shape[0]

    base = tiny.checkpoint(MarkerMode.TOKENS)
    base = base if tied else untied(base)
    with torch.no_grad():  # rows that only the adapter knows
        base.model.get_input_embeddings().weight[marker_rows(base)] = 7.0
        base.model.get_output_embeddings().weight[marker_rows(base)] = 7.0
    alone = PeftModel.from_pretrained(base.model, tmp_path / "model" / "adapter").eval()
    torch.testing.assert_close(logits(alone, ids), live, rtol=0, atol=0)
    assert {path.name for path in (tmp_path / "model" / "adapter").iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
    }


@given(
    rank=st.integers(1, 6),
    alpha=st.floats(0.5, 4),
    tied=st.booleans(),
    dora=st.booleans(),
    rslora=st.booleans(),
    mode=st.sampled_from([MarkerMode.TOKENS, MarkerMode.TEXT, MarkerMode.NONE]),
    targets=st.sampled_from([[], ["q_proj", "v_proj"], ["down_proj"]]),
    seed=st.integers(0, 100),
)
@settings(max_examples=12)
def test_merging_keeps_the_logits_and_the_live_model(rank, alpha, tied, dora, rslora, mode, targets, seed):
    found = adapted(
        Trainable.LORA, tied=tied, mode=mode, rank=rank, alpha=alpha, dora=dora, rslora=rslora, target_modules=targets
    )
    found = moved(found, seed)
    ids = some_ids(found)
    live = logits(found.model, ids)
    state = {name: value.clone() for name, value in found.model.state_dict().items()}
    merged = merged_copy(found.adapter)
    difference = (logits(merged, ids) - live).abs().max()
    assert difference <= 1e-5 * live.abs().max(), difference
    assert not any("lora" in name or "token_adapter" in name for name in merged.state_dict())
    assert torch.equal(logits(found.model, ids), live)
    assert all(torch.equal(value, state[name]) for name, value in found.model.state_dict().items())


@ADAPTED
def test_a_snapshot_on_the_way_changes_nothing_of_the_training(trainable, tmp_path):
    """Weights after training are the same to the bit with and without a copy saved in the middle."""
    weights = []
    for name in ("with", "without"):
        found = adapted(trainable, tied=False, dropout=0.0)
        folder = tmp_path / name / "snapshot"

        def keep(step: int, found: Checkpoint = found, folder=folder, name: str = name) -> None:
            if name == "with":
                save_checkpoint(found, folder)

        train(found, tmp_path / name, keep)
        assert folder.is_dir() == (name == "with")
        weights.append({name: p.detach().clone() for name, p in found.model.named_parameters()})
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_the_seed_alone_draws_the_first_matrices():
    first = adapted(Trainable.LORA, seed=1).model.state_dict()
    torch.manual_seed(5)
    again, other = (adapted(Trainable.LORA, seed=seed).model.state_dict() for seed in (1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_dropout_of_adapters_works_in_training_alone(tmp_path):
    found = moved(adapted(Trainable.LORA, dropout=0.5))
    ids = some_ids(found)
    found.model.train()
    assert not torch.equal(logits(found.model, ids), logits(found.model, ids))
    found.model.eval()
    assert torch.equal(logits(found.model, ids), logits(found.model, ids))


def test_marker_rows_are_not_decayed():
    found = adapted(Trainable.LORA, tied=False)
    decayed, rest = make_optimizer(found.model, OptimizerConfig(weight_decay=0.1)).param_groups
    rows = {id(p) for name, p in found.model.named_parameters() if "trainable_tokens_delta" in name}
    assert {id(p) for p in rest["params"]} == rows
    assert rest["weight_decay"] == 0
    assert len(rows) == 2 and len(decayed["params"]) == 2 * 7 * tiny.SHAPE.num_layers


def test_a_summary_counts_what_is_trained_and_what_works(tmp_path):
    found = adapted(Trainable.MARKERS)
    whole = sum(p.numel() for p in tiny.checkpoint(MarkerMode.TOKENS).model.parameters())
    rows = len(marker_rows(found)) * tiny.SHAPE.hidden_size
    summary = train(found, tmp_path)
    assert (summary.num_parameters, summary.num_trainable_parameters) == (whole + rows, rows)
    assert summary.flops == (4 * (whole + rows) + 2 * rows) * summary.num_tokens


@pytest.mark.slow
@ADAPTED
def test_a_compiled_training_saves_and_loads(trainable, tmp_path):
    found = adapted(trainable)
    train(found, tmp_path, lambda step: save_checkpoint(found, tmp_path / "snapshot"), compile_model=True)
    save_checkpoint(found, tmp_path / "model")
    again = load_checkpoint(tmp_path / "model")
    ids = some_ids(found)
    found.model.eval()
    torch.testing.assert_close(logits(again.model.eval(), ids), logits(found.model, ids), **TOLERANCE)


@pytest.mark.parametrize("mode", [MarkerMode.NONE, MarkerMode.TEXT], ids=lambda mode: mode.value)
def test_markers_alone_need_marker_tokens(mode):
    with pytest.raises(ConfigError, match="this model has none"):
        adapted(Trainable.MARKERS, mode=mode)


@pytest.mark.parametrize(
    ("targets", "said"),
    [(["nope"], "no layer called 'nope'"), (["lm_head"], "output layer"), (["embed_tokens"], "embedding")],
)
def test_targets_that_cannot_be_are_refused(targets, said):
    with pytest.raises(ConfigError, match=said):
        adapted(Trainable.LORA, target_modules=targets)


@pytest.mark.parametrize("shape", ["phi", "gptj"])
def test_an_output_layer_with_a_bias_is_refused_where_rows_are_trained(shape):
    """peft's trainable rows leave the bias out: the adapted model would not start as the base."""
    if shape == "phi":
        sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
        model = PhiForCausalLM(PhiConfig(vocab_size=32, **sizes))
    else:
        model = GPTJForCausalLM(GPTJConfig(vocab_size=32, n_embd=16, n_layer=1, n_head=2, rotary_dim=4))
    with pytest.raises(ConfigError, match="has a bias"):
        adapt(model, options(Trainable.MARKERS), [30, 31], 0)
    assert adapt(model, options(Trainable.LORA), [], 0) is not None


def test_without_peft_the_error_names_the_extra(monkeypatch):
    real = builtins.__import__

    def without(name, *arguments, **keywords):
        if name == "peft":
            raise ImportError("No module named 'peft'")
        return real(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"pip install 'treasure\[lora\]'"):
        adapted(Trainable.LORA)
    assert adapted(Trainable.FULL).adapter is None


@pytest.mark.parametrize(
    "wrong",
    [{"rank": 0}, {"alpha": 0.0}, {"alpha": math.inf}, {"dropout": 1.0}, {"dropout": -0.1}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_options_out_of_range_are_refused_by_name(wrong):
    with pytest.raises(ConfigError, match=f"model.lora.{next(iter(wrong))}"):
        LoraConfig(**wrong)


@ADAPTED
def test_a_frozen_base_is_not_random(trainable):
    with pytest.raises(ConfigError, match=r"model\.path"):
        ModelConfig(path=None, trainable=trainable)


def test_a_marked_base_keeps_the_rows_it_learned(tmp_path):
    """Training that starts from a marked model does not reset its marker rows to the words they stand for."""
    found = moved(adapted(Trainable.MARKERS))
    save_checkpoint(found, tmp_path / "model")
    base = load_checkpoint(tmp_path / "model")
    again = tiny.make_checkpoint(
        base.model, base.tokenizer, base.taxonomy, base.surface, replace(base.template), base.max_length
    )
    ids = some_ids(found)
    assert torch.equal(logits(again.model.eval(), ids), logits(found.model, ids))
