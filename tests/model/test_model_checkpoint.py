import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import tiny
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from treasure.data.config import TemplateConfig
from treasure.errors import CheckpointError, LeversError
from treasure.markers.config import MarkerMode
from treasure.markers.dropout import DropoutConfig
from treasure.markers.marker_set import MarkerSet
from treasure.model import checkpoint, levers
from treasure.model.causal_lm import load_pretrained
from treasure.model.checkpoint import load_checkpoint, load_prompting, save_checkpoint
from treasure.model.levers import FORMAT_VERSION, LEVERS_FILE, ExpectedLevers
from treasure.model.loss import token_losses
from treasure.taxonomy.taxonomy import Value

MODES = pytest.mark.parametrize("mode", list(MarkerMode), ids=lambda mode: mode.value)


@MODES
def test_save_and_load_give_the_same_losses_and_ids(mode, tmp_path):
    found = tiny.checkpoint(mode)
    batch = tiny.batches(found, tmp_path / "cache", dropout=None if mode is MarkerMode.NONE else DropoutConfig())[0]
    save_checkpoint(found, tmp_path / "model")
    again = load_checkpoint(tmp_path / "model", ExpectedLevers(tiny.TAXONOMY))
    assert torch.equal(token_losses(found.model, batch).losses, token_losses(again.model, batch).losses)
    example = tiny.corpus(1)[0]
    markers = MarkerSet() if mode is MarkerMode.NONE else example.markers
    assert again.encoder.prompt_ids(example.example.messages, markers) == found.encoder.prompt_ids(
        example.example.messages, markers
    )
    assert (again.taxonomy, again.max_length) == (found.taxonomy, found.max_length)


@MODES
def test_prompts_need_no_weights(mode, tmp_path):
    found = tiny.checkpoint(mode)
    save_checkpoint(found, tmp_path / "model")
    (tmp_path / "model" / "model.safetensors").unlink()
    prompting = load_prompting(tmp_path / "model", ExpectedLevers(tiny.TAXONOMY))
    example = tiny.corpus(1)[0]
    markers = MarkerSet() if mode is MarkerMode.NONE else example.markers
    assert prompting.encoder.prompt_ids(example.example.messages, markers) == found.encoder.prompt_ids(
        example.example.messages, markers
    )
    assert prompting.levers == found.levers
    with pytest.raises(LeversError):
        load_prompting(tmp_path / "model", ExpectedLevers(replace(tiny.TAXONOMY, categories=())))


@MODES
def test_plain_transformers_loads_the_folder(mode, tmp_path):
    save_checkpoint(tiny.checkpoint(mode), tmp_path / "model")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    assert len(tokenizer) == model.get_input_embeddings().weight.shape[0]
    assert tokenizer.chat_template


def test_a_marker_row_starts_at_the_mean_of_its_words(tmp_path):
    plain, marked = tiny.checkpoint(MarkerMode.NONE), tiny.checkpoint(MarkerMode.TOKENS)
    weight = marked.model.get_input_embeddings().weight
    for token in marked.surface.added_tokens():
        words = plain.tokenizer(marked.surface.description(token))["input_ids"]
        row = weight[marked.tokenizer.convert_tokens_to_ids(token)]
        torch.testing.assert_close(row, plain.model.get_input_embeddings().weight[words].mean(dim=0))
    assert torch.equal(weight[: len(plain.tokenizer)], plain.model.get_input_embeddings().weight)


def test_another_taxonomy_is_refused_and_the_difference_named(tmp_path):
    save_checkpoint(tiny.checkpoint(MarkerMode.TOKENS), tmp_path / "model")
    domain, *rest = tiny.TAXONOMY.categories
    other = replace(tiny.TAXONOMY, categories=(replace(domain, values=(Value("Legal"), Value("Finance"))), *rest[1:]))
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(tmp_path / "model", ExpectedLevers(other))
    for part in ("lacks the value 'Finance'", "only the model has the value 'Math'", "only the model has the category"):
        assert part in str(caught.value)


def test_rewording_a_definition_is_no_difference(tmp_path):
    save_checkpoint(tiny.checkpoint(MarkerMode.TOKENS), tmp_path / "model")
    domain, *rest = tiny.TAXONOMY.categories
    reworded = replace(tiny.TAXONOMY, categories=(replace(domain, definition="?"), *rest))
    load_checkpoint(tmp_path / "model", ExpectedLevers(reworded))


def test_a_folder_that_is_no_checkpoint_or_was_edited_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"holds no treasure\.json"):
        load_checkpoint(tmp_path)
    save_checkpoint(tiny.checkpoint(MarkerMode.TOKENS), tmp_path / "model")
    path = tmp_path / "model" / LEVERS_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), "max_length": 7}))
    with pytest.raises(CheckpointError, match="changed after it was written"):
        load_checkpoint(tmp_path / "model")
    path.write_text("{")
    with pytest.raises(CheckpointError, match="not readable"):
        load_checkpoint(tmp_path / "model")


def test_saving_again_replaces_and_leaves_nothing_behind(tmp_path):
    for seed in (0, 1):
        found = tiny.checkpoint(MarkerMode.TOKENS, seed)
        save_checkpoint(found, tmp_path / "model")
    again = load_checkpoint(tmp_path / "model")
    assert torch.equal(again.model.get_input_embeddings().weight, found.model.get_input_embeddings().weight)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@MODES
def test_a_folder_holds_what_belongs_to_a_model(mode, tmp_path):
    save_checkpoint(tiny.checkpoint(mode), tmp_path / "model")
    names = {path.name for path in (tmp_path / "model").iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"} <= names
    assert {LEVERS_FILE, "provenance.json", "README.md"} <= names
    provenance = json.loads((tmp_path / "model" / "provenance.json").read_text())
    assert provenance["commit"] and provenance["packages"]["torch"] and provenance["hardware"]["num_cores"]
    assert json.loads((tmp_path / "model" / LEVERS_FILE).read_text())["format_version"] == FORMAT_VERSION


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        (MarkerMode.TOKENS, None),
        (MarkerMode.TEXT, "the model has the surface 'tokens', asked for is 'text'"),
        (MarkerMode.NONE, "the model has the surface 'tokens', asked for is 'none'"),
    ],
)
def test_another_surface_is_refused_and_both_named(mode, said, tmp_path):
    save_checkpoint(tiny.checkpoint(MarkerMode.TOKENS), tmp_path / "model")
    expected = ExpectedLevers(tiny.TAXONOMY, mode, TemplateConfig())
    if said is None:
        load_checkpoint(tmp_path / "model", expected)
        return
    with pytest.raises(CheckpointError, match=re.escape(said)):
        load_checkpoint(tmp_path / "model", expected)


def test_another_template_is_refused_and_the_difference_named(tmp_path):
    save_checkpoint(tiny.checkpoint(MarkerMode.NONE), tmp_path / "model")
    other = TemplateConfig(user_prefix="Q: ", variables={"date": "today"})
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(tmp_path / "model", ExpectedLevers(template=other))
    assert "template.user_prefix is 'User: ' in the model, asked for is 'Q: '" in str(caught.value)
    assert "template.variables is {} in the model" in str(caught.value)
    assert "assistant_prefix" not in str(caught.value)


def test_a_later_format_is_refused_with_what_to_do(tmp_path, monkeypatch):
    with monkeypatch.context() as later:
        later.setattr(levers, "FORMAT_VERSION", FORMAT_VERSION + 1)
        save_checkpoint(tiny.checkpoint(MarkerMode.NONE), tmp_path / "model")
    with pytest.raises(CheckpointError, match="Install a later treasure"):
        load_checkpoint(tmp_path / "model")


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja"])
def test_a_tokenizer_file_that_is_missing_or_was_changed_is_told_by_name(name, tmp_path):
    save_checkpoint(tiny.checkpoint(MarkerMode.TOKENS), tmp_path / "model")
    path = tmp_path / "model" / name
    whole = path.read_text()
    path.write_text(whole + "\n")
    with pytest.raises(CheckpointError, match=rf"{name}' was changed"):
        load_checkpoint(tmp_path / "model")
    path.unlink()
    with pytest.raises(CheckpointError, match=f"lacks its file {name}"):
        load_checkpoint(tmp_path / "model")
    path.write_text(whole)
    load_checkpoint(tmp_path / "model")


def test_weights_that_are_missing_cut_short_or_anothers_are_told(tmp_path):
    folder = tmp_path / "model"
    save_checkpoint(tiny.checkpoint(MarkerMode.TOKENS), folder)
    weights, config = folder / "model.safetensors", folder / "config.json"
    whole, shape = weights.read_bytes(), config.read_text()
    weights.write_bytes(whole[:1000])
    with pytest.raises(CheckpointError, match="No causal language model could be loaded"):
        load_checkpoint(folder)
    weights.unlink()
    with pytest.raises(CheckpointError, match="No causal language model could be loaded"):
        load_checkpoint(folder)
    save_checkpoint(tiny.checkpoint(MarkerMode.NONE), tmp_path / "other")
    weights.write_bytes((tmp_path / "other" / "model.safetensors").read_bytes())
    with pytest.raises(CheckpointError, match="No causal language model could be loaded"):
        load_checkpoint(folder)
    config.write_text((tmp_path / "other" / "config.json").read_text())
    with pytest.raises(CheckpointError, match=r"embedding rows and its tokenizer \d+ tokens"):
        load_checkpoint(folder)
    weights.write_bytes(whole)
    config.write_text(shape)
    load_checkpoint(folder)


class Trap:
    """Whoever unpickles this leaves a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("load", [load_pretrained, load_checkpoint], ids=["base", "checkpoint"])
@pytest.mark.parametrize("name", ["pytorch_model.bin", "adapter_model.bin"])
def test_nothing_is_ever_unpickled(load, name, tmp_path):
    folder, sprung = tmp_path / "model", tmp_path / "sprung"
    save_checkpoint(tiny.checkpoint(MarkerMode.NONE), folder)
    (folder / "model.safetensors").unlink()
    torch.save({"lm_head.weight": Trap(sprung)}, folder / name)
    if name == "adapter_model.bin":
        adapter = {"peft_type": "LORA", "base_model_name_or_path": str(folder), "r": 2, "target_modules": ["q_proj"]}
        (folder / "adapter_config.json").write_text(json.dumps(adapter))
    with pytest.raises(CheckpointError):
        load(folder)
    assert not sprung.exists()
    torch.load(folder / name, weights_only=False)  # the trap works
    assert sprung.exists()


def test_code_in_a_folder_is_never_run(tmp_path):
    folder, sprung = tmp_path / "model", tmp_path / "sprung"
    save_checkpoint(tiny.checkpoint(MarkerMode.NONE), folder)
    code = f"import pathlib\npathlib.Path({str(sprung)!r}).touch()\nfrom transformers import LlamaConfig as Own\n"
    (folder / "own.py").write_text(code)
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own_kind", "auto_map": {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.Own"}}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="No causal language model could be loaded"):
        load_pretrained(folder)
    assert not sprung.exists()


def test_an_adapter_alone_is_no_base(tmp_path):
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="holds an adapter alone"):
        load_pretrained(tmp_path)


def test_our_own_code_unpickles_nothing():
    """`torch.load` and its kin have no place in the package: what is loaded is safetensors, JSON, or plain arrays."""
    calls = re.compile(r"\b(torch\.load|pickle\.loads?|joblib\.load|allow_pickle=True|dill\.)")
    package = Path(checkpoint.__file__).parents[1]
    found = [path for path in package.rglob("*.py") if calls.search(path.read_text(encoding="utf-8"))]
    assert found == []
