"""The corpus of a run: marked examples from files or from the world, split, mixed and counted."""

from dataclasses import dataclass, field
from pathlib import Path

from treasure.annotation.annotate import annotate
from treasure.data.config import DataConfig, DataSource
from treasure.data.example import MarkedExample
from treasure.data.frequency import Frequency, count
from treasure.data.mixture import mix
from treasure.data.readers import ReadReport, read_dataset
from treasure.data.splits import split_of
from treasure.errors import ConfigError, DataError
from treasure.taxonomy.taxonomy import Taxonomy
from treasure.world.world import World


@dataclass(frozen=True)
class Corpus:
    """What a model is trained on. `notes` are lines that people should read: rows set aside, duplicates, sizes."""

    train: tuple[MarkedExample, ...]
    validation: tuple[MarkedExample, ...]
    frequency: Frequency
    notes: tuple[str, ...] = field(default=())


def build_corpus(data: DataConfig, taxonomy: Taxonomy, *, world: World, folder: Path, seed: int) -> Corpus:
    """Reads, annotates, splits and mixes the examples that `data` names; `folder` is where its paths begin.

    Raises:
        DataError: a file is missing or bad, or nothing is left to train on.
        ConfigError: `data` names no data set.
    """
    corpus = _from_world(data, taxonomy, world) if data.source is DataSource.WORLD else _from_files(
        data, taxonomy, folder, seed
    )
    if not corpus.train:
        raise DataError("The data hold no training example at all. " + " ".join(corpus.notes))
    return corpus


def _from_world(data: DataConfig, taxonomy: Taxonomy, world: World) -> Corpus:
    train = tuple(world.train_examples())
    return Corpus(train, (), count(train, taxonomy), (f"{len(train)} examples of the world",))


def _from_files(data: DataConfig, taxonomy: Taxonomy, folder: Path, seed: int) -> Corpus:
    if not data.datasets:
        raise ConfigError("data.datasets is empty. Name at least one data set; see docs/real_data.md.")
    notes: list[str] = []
    train: dict[str, list[MarkedExample]] = {}
    validation: list[MarkedExample] = []
    for name, dataset in data.datasets.items():
        report = ReadReport()
        examples = list(read_dataset(name, dataset, folder, report))
        marked = annotate(examples, taxonomy, {name: dataset.facts})
        train[name] = []
        for example in marked:
            side = split_of(example.example, data.validation_fraction, seed)
            (validation if side == "validation" else train[name]).append(example)
        notes.append(f"{name}: {report.describe()}")
    mixed = mix(train, {name: dataset.weight for name, dataset in data.datasets.items()}, seed)
    return Corpus(tuple(mixed), tuple(validation), count(mixed, taxonomy), tuple(notes))
