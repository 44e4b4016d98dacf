import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from treasure.annotation.finding import Finding, Outcome
from treasure.annotation.parts import PartIdentity, meaning, write_block, write_part
from treasure.annotation.sidecar import SidecarInfo, write_info
from treasure.data.config import DataConfig, DataSource
from treasure.data.decontaminate import ExcludedPrompts
from treasure.data.readers import DatasetConfig, read_dataset
from treasure.errors import ConfigError, DataError
from treasure.taxonomy.load import load_taxonomy
from treasure.taxonomy.taxonomy import Taxonomy
from treasure.training.corpus import build_corpus
from treasure.training.file_corpus import FileCorpus
from treasure.world.config import WorldConfig
from treasure.world.world import World

WORLD_TAXONOMY = load_taxonomy(Path(__file__).parents[2] / "conf" / "taxonomy" / "world.yaml")


def _file(folder: Path, name: str, count: int) -> str:
    path = folder / f"{name}.jsonl"
    rows = [{"prompt": f"{name} question {i}", "completion": f"Answer number {i}."} for i in range(count)]
    path.write_text("\n".join(map(json.dumps, rows)))
    return str(path)


def _build(taxonomy, cache=None, **options):
    world = None if options else World(WorldConfig(num_train_examples=30), WORLD_TAXONOMY)
    return build_corpus(DataConfig(**options), taxonomy, world=world, cache=cache)


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
    train = list(corpus.train)
    names = [marked.example.dataset for marked in train]
    held_out = [marked.example.dataset for marked in corpus.validation]
    assert names.count("legal") + held_out.count("legal") == 20
    assert names.count("code") / 2 + held_out.count("code") == 40
    assert held_out and not {m.example.prompt for m in train} & {m.example.prompt for m in corpus.validation}
    assert train[0].markers.to_dict()["domain"] == "Legal"
    assert train[0].markers.value("length_tokens") == 4


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
    assert len(list(corpus.train)) == 4 and "1 example left out" in corpus.notes[-1]


def test_the_world_is_a_corpus_too(taxonomy):
    corpus = _build(WORLD_TAXONOMY)
    assert len(list(corpus.train)) == 30 and not corpus.validation


def test_an_empty_file_is_an_error(tmp_path, taxonomy):
    path = tmp_path / "empty.jsonl"
    path.write_text("")
    with pytest.raises(DataError, match=r"empty\.jsonl"):
        _build(taxonomy, source=DataSource.FILES, datasets={"empty": DatasetConfig(path=str(path))})


def _two(folder: Path) -> dict:
    return {
        "source": DataSource.FILES,
        "validation_fraction": 0.3,
        "datasets": {
            "legal": DatasetConfig(path=_file(folder, "legal", 30), facts={"domain": "Legal"}, weight=1.5),
            "code": DatasetConfig(path=_file(folder, "code", 20)),
        },
    }


def test_going_through_twice_gives_the_same(tmp_path, taxonomy):
    options = _two(tmp_path)
    corpus = _build(taxonomy, **options)
    assert list(corpus.train) == list(corpus.train)


def test_the_next_start_knows_what_is_beside_without_reading(tmp_path, taxonomy, monkeypatch):
    options = _two(tmp_path)
    first = _build(taxonomy, tmp_path / "cache", **options)
    list(first.train)
    monkeypatch.setattr(FileCorpus, "__iter__", lambda _: pytest.fail("read again"))
    second = _build(taxonomy, tmp_path / "cache", **options)
    assert first.validation and second.validation == first.validation
    assert second.notes == first.notes
    assert second.key == first.key


@pytest.mark.parametrize("change", ["rows", "facts", "seed", "fraction", "taxonomy"])
def test_whatever_decides_the_examples_decides_the_key(tmp_path, taxonomy, change):
    options = _two(tmp_path)
    before = _build(taxonomy, **options).key
    if change == "rows":
        _file(tmp_path, "legal", 31)
    elif change == "facts":
        options["datasets"]["legal"].facts = {"domain": "Math"}
    elif change == "seed":
        options["seed"] = 1
    elif change == "fraction":
        options["validation_fraction"] = 0.31
    else:
        taxonomy = WORLD_TAXONOMY
    assert _build(taxonomy, **options).key != before


def test_training_examples_are_not_held_in_memory(tmp_path, taxonomy):
    corpus = _build(taxonomy, source=DataSource.FILES, datasets={"a": DatasetConfig(path=_file(tmp_path, "a", 800))})
    next(iter(corpus.train))  # what libraries keep of their own
    tracemalloc.start()
    for _ in corpus.train:
        pass
    _, few = tracemalloc.get_traced_memory()
    held = list(corpus.train)
    all_of_them, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held and few < all_of_them / 2


def _annotated(folder: Path, taxonomy, config: DatasetConfig, values: dict[str, str], version: str = "1") -> str:
    """A sidecar in which every example of `config` has `values`."""
    said = {name: Finding("someone", Outcome.FOUND, (value,)) for name, value in values.items()}
    ids = [example.id for example in read_dataset(config)]
    write_info(folder, SidecarInfo(taxonomy.name, taxonomy.hash, 100, ("someone",)))
    write_block(folder, "a", 0, ids)
    for name, finding in said.items():
        meant = meaning(taxonomy.category(name))
        identity = PartIdentity("someone", version, name, meant, "a", 0, ids="", asked="")
        write_part(folder, identity, [(example_id, finding) for example_id in ids], {})
    return str(folder)


def test_annotations_stand_beside_facts(tmp_path, taxonomy):
    first = DatasetConfig(path=_file(tmp_path, "legal", 20), name="legal", facts={"domain": "Legal"})
    sidecar = _annotated(tmp_path / "side", taxonomy, first, {"domain": "Math", "task": "Reasoning"})
    options = {
        "source": DataSource.FILES,
        "validation_fraction": 0.3,
        "annotations": [sidecar],
        "datasets": {"legal": first, "code": DatasetConfig(path=_file(tmp_path, "code", 10))},
    }
    corpus = _build(taxonomy, tmp_path / "cache", **options)
    for marked in (*corpus.train, *corpus.validation):
        expected = {"domain": "Legal", "task": "Reasoning"} if marked.example.dataset == "legal" else {}
        assert marked.markers.only(["domain", "task"]).to_dict() == expected
        assert marked.markers.value("length_tokens") == 4
    assert "20 of 30 examples have annotations; 10 have none" in corpus.notes[-1]
    again = _build(taxonomy, tmp_path / "cache", **options)
    assert again.validation == corpus.validation and again.notes == corpus.notes


def test_the_key_follows_what_the_annotations_say(tmp_path, taxonomy):
    data = DatasetConfig(path=_file(tmp_path, "legal", 5), name="legal")
    options = {"source": DataSource.FILES, "datasets": {"legal": data}}
    keys = [_build(taxonomy, **options).key]
    for number, value in enumerate(("Math", "Legal")):
        sidecar = _annotated(tmp_path / "side", taxonomy, data, {"domain": value})
        keys.append(_build(taxonomy, **options, annotations=sidecar).key)
        assert DataConfig(**options, annotations=sidecar).fingerprint().keys() == {"legal", sidecar}, number
    assert len(set(keys)) == 3
    same = _build(taxonomy, **options, annotations=_annotated(tmp_path / "side", taxonomy, data, {"domain": "Legal"}))
    assert same.key == keys[-1]


def test_annotations_of_another_taxonomy_are_refused(tmp_path, taxonomy):
    data = DatasetConfig(path=_file(tmp_path, "legal", 5), name="legal")
    sidecar = _annotated(tmp_path / "side", taxonomy, data, {"task": "Reasoning"})
    only = Taxonomy("own", (replace(taxonomy.category("task"), multiple=False),))
    with pytest.raises(DataError, match="another 'task'"):
        _build(only, source=DataSource.FILES, datasets={"legal": data}, annotations=sidecar)
    with pytest.raises(DataError, match="treasure-annotate makes"):
        _build(taxonomy, source=DataSource.FILES, datasets={"legal": data}, annotations=str(tmp_path / "none"))
    with pytest.raises(ConfigError, match="world knows its markers"):
        DataConfig(annotations=sidecar)
