"""Adapters through the commands, on a real pretrained base where there is one."""

import csv
import json
from pathlib import Path

import pytest
import torch
from commands import call
from transformers import AutoModelForCausalLM, AutoTokenizer

REPOSITORY = Path(__file__).parents[2]
SHARED = REPOSITORY.parent / "shared"
BASE, DATA = SHARED / "models" / "stories260K", SHARED / "data"
SMALL = ("alpaca_5000", "code_alpaca_2k", "codexglue_refinement_small", "oasst_fr", "alpaca_zh_demo")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["model.trainable=lora"], "model.path"),
        (["model=markers_only", "model.path=x", "markers=text"], "markers=text adds none"),
        (["model=markers_only", "model.path=x", "markers=none"], "markers=none adds none"),
        (["model=lora", "model.path=x", "model.lora.rank=0"], "model.lora.rank"),
    ],
    ids=["random base", "text", "none", "rank"],
)
def test_what_makes_no_sense_is_refused_before_anything_starts(arguments, said, tmp_path, capfd):
    assert call("treasure-train", *arguments, f"paths.outputs={tmp_path}", "logger=csv") == 2
    assert said in " ".join(capfd.readouterr().err.split())
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.skipif(not (BASE.is_dir() and DATA.is_dir()), reason="no pretrained base and data beside the repository")
@pytest.mark.parametrize("choice", ["lora", "markers_only"])
def test_a_pretrained_base_learns_and_its_folder_loads(choice, tmp_path):
    done = call(
        "treasure-train", "experiments=real_data", f"model={choice}", f"model.path={BASE}", f"paths.data={DATA}",
        f"paths.outputs={tmp_path}", "logger=csv", "callbacks.progress=false", "callbacks.log_every=1",
        "trainer.max_steps=8", "trainer.accelerator=cpu", "optimizer.learning_rate=5e-3", "scheduler.warmup_steps=1",
        "batch.global_batch_size=8", "data.overflow=truncate_content", "data.datasets.lima.limit=60",
        "data.datasets.medical_chatdoctor5k.limit=10", *(f"data.datasets.{name}.limit=5" for name in SMALL),
    )  # fmt: skip
    assert done == 0
    (run,) = (tmp_path / "runs" / "real_data").iterdir()
    with (run / "metrics" / "metrics.csv").open() as file:
        losses = [float(row["header_loss"]) for row in csv.DictReader(file) if row["header_loss"]]
    assert sum(losses[-2:]) < 0.98 * sum(losses[:2])  # rows alone: 0.964 after eight steps
    before = AutoModelForCausalLM.from_pretrained(BASE).get_input_embeddings().weight
    model = AutoModelForCausalLM.from_pretrained(run / "model")
    assert len(AutoTokenizer.from_pretrained(run / "model")) == model.get_input_embeddings().weight.shape[0]
    assert torch.equal(model.get_input_embeddings().weight[: len(before)], before)
    summary = json.loads((run / "training.json").read_text())
    assert 0 < summary["num_trainable_parameters"] < summary["num_parameters"] / 2
    assert str(BASE) in (run / "model" / "README.md").read_text(encoding="utf-8")
