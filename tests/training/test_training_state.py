"""States on disk, metrics.csv and the keeper: what is saved, what is refused, what is told."""

import csv
import json
import shutil

import pytest
import tiny
import torch
from safetensors.torch import load_file

from treasure.data.batches import BatchConfig
from treasure.errors import CheckpointError, ConfigError, TrainingError
from treasure.files import told_when_full, whole_folder
from treasure.markers.config import MarkerMode
from treasure.markers.dropout import DropoutConfig
from treasure.model.config import OptimizerConfig, SchedulerConfig
from treasure.training.config import CallbacksConfig, LoggerConfig, TrainerConfig, WandbMode
from treasure.training.fit import fit
from treasure.training.keeper import StateKeeper, forget_states
from treasure.training.loggers import make_loggers
from treasure.training.metrics_file import METRICS_FILE, MetricsFile, keep_metrics_before, read_metrics
from treasure.training.saved_steps import saved_steps, state_path, step_folder
from treasure.training.state_folder import StateFolder, TrainingState

BATCH = BatchConfig(global_batch_size=8, micro_batch_size=4)
IDENTITY = {"run": "one", "examples": "e"}


class Stop(Exception):
    """Ends a training from within, as a crash would."""


def train(folder, *, stop_after=None, num_steps=8, identity=IDENTITY, prepare=lambda model: None, told=None, **options):
    """Trains in `folder`, going on from what is saved there; crashes after step `stop_after`."""
    options = {"save_every_steps": 2, "accelerator": "cpu", **options}
    trainer = TrainerConfig(snapshots=[] if stop_after is None else [stop_after / num_steps], **options)
    found = tiny.checkpoint(MarkerMode.TOKENS)
    prepare(found.model)
    keeper = StateKeeper(folder, identity, trainer, num_steps, tell=(told if told is not None else []).append)
    keep_metrics_before(folder / METRICS_FILE, keeper.first_step)
    dataset = tiny.batches(found, folder / "cache", config=BATCH, num_steps=num_steps, dropout=DropoutConfig())
    dataset._first_step = keeper.first_step
    summary = fit(
        found.model,
        dataset,
        num_steps,
        batch=BATCH,
        optimizer=OptimizerConfig(learning_rate=1e-2),
        scheduler=SchedulerConfig(warmup_steps=2, floor=0.1),
        trainer=trainer,
        callbacks=CallbacksConfig(progress=False, log_every=1),
        seed=0,
        loggers=make_loggers(LoggerConfig(wandb=WandbMode.DISABLED), folder, name="r", group="g", settings={}),
        keep_snapshot=crash,
        keeper=keeper,
    )
    return found.model, summary


def crash(step: int) -> None:
    raise Stop


def crashed(folder, **options):
    with pytest.raises(Stop):
        train(folder, **options)
    return folder


def assert_same_end(folder, whole, **options):
    model, summary = train(folder, **options)
    other, expected = train(whole, **options)
    for (name, ours), theirs in zip(model.named_parameters(), other.parameters(), strict=True):
        assert torch.equal(ours, theirs), name
    assert (summary.steps, summary.num_tokens, summary.examples_key) == (
        expected.steps,
        expected.num_tokens,
        expected.examples_key,
    )
    ours, theirs = ([_losses(row) for row in read_metrics(place / METRICS_FILE)] for place in (folder, whole))
    assert ours == theirs
    assert len(ours) == expected.steps


def _losses(row):
    return {name: value for name, value in row.items() if name != "tokens_per_s"}


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_crashed_training_goes_on_exactly(precision, tmp_path):
    crashed(tmp_path / "a", stop_after=5, precision=precision)
    assert saved_steps(state_path(tmp_path / "a")) == [4, 2]
    assert_same_end(tmp_path / "a", tmp_path / "b", precision=precision)


def test_dropout_of_the_model_draws_on_where_it_was(tmp_path):
    def with_dropout(model):
        model.config.attention_dropout = 0.2
        for layer in model.model.layers:
            layer.self_attn.attention_dropout = 0.2

    crashed(tmp_path / "a", stop_after=5, prepare=with_dropout)
    assert_same_end(tmp_path / "a", tmp_path / "b", prepare=with_dropout)


def test_frozen_weights_are_not_saved_and_the_rest_goes_on(tmp_path):
    def freeze(model):
        for name, parameter in model.named_parameters():
            parameter.requires_grad = "mlp" in name

    crashed(tmp_path / "a", stop_after=5, prepare=freeze)
    saved = load_file(step_folder(state_path(tmp_path / "a"), 4) / "tensors.safetensors")
    weights = [name for name in saved if name.startswith("model.") and name.endswith("weight")]
    assert weights and all("mlp" in name for name in weights)
    assert_same_end(tmp_path / "a", tmp_path / "b", prepare=freeze)


def test_time_adds_up_over_the_starts(tmp_path):
    crashed(tmp_path, stop_after=5)
    path = step_folder(state_path(tmp_path), 4) / "state.json"
    before = json.loads(path.read_text())["values"]["train_seconds"]
    _, summary = train(tmp_path)
    assert summary.train_seconds > before > 0


@pytest.mark.parametrize("damage", ["half", "bit", "json", "gone"])
def test_a_damaged_state_is_told_and_the_one_before_it_taken(damage, tmp_path):
    crashed(tmp_path / "a", stop_after=5)
    folder = step_folder(state_path(tmp_path / "a"), 4)
    tensors = folder / "tensors.safetensors"
    content = bytearray(tensors.read_bytes())
    if damage == "half":
        tensors.write_bytes(content[: len(content) // 2])
    elif damage == "bit":
        content[len(content) // 2] ^= 1
        tensors.write_bytes(content)
    elif damage == "json":
        (folder / "state.json").write_text((folder / "state.json").read_text().replace('"num_tokens_seen": ', "1"))
    else:
        tensors.unlink()
    told = []
    assert StateKeeper(tmp_path / "a", IDENTITY, TrainerConfig(), 8, tell=told.append).first_step == 2
    assert len(told) == 1 and "step-4" in told[0] and "damaged" in told[0]
    assert_same_end(tmp_path / "a", tmp_path / "b")


def test_what_a_kill_left_of_a_save_is_no_state(tmp_path):
    crashed(tmp_path, stop_after=5)
    states = state_path(tmp_path)
    shutil.copytree(step_folder(states, 4), states / ".step-6.partial")
    assert saved_steps(states) == [4, 2]
    train(tmp_path, stop_after=None)
    assert not (states / ".step-6.partial").exists()


@pytest.mark.parametrize("fact", ["run", "examples"])
def test_a_state_of_another_training_is_refused(fact, tmp_path):
    crashed(tmp_path, stop_after=5)
    with pytest.raises(CheckpointError, match=f"belongs to another training: its {fact}") as refused:
        train(tmp_path, identity={**IDENTITY, fact: "other"})
    assert f"delete '{state_path(tmp_path)}'" in str(refused.value)
    assert saved_steps(state_path(tmp_path)) == [4, 2]


def test_no_state_is_a_pickle(tmp_path):
    crashed(tmp_path, stop_after=5)
    files = {path.name for path in state_path(tmp_path).rglob("*") if path.is_file()}
    assert files == {"tensors.safetensors", "state.json"}


def test_a_loss_that_is_not_a_number_keeps_the_last_good_state(tmp_path):
    crashed(tmp_path, stop_after=5)

    def poison(model):
        for parameter in model.parameters():
            parameter.register_hook(lambda gradient: gradient * float("nan"))

    with pytest.raises(TrainingError, match="no longer finite after step 5") as stopped:
        train(tmp_path, prepare=poison, save_every_steps=1)
    assert "The last good state is that of step 4" in str(stopped.value)
    assert saved_steps(state_path(tmp_path)) == [4, 2]
    with pytest.raises(TrainingError, match="loss is nan"):
        train(tmp_path, prepare=poison, save_every_steps=None)
    assert_same_end(tmp_path, tmp_path / "b")


def test_a_last_step_that_ruins_the_weights_is_no_success(tmp_path):
    def poison(model):
        model.lm_head.weight.register_hook(lambda gradient: gradient * float("nan"))

    with pytest.raises(TrainingError, match="no longer finite after step 1"):
        train(tmp_path, prepare=poison, num_steps=1)


@pytest.mark.parametrize("damage", ["vanished", "cut"])
def test_data_that_vanish_stop_with_all_that_was_learned(damage, tmp_path):
    def lose(model):
        """Right before the fourth step the ids go; the steps before them have been learned."""
        calls = []

        def count(*_):
            calls.append(0)
            if len(calls) == 3 * BATCH.num_micro_batches:
                (ids,) = (tmp_path / "a" / "cache").glob("tokens-*/ids.npy")
                ids.unlink() if damage == "vanished" else ids.write_bytes(ids.read_bytes()[:100])

        model.register_forward_pre_hook(count)
        model.base_model.register_forward_pre_hook(count)

    with pytest.raises(TrainingError, match=r"ids\.npy.*start the same command again.*state is that of step"):
        train(tmp_path / "a", prepare=lose, save_every_steps=None)
    (saved,) = saved_steps(state_path(tmp_path / "a"))
    assert saved == len(read_metrics(tmp_path / "a" / METRICS_FILE)) > 0
    assert_same_end(tmp_path / "a", tmp_path / "b")


class TestWhenToSave:
    def test_by_time(self, tmp_path):
        crashed(tmp_path, stop_after=5, save_every_steps=None, save_every_minutes=0)
        first, *_ = saved_steps(state_path(tmp_path))
        assert first == 1  # a second save would have to wait 100 times as long as the first took

    def test_never(self, tmp_path):
        crashed(tmp_path, stop_after=5, save_every_steps=None, save_every_minutes=None)
        assert saved_steps(state_path(tmp_path)) == []

    @pytest.mark.parametrize("wrong", [{"save_every_steps": 0}, {"save_every_minutes": -1}], ids=str)
    def test_options_out_of_range(self, wrong):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            TrainerConfig(**wrong)


def test_states_come_back_bit_by_bit_and_two_are_kept(tmp_path):
    states = StateFolder(tmp_path / "state", IDENTITY)
    odd = torch.tensor([0.1, -0.0, float("inf"), 1e-45])
    values = {"lr": 0.1 + 0.2, "nested": [1, None, "é"]}
    for step in (1, 2, 10):
        states.save(TrainingState(step, {"odd": odd, "bytes": torch.arange(4, dtype=torch.uint8)}, values))
    assert saved_steps(states.path) == [10, 2]
    found = states.newest(print)
    assert found is not None and found.step == 10 and found.values == values
    assert found.tensors["odd"].numpy().tobytes() == odd.numpy().tobytes()
    forget_states(tmp_path)
    assert states.newest(print) is None


class TestWholeFolder:
    def test_a_failing_block_leaves_the_earlier_folder(self, tmp_path):
        target = tmp_path / "model"
        with whole_folder(target) as partial:
            (partial / "a").write_text("1")
        with pytest.raises(Stop), whole_folder(target) as partial:
            (partial / "a").write_text("2")
            crash(0)
        assert [path.name for path in tmp_path.iterdir()] == ["model"]
        assert (target / "a").read_text() == "1"
        with whole_folder(target) as partial:
            (partial / "b").write_text("3")
        assert [path.name for path in target.iterdir()] == ["b"]

    def test_other_errors_stay_what_they_are(self):
        with pytest.raises(FileNotFoundError), told_when_full("it"):
            raise FileNotFoundError


class TestMetricsFile:
    def test_rows_of_later_steps_and_half_rows_are_cut(self, tmp_path):
        path = tmp_path / METRICS_FILE
        MetricsFile(path).log_metrics({"loss": 0.1 + 0.2}, 0)
        MetricsFile(path).log_metrics({"loss": 2.0}, 1)
        with path.open("a") as file:
            file.write("3.0,")
        assert [row["step"] for row in read_metrics(path)] == ["0", "1"]
        keep_metrics_before(path, 1)
        MetricsFile(path).log_metrics({"loss": 4.0, "header_loss": 5.0}, 1)
        with path.open() as file:
            rows = list(csv.reader(file))
        assert rows == [["header_loss", "loss", "step"], ["", str(0.1 + 0.2), "0"], ["5.0", "4.0", "1"]]

    def test_nothing_is_left_of_a_start_without_a_state(self, tmp_path):
        path = tmp_path / METRICS_FILE
        MetricsFile(path).log_metrics({"loss": 1.0}, 0)
        keep_metrics_before(path, 0)
        assert not path.exists()
        keep_metrics_before(path, 0)
