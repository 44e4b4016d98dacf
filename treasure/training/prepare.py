"""From a corpus to what a trainer needs: a model with its markers, and tokenized examples."""

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from transformers import PreTrainedTokenizerFast

from treasure.data.cache import TokenizedDataset, tokenize_dataset
from treasure.data.config import OverflowPolicy, TemplateConfig
from treasure.data.example import MarkedExample
from treasure.data.frequency import Frequency, FrequencyCounter
from treasure.data.template import make_template
from treasure.data.tokenize import Encoder
from treasure.errors import DataError
from treasure.markers.config import MarkersConfig
from treasure.model.causal_lm import load_causal_lm
from treasure.model.checkpoint import Checkpoint, adapt_checkpoint, make_checkpoint
from treasure.model.config import ModelConfig
from treasure.model.marker_embeddings import add_marker_tokens
from treasure.model.tokenizer import cached_tokenizer, load_tokenizer
from treasure.taxonomy.taxonomy import Taxonomy
from treasure.training.corpus import Corpus

TOKENIZER_EXAMPLES = 200_000
"""Examples of the training data, from its start, on which a tokenizer is trained at most."""


@dataclass(frozen=True)
class Prepared:
    """An untrained checkpoint, the examples it will learn, and how common each value is among just these.

    `is_tail` (bool, one an example) tells which of them hold a tail value.
    """

    checkpoint: Checkpoint
    dataset: TokenizedDataset
    frequency: Frequency
    is_tail: np.ndarray


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
    header_loss_weight: float = 1.0,
    tail_threshold: float = 0.05,
) -> Prepared:
    """Loads or builds tokenizer and model, adds markers and adapters, and tokenizes the training examples."""
    tokenizer = base_tokenizer(corpus, model, cache)
    base = load_causal_lm(model, tokenizer, seed)
    surface = markers.surface(taxonomy)
    style = markers.style(header_loss_weight)
    plain = make_checkpoint(base, tokenizer, taxonomy, surface, template, model.max_length, style)
    checkpoint = adapt_checkpoint(plain, model, seed)
    room = room_encoder(checkpoint, markers)
    dataset = tokenize_dataset(
        corpus.train,
        checkpoint.encoder if surface is not None else room,  # Baseline then shares the ids of a marked model
        room=room if surface is not None and room is not checkpoint.encoder else None,
        taxonomy_hash=taxonomy.hash,
        max_length=model.max_length,
        overflow=overflow,
        cache=cache,
        examples_key=corpus.key,
        counter=FrequencyCounter(taxonomy),
    )
    _check_kept(dataset)
    return Prepared(checkpoint, dataset, dataset.frequency(), dataset.has_tail(tail_threshold))


def base_tokenizer(corpus: Corpus, model: ModelConfig, cache: Path) -> PreTrainedTokenizerFast:
    """The pretrained model's tokenizer, or one trained on prompts and completions of the corpus."""
    if model.path is not None:
        return load_tokenizer(model.path)
    texts = _texts(islice(corpus.train, TOKENIZER_EXAMPLES))
    key = None if corpus.key is None else f"{corpus.key} {TOKENIZER_EXAMPLES}"
    return cached_tokenizer(list(texts) if key is None else texts, model.tiny.vocab_size, cache, key)


def _texts(examples: Iterable[MarkedExample]) -> Iterator[str]:
    for marked in examples:
        yield from (message.content for message in marked.example.messages)
        yield marked.example.completion


def room_encoder(checkpoint: Checkpoint, markers: MarkersConfig) -> Encoder:
    """The encoder whose headers decide which examples are too long, so that compared models see the same ones."""
    surface = markers.room_surface(checkpoint.taxonomy)
    if checkpoint.surface is not None and checkpoint.surface.name is surface.name:
        return checkpoint.encoder
    extended = copy.deepcopy(checkpoint.tokenizer)
    add_marker_tokens(extended, surface)
    return Encoder(extended, make_template(checkpoint.template, extended), surface)


def _check_kept(dataset: TokenizedDataset) -> None:
    """Refuses data of which most would silently stay out.

    Raises:
        DataError: more than half of the examples are too long for the context.
    """
    report = dataset.report
    if report.num_dropped > report.num_examples / 2:
        raise DataError(
            f"{report.num_dropped} of {report.num_examples} examples are longer than the context of "
            f"{dataset.max_length} tokens with their header on both sides. Raise model.max_length, take the short "
            "headers of markers=tokens, or set data.overflow=truncate_content. Which headers have to fit is "
            "markers.header_room."
        )
