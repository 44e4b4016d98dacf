"""The corpora that are measured on, tokenized once for all contenders: `python -m bench.corpora <spec as JSON>`."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from transformers import PreTrainedTokenizerFast

from treasure.config.composer import conf_dir
from treasure.data.cache import TokenizedDataset, tokenize_dataset
from treasure.data.config import DataConfig, DataSource, OverflowPolicy, TemplateConfig, TemplateKind
from treasure.data.readers import DatasetConfig, OnBadRow
from treasure.data.template import make_template
from treasure.data.tokenize import Encoder
from treasure.markers.config import MarkerMode, MarkersConfig
from treasure.model.config import TinyModelConfig
from treasure.model.marker_embeddings import add_marker_tokens
from treasure.model.tokenizer import cached_tokenizer, load_tokenizer
from treasure.taxonomy.load import load_taxonomy
from treasure.training.corpus import Corpus, build_corpus
from treasure.world.config import WorldConfig
from treasure.world.world import World

MAX_LENGTH = {"world": 1024, "alpaca": 512}
"""Tokens of context; wide enough that no example of the world is left out on any surface."""


MODES = (MarkerMode.NONE, MarkerMode.TEXT, MarkerMode.TOKENS)
"""What is measured: Baseline and the two surfaces of headers."""
DONE = "done"


@dataclass(frozen=True)
class Tokenized:
    """A corpus on disk: tokenizer and ids of each surface."""

    tokenizer: PreTrainedTokenizerFast
    dataset: TokenizedDataset


def build(name: str, folder: Path, *, num_examples: int, alpaca: str, tokenizer: str) -> None:
    """Tokenizes a corpus for each surface; `load` opens what this leaves in `folder`."""
    taxonomy = load_taxonomy(conf_dir() / "taxonomy" / ("world.yaml" if name == "world" else "treasure_hunt.yaml"))
    if name == "world":
        corpus = build_corpus(
            DataConfig(), taxonomy, world=World(WorldConfig(num_train_examples=num_examples), taxonomy)
        )
    else:
        rows = DatasetConfig(path=alpaca, limit=num_examples, on_bad_row=OnBadRow.SET_ASIDE, facts={"lang": "English"})
        data = DataConfig(source=DataSource.FILES, datasets={"alpaca": rows}, validation_fraction=0.0)
        corpus = build_corpus(data, taxonomy, world=None)
    for mode in MODES if name == "world" else (MarkerMode.NONE,):
        own = _tokenizer(corpus, name, folder, tokenizer)
        surface = MarkersConfig(mode=mode).surface(taxonomy)
        if surface is not None:
            add_marker_tokens(own, surface)
        template = TemplateConfig(kind=TemplateKind.AUTO if name == "world" else TemplateKind.PLAIN)
        dataset = tokenize_dataset(
            corpus.train,
            Encoder(own, make_template(template, own), surface),
            taxonomy_hash=taxonomy.hash,
            max_length=MAX_LENGTH[name],
            overflow=OverflowPolicy.DROP,
            cache=folder,
        )
        own.save_pretrained(folder / str(mode))
        (folder / f"{mode}.json").write_text(json.dumps(str(dataset.folder)), encoding="utf-8")
    (folder / DONE).touch()


def _tokenizer(corpus: Corpus, name: str, folder: Path, given: str) -> PreTrainedTokenizerFast:
    """One trained on the world, or the given `tokenizer.json`, whose folder may hold nothing else."""
    if name == "world":
        texts = [text for marked in corpus.train for text in (marked.example.prompt, marked.example.completion)]
        return cached_tokenizer(texts, TinyModelConfig().vocab_size, folder)
    return PreTrainedTokenizerFast(
        tokenizer_file=str(Path(given) / "tokenizer.json"), bos_token="<s>", eos_token="</s>", pad_token="</s>"
    )


def load(folder: Path, mode: str = "none") -> Tokenized:
    """What `build` left."""
    dataset = TokenizedDataset(Path(json.loads((folder / f"{mode}.json").read_text(encoding="utf-8"))))
    return Tokenized(load_tokenizer(str(folder / mode)), dataset)


def main() -> None:
    """Builds what the specification says, in a process of its own, so that no contender carries its memory."""
    spec = json.loads(sys.argv[1])
    build(spec.pop("name"), Path(spec.pop("folder")), **spec)


if __name__ == "__main__":
    main()
