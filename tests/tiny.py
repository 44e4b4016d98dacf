"""A taxonomy, a corpus, a tokenizer and a model so small that tests of the whole chain take a second."""

from pathlib import Path
from typing import Any

from treasure.data.batches import MicroBatchDataset
from treasure.data.cache import TokenizedDataset, tokenize_dataset
from treasure.data.config import BatchConfig, OverflowPolicy, TemplateConfig
from treasure.data.example import Example, MarkedExample, Message, example_id
from treasure.markers.config import MarkerMode, MarkersConfig
from treasure.markers.dropout import DropoutConfig
from treasure.markers.header_style import HeaderStyle, Placement
from treasure.markers.marker_set import MarkerSet
from treasure.model.causal_lm import build_tiny
from treasure.model.checkpoint import Checkpoint, make_checkpoint
from treasure.model.config import TinyModelConfig
from treasure.model.tokenizer import train_tokenizer
from treasure.taxonomy.taxonomy import Category, Kind, Taxonomy, Value

TAXONOMY = Taxonomy(
    "tiny",
    (
        Category("domain", Kind.NOMINAL, values=(Value("Legal"), Value("Math")), multiple=True),
        Category("lang", Kind.NOMINAL, values=(Value("English"), Value("French"))),
        Category("length_tokens", Kind.INTEGER, minimum=0),
    ),
)
CONTEXT = 320
SHAPE = TinyModelConfig(vocab_size=400, hidden_size=32, intermediate_size=48, num_layers=2, num_heads=2)


def corpus(size: int = 40) -> list[MarkedExample]:
    """Sums in English and French, each with three known markers."""
    return [_sum(number) for number in range(size)]


def _sum(number: int) -> MarkedExample:
    french = number % 4 == 0
    messages = (Message("user", f"Combien font {number} et 1 ?" if french else f"What is {number} plus 1?"),)
    completion = (
        f"Cela fait {number + 1}." if french else f"It is {number + 1}, since one more than {number} comes next."
    )
    values = {"domain": "Math", "lang": "French" if french else "English", "length_tokens": len(completion.split())}
    example = Example(example_id(messages, completion), messages, completion, "sums")
    return MarkedExample(example, MarkerSet.of(TAXONOMY, values))


def checkpoint(mode: MarkerMode, seed: int = 0, style: HeaderStyle | None = None) -> Checkpoint:
    """An untrained model with its markers, if any; words stand in the prompt alone."""
    examples = corpus()
    texts = [text for e in examples for text in (e.example.prompt, e.example.completion)]
    tokenizer = train_tokenizer(texts, SHAPE.vocab_size)
    model = build_tiny(SHAPE, tokenizer, CONTEXT, seed)
    placement = Placement.PROMPT if mode is MarkerMode.WORDS else Placement.BOTH
    markers = MarkersConfig(mode=mode, placement=placement)
    surface, met = markers.surface(TAXONOMY), style or markers.style(1.0)
    return make_checkpoint(model, tokenizer, TAXONOMY, surface, TemplateConfig(), CONTEXT, met)


def tokenized(found: Checkpoint, folder: Path, size: int = 40) -> TokenizedDataset:
    """The corpus as ids."""
    return tokenize_dataset(
        corpus(size),
        found.encoder,
        taxonomy_hash=TAXONOMY.hash,
        max_length=CONTEXT,
        overflow=OverflowPolicy.STOP,
        cache=folder,
    )


def batches(
    found: Checkpoint,
    folder: Path,
    *,
    config: BatchConfig | None = None,
    num_steps: int = 4,
    dropout: DropoutConfig | None = None,
    seed: int = 0,
    size: int = 40,
    **options: Any,
) -> MicroBatchDataset:
    """Micro-batches of the corpus; without `dropout` no headers are written."""
    return MicroBatchDataset(
        tokenized(found, folder, size),
        config or BatchConfig(global_batch_size=8, micro_batch_size=4),
        num_steps=num_steps,
        seed=seed,
        pad_id=int(found.tokenizer.pad_token_id),
        dropout=dropout,
        **{"style": found.style, **options},
    )
