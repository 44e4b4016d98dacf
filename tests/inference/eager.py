"""A tiny untrained model that looks at its prompt and prefers some headers, with a taxonomy of few headers."""

from dataclasses import replace

import tiny
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from treasure.data.config import TemplateConfig
from treasure.inference.request import GenerationRequest
from treasure.markers.config import MarkerMode, MarkersConfig
from treasure.markers.header_style import HeaderStyle
from treasure.markers.marker_set import MarkerSet
from treasure.model.causal_lm import build_tiny
from treasure.model.checkpoint import Checkpoint, make_checkpoint
from treasure.model.tokenizer import train_tokenizer
from treasure.taxonomy.taxonomy import Category, Kind, Taxonomy, Value

TAXONOMY = Taxonomy(
    "eager",
    (
        Category("domain", Kind.NOMINAL, values=(Value("Legal"), Value("Math")), multiple=True),
        Category("lang", Kind.NOMINAL, values=(Value("English"), Value("French"))),
        Category("length_tokens", Kind.INTEGER, minimum=9, maximum=11),
    ),
)
ALL = MarkerSet.of(TAXONOMY, {"domain": ["Legal", "Math"], "lang": "French", "length_tokens": 10})
NUM_HEADERS = 4 * 3 * 4
"""Any of the values of each category, or none."""
REQUESTS = [GenerationRequest(marked.example.messages) for marked in tiny.corpus()[:4]]
SURFACES = [MarkerMode.TOKENS, MarkerMode.TEXT]


def with_table(num_positions: int) -> Checkpoint:
    """The model, which looks up its positions in a table of this size; prompts have some ten ids."""
    found = checkpoint(MarkerMode.TOKENS)
    config = GPT2Config(
        vocab_size=found.model.config.vocab_size, n_embd=32, n_layer=1, n_head=2, n_positions=num_positions,
        bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return replace(found, model=GPT2LMHeadModel(config).eval())


def checkpoint(mode: MarkerMode, style: HeaderStyle | None = None) -> Checkpoint:
    """The model; weights three times as great as fresh ones make it decided."""
    texts = [text for e in tiny.corpus() for text in (e.example.prompt, e.example.completion)]
    headers = [MarkersConfig(mode=MarkerMode.TEXT).surface(TAXONOMY).render(ALL)] * len(texts)
    tokenizer = train_tokenizer(texts + headers, tiny.SHAPE.vocab_size)  # else text takes an id a letter
    model = build_tiny(tiny.SHAPE, tokenizer, tiny.CONTEXT, 0)
    markers = MarkersConfig(mode=mode)
    met = style or markers.style(1.0)
    found = make_checkpoint(model, tokenizer, TAXONOMY, markers.surface(TAXONOMY), TemplateConfig(), tiny.CONTEXT, met)
    for weights in found.model.parameters():
        weights.data.mul_(3)
    return found
