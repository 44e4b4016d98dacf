from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from treasure.config.enum_values import accept_enum_values
from treasure.data.config import DataConfig, DataSource
from treasure.data.decontaminate import ExcludedPrompts
from treasure.data.readers import DatasetConfig, ReadReport, read_dataset
from treasure.errors import ConfigError, DataError
from treasure.markers.marker_set import MarkerSet

REPOSITORY = Path(__file__).parents[2]
SHARED = REPOSITORY.parent / "shared" / "data"


def shipped(name: str) -> DataConfig:
    accept_enum_values()
    schema = OmegaConf.structured(DataConfig)
    written = OmegaConf.merge(schema, OmegaConf.load(REPOSITORY / "conf" / "data" / f"{name}.yaml"))
    found = OmegaConf.to_object(OmegaConf.create({"data": written, "paths": {"data": str(SHARED)}}).data)
    assert isinstance(found, DataConfig)
    return found


def test_a_fingerprint_follows_content_not_place(tmp_path):
    def found(folder: Path, text: str) -> dict[str, str]:
        folder.mkdir(exist_ok=True)
        (folder / "rows.jsonl").write_text(text)
        datasets = {"rows": DatasetConfig(path=str(folder / "rows.jsonl"))}
        return DataConfig(source=DataSource.FILES, datasets=datasets).fingerprint()

    first = found(tmp_path / "a", '{"prompt": "1"}\n')
    assert first == found(tmp_path / "b", '{"prompt": "1"}\n')
    assert first != found(tmp_path / "a", '{"prompt": "2"}\n')


def test_a_fingerprint_knows_excluded_prompts_and_refuses_a_missing_file(tmp_path):
    (tmp_path / "rows.jsonl").write_text("{}")
    config = DataConfig(exclude_prompts=[ExcludedPrompts(path=str(tmp_path / "rows.jsonl"))])
    config.source = DataSource.FILES
    before = config.fingerprint()
    (tmp_path / "rows.jsonl").write_text('{"a": 1}')
    assert config.fingerprint().keys() == before.keys() and config.fingerprint() != before
    (tmp_path / "rows.jsonl").unlink()
    with pytest.raises(DataError, match="No such file"):
        config.fingerprint()


def test_the_world_needs_no_datasets():
    assert shipped("world").source is DataSource.WORLD


def test_only_some_of_the_datasets_are_read():
    def names(*only: str) -> list[str]:
        datasets = {name: DatasetConfig(path=name) for name in ("lima", "xquad", "flask")}
        return list(DataConfig(source=DataSource.FILES, datasets=datasets, only=list(only)).datasets)

    assert names() == ["lima", "xquad", "flask"] and names("flask", "lima") == ["lima", "flask"]
    with pytest.raises(ConfigError, match=r"no dataset 'xsquad'\. Did you mean 'xquad'\? Listed: lima, xquad, flask"):
        names("xsquad")


REAL = shipped("real").datasets


@pytest.mark.parametrize("name", REAL)
def test_shipped_facts_are_in_the_taxonomy(name, taxonomy):
    assert len(MarkerSet.of(taxonomy, REAL[name].facts)) == len(REAL[name].facts) >= 2
    assert REAL[name].name == name


@pytest.mark.skipif(not SHARED.is_dir(), reason="the files that data=real names are not on this machine")
@pytest.mark.parametrize("name", REAL)
def test_shipped_datasets_can_be_read(name):
    report = ReadReport()
    found = list(islice(read_dataset(REAL[name], report), 300))
    assert len(found) == 300
    assert report.num_bad <= 2
    assert all(example.messages[-1].role == "user" and example.completion.strip() for example in found)


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="the files that data=real names are not on this machine")
def test_shipped_datasets_can_be_read_to_the_end():
    sizes, bad = Counter(), Counter()
    for name, config in REAL.items():
        report = ReadReport()
        for _ in read_dataset(config, report):
            sizes[name] += 1
        bad[name] = report.num_bad
    assert sizes["oasst_fr"] > 1183, "several turns give several examples"
    assert bad == Counter({"alpaca_5000": 2, "code_alpaca_2k": 2})


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"source": DataSource.FILES}, "lists none"),
        ({"validation_fraction": 1.0}, "validation_fraction"),
        ({"tail_threshold": 0.0}, "tail_threshold"),
    ],
    ids=["no datasets", "no training", "no tail"],
)
def test_options_are_checked(options, reason):
    with pytest.raises(ConfigError, match=reason):
        DataConfig(**options)
    assert DataConfig(source=DataSource.FILES, datasets={"a": DatasetConfig(path="a.csv")}).datasets
