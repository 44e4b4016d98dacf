import json
from dataclasses import replace

import pytest
import tiny
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from treasure.errors import CheckpointError
from treasure.markers.config import MarkerMode
from treasure.markers.dropout import DropoutConfig
from treasure.markers.marker_set import MarkerSet
from treasure.model.checkpoint import load_checkpoint, save_checkpoint
from treasure.model.levers import LEVERS_FILE, ExpectedLevers
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
    levers = tmp_path / "model" / LEVERS_FILE
    levers.write_text(json.dumps({**json.loads(levers.read_text()), "max_length": 7}))
    with pytest.raises(CheckpointError, match="changed after it was written"):
        load_checkpoint(tmp_path / "model")
    levers.write_text("{")
    with pytest.raises(CheckpointError, match="not readable"):
        load_checkpoint(tmp_path / "model")


def test_saving_again_replaces_and_leaves_nothing_behind(tmp_path):
    for seed in (0, 1):
        found = tiny.checkpoint(MarkerMode.TOKENS, seed)
        save_checkpoint(found, tmp_path / "model")
    again = load_checkpoint(tmp_path / "model")
    assert torch.equal(again.model.get_input_embeddings().weight, found.model.get_input_embeddings().weight)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
