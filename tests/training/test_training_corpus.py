import json
from pathlib import Path

import pytest

from treasure.data.config import DataConfig, DataSource
from treasure.data.decontaminate import ExcludedPrompts
from treasure.data.readers import DatasetConfig
from treasure.errors import DataError
from treasure.taxonomy.load import load_taxonomy
from treasure.training.corpus import build_corpus
from treasure.world.config import WorldConfig
from treasure.world.world import World

WORLD_TAXONOMY = load_taxonomy(Path(__file__).parents[2] / "conf" / "taxonomy" / "world.yaml")


def _file(folder: Path, name: str, count: int) -> str:
    path = folder / f"{name}.jsonl"
    rows = [{"prompt": f"{name} question {i}", "completion": f"Answer number {i}."} for i in range(count)]
    path.write_text("\n".join(map(json.dumps, rows)))
    return str(path)


def _build(taxonomy, **options):
    world = None if options else World(WorldConfig(num_train_examples=30), WORLD_TAXONOMY)
    return build_corpus(DataConfig(**options), taxonomy, world=world)


def test_files_are_marked_split_and_weighted(tmp_path, taxonomy):
    corpus = _build(
        taxonomy,
        source=DataSource.FILES,
        validation_fraction=0.2,
        datasets={
            "legal": DatasetConfig(path=_file(tmp_path, "legal", 20), facts={"domain": "Legal", "lang": "English"}),
            "code": DatasetConfig(path=_file(tmp_path, "code", 40), facts={"domain": "Code"}, weight=2.0),
        },
    )
    names = [marked.example.dataset for marked in corpus.train]
    held_out = [marked.example.dataset for marked in corpus.validation]
    assert names.count("legal") + held_out.count("legal") == 20
    assert names.count("code") / 2 + held_out.count("code") == 40
    assert held_out and not {m.example.prompt for m in corpus.train} & {m.example.prompt for m in corpus.validation}
    assert corpus.train[0].markers.to_dict()["domain"] == "Legal"
    assert corpus.train[0].markers.value("length_tokens") == 4


def test_evaluation_prompts_are_left_out_and_counted(tmp_path, taxonomy):
    excluded = tmp_path / "benchmark.jsonl"
    excluded.write_text('{"prompt": "LEGAL question 3!"}')
    corpus = _build(
        taxonomy,
        source=DataSource.FILES,
        validation_fraction=0.0,
        datasets={"legal": DatasetConfig(path=_file(tmp_path, "legal", 5))},
        exclude_prompts=[ExcludedPrompts(path=str(excluded))],
    )
    assert len(corpus.train) == 4 and "1 examples left out" in corpus.notes[-1]


def test_the_world_is_a_corpus_too(taxonomy):
    corpus = _build(WORLD_TAXONOMY)
    assert len(corpus.train) == 30 and not corpus.validation


def test_an_empty_file_is_an_error(tmp_path, taxonomy):
    path = tmp_path / "empty.jsonl"
    path.write_text("")
    with pytest.raises(DataError, match=r"empty\.jsonl"):
        _build(taxonomy, source=DataSource.FILES, datasets={"empty": DatasetConfig(path=str(path))})
