"""States on disk, metrics.csv and the keeper: what is saved, what is refused, what is told."""

import csv
import json
import os
import shutil

import pytest
import tiny
import torch
from safetensors.torch import load_file

from treasure.data.config import BatchConfig
from treasure.errors import CheckpointError, ConfigError, TrainingError
from treasure.files import told_when_full, whole_folder
from treasure.markers.config import MarkerMode
from treasure.markers.dropout import DropoutConfig
from treasure.model.config import OptimizerConfig, SchedulerConfig
from treasure.training.config import CallbacksConfig, LoggerConfig, TrainerConfig, WandbMode
from treasure.training.fit import fit
from treasure.training.keeper import StateKeeper, forget_states, is_due
from treasure.training.loggers import MetricsFile, make_loggers
from treasure.training.metrics_file import METRICS_FILE, keep_metrics_before, read_metrics
from treasure.training.saved_steps import saved_steps, state_path, step_folder
from treasure.training.state_folder import StateFolder, TrainingState

BATCH = BatchConfig(global_batch_size=8, micro_batch_size=4)
IDENTITY = {"run": "one", "examples": "e"}


class CrashError(Exception):
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
    raise CrashError


def crashed(folder, **options):
    with pytest.raises(CrashError):
        train(folder, **options)
    return folder


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """A training that crashed after step 5 of 8, saved after steps 2 and 4; to be copied."""
    return crashed(tmp_path_factory.mktemp("broken"), stop_after=5)


@pytest.fixture
def run(broken, tmp_path):
    """A copy of the crashed training."""
    return shutil.copytree(broken, tmp_path / "run")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """(weights, summary, rows) of the same training, uninterrupted."""
    return end_of(tmp_path_factory.mktemp("whole"))


def end_of(folder, **options):
    model, summary = train(folder, **options)
    weights = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    counted = (summary.steps, summary.num_examples, summary.num_tokens, summary.flops, summary.examples_key)
    return weights, counted, [_losses(row) for row in read_metrics(folder / METRICS_FILE)]


def assert_same(found, expected):
    for name, weight in found[0].items():
        assert torch.equal(weight, expected[0][name]), name
    assert found[1:] == expected[1:]
    assert len(found[2]) == 8


def _losses(row):
    return {name: value for name, value in row.items() if name != "tokens_per_s"}


def test_a_crashed_training_goes_on_exactly(run, whole):
    assert saved_steps(state_path(run)) == [4, 2]
    before = json.loads((step_folder(state_path(run), 4) / "state.json").read_text())["values"]["train_seconds"]
    assert 0 < before < StateKeeper(run, IDENTITY, TrainerConfig(), 8, tell=print).train_seconds
    assert_same(end_of(run), whole)


def drop_attention(model):
    """Gives the model dropout of its own, which draws from torch's generator."""
    for layer in model.model.layers:
        layer.self_attn.attention_dropout = 0.2


def freeze(model):
    for name, parameter in model.named_parameters():
        parameter.requires_grad = "mlp" in name


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [{"precision": "bf16-mixed"}, {"prepare": drop_attention}, {"prepare": freeze}],
    ids=["mixed precision", "dropout of the model", "frozen weights"],
)
def test_so_do_others(options, tmp_path, whole):
    crashed(tmp_path / "a", stop_after=5, **options)
    found, expected = end_of(tmp_path / "a", **options), end_of(tmp_path / "b", **options)
    assert_same(found, expected)
    assert found[2] != whole[2]


def test_frozen_weights_are_not_saved(tmp_path):
    crashed(tmp_path, stop_after=1, save_every_steps=None, save_every_minutes=0, num_steps=2, prepare=freeze)
    assert saved_steps(state_path(tmp_path)) == []
    crashed(tmp_path, stop_after=2, save_every_steps=1, num_steps=3, prepare=freeze)
    saved = load_file(step_folder(state_path(tmp_path), 1) / "tensors.safetensors")
    weights = [name for name in saved if name.startswith("model.") and name.endswith("weight")]
    assert weights and all("mlp" in name for name in weights)


@pytest.mark.parametrize("damage", ["half", "bit", "json", "gone"])
def test_a_damaged_state_is_told_and_the_one_before_it_taken(damage, run, whole):
    folder = step_folder(state_path(run), 4)
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
    assert StateKeeper(run, IDENTITY, TrainerConfig(), 8, tell=told.append).first_step == 2
    assert len(told) == 1 and "step-4" in told[0] and "damaged" in told[0]
    if damage == "bit":
        assert_same(end_of(run), whole)


def test_what_a_kill_left_of_a_save_is_no_state(run):
    states = state_path(run)
    shutil.copytree(step_folder(states, 4), states / ".step-6.partial")
    assert saved_steps(states) == [4, 2]
    train(run)
    assert not (states / ".step-6.partial").exists()


@pytest.mark.parametrize("fact", ["run", "examples"])
def test_a_state_of_another_training_is_refused(fact, run):
    with pytest.raises(CheckpointError, match=f"belongs to another training: its {fact}") as refused:
        train(run, identity={**IDENTITY, fact: "other"})
    assert f"delete '{state_path(run)}'" in str(refused.value)
    assert saved_steps(state_path(run)) == [4, 2]


def test_no_state_is_a_pickle(run):
    files = {path.name for path in state_path(run).rglob("*") if path.is_file()}
    assert files == {"tensors.safetensors", "state.json"}


def poison(model):
    for parameter in model.parameters():
        parameter.register_hook(lambda gradient: gradient * float("nan"))


def test_a_training_at_its_end_is_not_repeated_when_its_model_was_not_written(run, whole):
    assert_same(end_of(run), whole)
    assert saved_steps(state_path(run))[0] == 8

    def no_step(model):
        model.base_model.register_forward_pre_hook(refuse)

    def refuse(module, _):
        assert not module.training, "a step was taken"

    assert_same(end_of(run, prepare=no_step), whole)


def test_a_loss_that_is_not_a_number_keeps_the_last_good_state(run, whole):
    with pytest.raises(TrainingError, match="no longer finite after step 5") as stopped:
        train(run, prepare=poison, save_every_steps=1)
    assert "The last good state is that of step 4" in str(stopped.value)
    with pytest.raises(TrainingError, match="loss is nan"):
        train(run, prepare=poison, save_every_steps=None)
    assert saved_steps(state_path(run)) == [4, 2]
    assert_same(end_of(run), whole)


def test_a_last_step_that_ruins_the_weights_is_no_success(tmp_path):
    with pytest.raises(TrainingError, match="no longer finite after step 1"):
        train(tmp_path, prepare=poison, num_steps=1)


@pytest.mark.parametrize("damage", ["vanished", "cut"])
def test_data_that_vanish_stop_with_all_that_was_learned(damage, tmp_path, whole):
    calls = []

    def lose(model):
        model.base_model.register_forward_pre_hook(count)

    def count(module, _):
        """The ids go while the third step is being learned."""
        calls.extend([0] * module.training)
        if len(calls) == 3 * BATCH.num_micro_batches:
            (ids,) = (tmp_path / "cache").glob("tokens-*/ids.npy")
            ids.unlink() if damage == "vanished" else os.truncate(ids, 100)

    with pytest.raises(TrainingError, match=r"ids\.npy.*start the same command again.*state is that of step 3"):
        train(tmp_path, prepare=lose, save_every_steps=None)
    assert len(read_metrics(tmp_path / METRICS_FILE)) == 3
    if damage == "cut":
        assert_same(end_of(tmp_path), whole)


class TestWhenToSave:
    def test_by_time(self, tmp_path):
        crashed(tmp_path, stop_after=2, num_steps=3, save_every_steps=None, save_every_minutes=0)
        assert saved_steps(state_path(tmp_path)) == [1]

    @pytest.mark.parametrize(
        ("waited_s", "every_s", "save_s", "expected"),
        [(59, 60, 0, False), (60, 60, 0.6, True), (60, 60, 0.61, False), (61, 60, 0.61, True), (1e9, None, 0, False)],
    )
    def test_a_save_costs_under_a_hundredth(self, waited_s, every_s, save_s, expected):
        assert is_due(waited_s, every_s=every_s, save_s=save_s) is expected

    def test_never(self, tmp_path):
        crashed(tmp_path, stop_after=2, num_steps=3, save_every_steps=None, save_every_minutes=None)
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


def _write_and_crash(path):
    path.write_text("2")
    crash(0)


class TestWholeFolder:
    def test_a_failing_block_leaves_the_earlier_folder(self, tmp_path):
        target = tmp_path / "model"
        with whole_folder(target) as partial:
            (partial / "a").write_text("1")
        with pytest.raises(CrashError), whole_folder(target) as partial:
            _write_and_crash(partial / "a")
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

    @pytest.mark.parametrize("garbage", [b"1.0,x\n", b"\xff\xfe,\n", b"\0\0\0\n", b"1,2,3\n", b"7\n", b"\0\0"], ids=str)
    def test_what_is_no_row_is_left_out(self, garbage, tmp_path):
        """As a machine leaves it that went down before the rows were on its disk."""
        path = tmp_path / METRICS_FILE
        MetricsFile(path).log_metrics({"loss": 1.0}, 0)
        whole = path.read_bytes()
        path.write_bytes(whole + garbage)
        assert read_metrics(path) == [{"loss": "1.0", "step": "0"}]
        keep_metrics_before(path, 1)
        assert path.read_bytes() == whole

    def test_a_logger_made_before_the_cut_writes_a_whole_file(self, tmp_path):
        """A start that was killed before its first save leaves rows; all are cut, and the header with them."""
        path = tmp_path / METRICS_FILE
        MetricsFile(path).log_metrics({"loss": 1.0}, 0)
        logger = MetricsFile(path)
        keep_metrics_before(path, 0)
        logger.log_metrics({"loss": 2.0}, 0)
        assert read_metrics(path) == [{"loss": "2.0", "step": "0"}]

    def test_nothing_is_left_of_a_start_without_a_state(self, tmp_path):
        path = tmp_path / METRICS_FILE
        MetricsFile(path).log_metrics({"loss": 1.0}, 0)
        keep_metrics_before(path, 0)
        assert not path.exists()
        keep_metrics_before(path, 0)
