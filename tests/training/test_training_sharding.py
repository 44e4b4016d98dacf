"""Weights cut over processes: what may be cut, and what each process then holds."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tiny
import torch

from treasure.errors import ConfigError
from treasure.markers.config import MarkerMode
from treasure.model.sharding import decoder_layers, gather, model_to_cut, share_of, whole
from treasure.training.config import Strategy, TrainerConfig

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize(("devices", "nodes", "cut"), [(1, 1, False), (2, 1, True), (1, 2, True)])
def test_a_model_is_cut_where_there_are_several_processes(devices, nodes, cut):
    assert TrainerConfig(strategy=Strategy.FSDP, devices=devices, num_nodes=nodes).is_sharded == cut
    assert not TrainerConfig(devices=devices, num_nodes=nodes).is_sharded


def test_a_scaled_loss_is_refused_for_cut_models():
    TrainerConfig(strategy=Strategy.FSDP, precision="bf16-mixed")
    with pytest.raises(ConfigError, match=r"16-mixed.*trainer.strategy=fsdp.*Take bf16-mixed or 32-true"):
        TrainerConfig(strategy=Strategy.FSDP, precision="16-mixed")


def test_models_are_cut_at_their_decoder_layers():
    model = tiny.checkpoint(MarkerMode.NONE).model
    assert decoder_layers(model) == list(model.model.layers)


def test_a_model_that_does_not_name_its_layers_is_refused():
    model = tiny.checkpoint(MarkerMode.NONE).model
    model._no_split_modules = None
    with pytest.raises(ConfigError, match=r"LlamaForCausalLM.*trainer=ddp"):
        decoder_layers(model)


def test_a_twin_hands_back_what_it_learned_and_nothing_else():
    model = tiny.checkpoint(MarkerMode.NONE).model
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    for name, parameter in model.named_parameters():
        parameter.requires_grad = "mlp" in name
    twin = model_to_cut(model, keeps_whole=True)
    assert model_to_cut(model, keeps_whole=False) is model
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.add_(1)
    assert all(torch.equal(before[name], parameter) for name, parameter in model.named_parameters())
    gather(twin, model)
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, before[name] + 1 if "mlp" in name else before[name]), name


def test_tensors_that_are_not_cut_are_whole():
    tensor = torch.arange(3.0)
    assert whole(tensor) is tensor
    assert share_of(tensor, torch.zeros(3)) is tensor


def shares(strategy: str, folder: Path) -> list[dict[str, int]]:
    """What each of two processes held in a training."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    path = os.pathsep.join([str(TESTS.parent), str(TESTS)])
    done = subprocess.run(
        [*command, str(TESTS / "training" / "shares.py"), strategy, str(folder)],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(2)]


@pytest.mark.slow
def test_each_process_holds_its_share_alone(tmp_path):
    first, second = shares("fsdp", tmp_path)
    for kind in ("weights", "gradients", "means"):
        assert first[kind] + second[kind] == first["total"]
        assert first[kind] == pytest.approx(first["total"] / 2, rel=0.02)


@pytest.mark.slow
def test_without_each_holds_all(tmp_path):
    for held in shares("ddp", tmp_path):
        assert held["weights"] == held["gradients"] == held["means"] == held["total"]
