"""A checkpoint knows its levers: model, tokenizer, taxonomy, surface and template travel together.

<folder>/
    model.safetensors, config.json, …   the model, adapters merged: plain `from_pretrained` loads it
    tokenizer.json, …                   its tokenizer, marker tokens included
    chat_template.jinja                 what training wrote, for engines: it takes `markers` and `header`
    treasure.json                       taxonomy, surface, template, context, the base's chat template, and their hash
    provenance.json                     commit, versions, hardware
    README.md                           the model card
    adapter/                            the adapters alone, in peft's format, where adapters were trained
"""

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from transformers import PreTrainedModel, PreTrainedTokenizerFast

from treasure import provenance
from treasure.data.config import TemplateConfig
from treasure.data.template import make_template
from treasure.data.tokenize import Encoder
from treasure.errors import CheckpointError
from treasure.files import told_when_full, whole_folder
from treasure.jsonl import write_json, write_text
from treasure.markers.header_style import DEFAULT_STYLE, HeaderStyle
from treasure.markers.surface import Surface, make_surface
from treasure.model.adapters import adapt, merged_copy, save_adapter
from treasure.model.card import TrainingStory, render_card
from treasure.model.causal_lm import load_pretrained, num_rows
from treasure.model.chat_template import chat_template
from treasure.model.config import ModelConfig
from treasure.model.levers import BaseTemplate, ExpectedLevers, Levers, check_levers, read_levers, write_levers
from treasure.model.marker_embeddings import add_marker_embeddings, add_marker_tokens
from treasure.model.tokenizer import load_tokenizer
from treasure.taxonomy.taxonomy import Taxonomy

if TYPE_CHECKING:
    from peft import PeftModel

ADAPTER_FOLDER, CARD_FILE, PROVENANCE_FILE = "adapter", "README.md", "provenance.json"


@dataclass(frozen=True)
class Checkpoint:
    """All that is needed to train or to ask a model.

    `surface` is None for a model without markers. `adapter` is None where all weights are trained, and in whatever was
    loaded from a folder, since adapters are merged there; else it is a view of `model`, which holds the adapters.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    taxonomy: Taxonomy
    surface: Surface | None
    template: TemplateConfig
    max_length: int
    encoder: Encoder
    style: HeaderStyle = DEFAULT_STYLE
    adapter: "PeftModel | None" = None

    @property
    def levers(self) -> Levers:
        """What `treasure.json` says of it."""
        surface = None if self.surface is None else self.surface.name
        base = BaseTemplate(self.tokenizer.chat_template)
        return Levers(self.taxonomy, surface, self.template, self.max_length, self.style, base)


@dataclass(frozen=True)
class Prompting:
    """All of a checkpoint but its weights: what writes prompts for a model that runs elsewhere, and reads its answers.

    `surface` is None for a model without markers.
    """

    tokenizer: PreTrainedTokenizerFast
    encoder: Encoder
    surface: Surface | None
    levers: Levers


def make_checkpoint(
    model: PreTrainedModel,
    base_tokenizer: PreTrainedTokenizerFast,
    taxonomy: Taxonomy,
    surface: Surface | None,
    template: TemplateConfig,
    max_length: int,
    style: HeaderStyle = DEFAULT_STYLE,
) -> Checkpoint:
    """Puts a base model and its markers together: the surface's tokens and embedding rows are added."""
    tokenizer = copy.deepcopy(base_tokenizer)
    if surface is not None:
        add_marker_embeddings(model, base_tokenizer, surface, add_marker_tokens(tokenizer, surface))
    encoder = Encoder(tokenizer, make_template(template, tokenizer), surface)
    return Checkpoint(model, tokenizer, taxonomy, surface, template, max_length, encoder, style)


def adapt_checkpoint(checkpoint: Checkpoint, config: ModelConfig, seed: int) -> Checkpoint:
    """The checkpoint with all frozen that `config.trainable` does not name; its model is changed in place.

    Raises:
        ConfigError: there is nothing that could be trained in this way.
        MissingExtraError: peft is needed and not installed.
    """
    tokens = () if checkpoint.surface is None else checkpoint.surface.added_tokens()
    vocabulary = checkpoint.tokenizer.get_added_vocab()
    rows = [vocabulary[token] for token in tokens]
    return replace(checkpoint, adapter=adapt(checkpoint.model, config, rows, seed))


def save_checkpoint(checkpoint: Checkpoint, folder: Path, story: TrainingStory | None = None) -> None:
    """Writes a Hugging Face folder that plain `from_pretrained` loads, adapters merged, its levers and card beside it.

    `story` is what the card tells of the training. The folder appears whole or not at all; an earlier one of the same
    name is replaced. The model in memory stays as it is.

    Raises:
        DiskFullError: there is no room for it.
    """
    with told_when_full(f"the model folder '{folder}'"), whole_folder(folder) as partial:
        _exported_tokenizer(checkpoint).save_pretrained(partial)
        write_levers(partial, checkpoint.levers, [path.name for path in partial.iterdir()])
        model = checkpoint.model if checkpoint.adapter is None else merged_copy(checkpoint.adapter)
        model.save_pretrained(partial, safe_serialization=True)
        if checkpoint.adapter is not None:
            save_adapter(checkpoint.adapter, partial / ADAPTER_FOLDER)
        write_json(partial / PROVENANCE_FILE, provenance.collect())
        write_text(partial / CARD_FILE, render_card(checkpoint.levers, story))


def _exported_tokenizer(checkpoint: Checkpoint) -> PreTrainedTokenizerFast:
    """The tokenizer with a chat template that knows the levers; that in memory keeps its own."""
    tokenizer = copy.copy(checkpoint.tokenizer)
    tokenizer.chat_template = chat_template(checkpoint.levers, checkpoint.tokenizer, checkpoint.encoder)
    return tokenizer


def load_prompting(folder: Path, expected: ExpectedLevers = ExpectedLevers()) -> Prompting:  # noqa: B008  # frozen
    """What the checkpoint in `folder` holds beside its weights, which are not read.

    Raises:
        LeversError: it has other levers than `expected`, or a later format.
        CheckpointError: it is no checkpoint of ours, or was changed by hand.
    """
    levers = read_levers(folder)
    check_levers(levers, expected, folder)
    surface = None if levers.surface is None else make_surface(levers.surface, levers.taxonomy)
    tokenizer = load_tokenizer(str(folder))
    encoder = Encoder(tokenizer, make_template(levers.template, tokenizer), surface)
    return Prompting(tokenizer, encoder, surface, levers)


def load_checkpoint(folder: Path, expected: ExpectedLevers = ExpectedLevers()) -> Checkpoint:  # noqa: B008  # frozen
    """The checkpoint in `folder`.

    Raises:
        LeversError: it has other levers than `expected`, or a later format.
        CheckpointError: it is no checkpoint of ours, or was changed by hand.
    """
    found = load_prompting(folder, expected)
    model = load_pretrained(folder)
    rows = num_rows(model)
    if rows < len(found.tokenizer):
        raise CheckpointError(
            f"The model in '{folder}' has {rows} embedding rows and its tokenizer {len(found.tokenizer)} tokens: they "
            "do not belong together. Export the model again."
        )
    levers = found.levers
    return Checkpoint(
        model,
        found.tokenizer,
        levers.taxonomy,
        found.surface,
        levers.template,
        levers.max_length,
        found.encoder,
        levers.style,
    )
