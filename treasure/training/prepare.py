"""From a corpus to what a trainer needs: a model with its markers, and tokenized examples."""

import copy
from dataclasses import dataclass
from pathlib import Path

from transformers import PreTrainedTokenizerFast

from treasure.data.cache import TokenizedDataset, tokenize_dataset
from treasure.data.overflow import OverflowPolicy
from treasure.data.template import TemplateConfig, make_template
from treasure.data.tokenize import Encoder
from treasure.markers.config import MarkersConfig
from treasure.markers.surface import SurfaceName, make_surface
from treasure.model.causal_lm import load_causal_lm
from treasure.model.checkpoint import Checkpoint, make_checkpoint
from treasure.model.config import ModelConfig
from treasure.model.marker_embeddings import add_marker_tokens
from treasure.model.tokenizer import cached_tokenizer, load_tokenizer
from treasure.taxonomy.taxonomy import Taxonomy
from treasure.training.corpus import Corpus


@dataclass(frozen=True)
class Prepared:
    """An untrained checkpoint and the examples it will learn."""

    checkpoint: Checkpoint
    dataset: TokenizedDataset


def prepare(
    corpus: Corpus,
    taxonomy: Taxonomy,
    *,
    markers: MarkersConfig,
    model: ModelConfig,
    template: TemplateConfig,
    overflow: OverflowPolicy,
    seed: int,
    cache: Path,
) -> Prepared:
    """Loads or builds tokenizer and model, adds the markers, and tokenizes the training examples."""
    tokenizer = base_tokenizer(corpus, model, cache)
    base = load_causal_lm(model, tokenizer, seed)
    surface = markers.surface(taxonomy)
    checkpoint = make_checkpoint(base, tokenizer, taxonomy, surface, template, model.max_length)
    encoder = checkpoint.encoder if surface is not None else _baseline_encoder(tokenizer, taxonomy, template)
    dataset = tokenize_dataset(
        corpus.train,
        encoder,
        taxonomy_hash=taxonomy.hash,
        max_length=model.max_length,
        overflow=overflow,
        cache=cache,
    )
    return Prepared(checkpoint, dataset)


def base_tokenizer(corpus: Corpus, model: ModelConfig, cache: Path) -> PreTrainedTokenizerFast:
    """The pretrained model's tokenizer, or one trained on the prompts and completions of the corpus."""
    if model.path is not None:
        return load_tokenizer(model.path)
    texts = [
        text
        for marked in corpus.train
        for text in (*(message.content for message in marked.example.messages), marked.example.completion)
    ]
    return cached_tokenizer(texts, model.tiny.vocab_size, cache)


def _baseline_encoder(tokenizer: PreTrainedTokenizerFast, taxonomy: Taxonomy, template: TemplateConfig) -> Encoder:
    """Encodes as for the tokens surface, so that Baseline leaves out the same over-long examples as a marked model.

    Baseline's batches then write no header.
    """
    surface = make_surface(SurfaceName.TOKENS, taxonomy)
    extended = copy.deepcopy(tokenizer)
    add_marker_tokens(extended, surface)
    return Encoder(extended, make_template(template, extended), surface)
