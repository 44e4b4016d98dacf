"""The corpus of a run: marked examples from files or from the world, split, mixed and counted."""

from dataclasses import dataclass, field

from treasure.annotation.annotate import annotate
from treasure.data.config import DataConfig
from treasure.data.decontaminate import PromptFilter
from treasure.data.example import MarkedExample
from treasure.data.mixture import mix
from treasure.data.readers import ReadReport, read_dataset
from treasure.data.splits import split_of
from treasure.errors import DataError
from treasure.taxonomy.taxonomy import Taxonomy
from treasure.world.world import World


@dataclass(frozen=True)
class Corpus:
    """What a model is trained on. `notes` are lines that people should read: rows set aside, duplicates, sizes."""

    train: tuple[MarkedExample, ...]
    validation: tuple[MarkedExample, ...]
    notes: tuple[str, ...] = field(default=())


def build_corpus(data: DataConfig, taxonomy: Taxonomy, *, world: World | None) -> Corpus:
    """Takes the examples of `world`, or without one reads, annotates, splits and mixes the files that `data` names.

    Raises:
        DataError: a file is missing or bad, or nothing is left to train on.
    """
    corpus = _from_files(data, taxonomy) if world is None else _from_world(world)
    if not corpus.train:
        raise DataError("The data hold no training example at all. " + " ".join(corpus.notes))
    return corpus


def _from_world(world: World) -> Corpus:
    train = tuple(world.train_examples())
    return Corpus(train, (), (f"{len(train)} examples of the world",))


def _from_files(data: DataConfig, taxonomy: Taxonomy) -> Corpus:
    notes: list[str] = []
    train: dict[str, list[MarkedExample]] = {}
    validation: list[MarkedExample] = []
    excluded, num_excluded = PromptFilter(data.exclude_prompts), 0
    for name, dataset in data.datasets.items():
        report = ReadReport()
        train[name] = []
        for marked in annotate(read_dataset(dataset, report), taxonomy):
            if excluded.holds(marked.example):
                num_excluded += 1
                continue
            side = split_of(marked.example, data.validation_fraction, data.seed)
            (validation if side == "validation" else train[name]).append(marked)
        notes.append(report.describe())
    if data.exclude_prompts:
        notes.append(f"{num_excluded} examples left out because they ask what an evaluation asks.")
    mixed = mix(train, {name: dataset.weight for name, dataset in data.datasets.items()}, data.seed)
    return Corpus(tuple(mixed), tuple(validation), tuple(notes))
