"""The corpus of a run: marked examples from files or from the world, split and mixed."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from treasure.data.config import DataConfig
from treasure.data.example import MarkedExample
from treasure.taxonomy.taxonomy import Taxonomy
from treasure.training.file_corpus import Beside, FileCorpus
from treasure.world.world import World


class Corpus:
    """What a model is trained on.

    `train` can be gone through again and again; from files it is read anew each time, so that data of any size fit.
    `key` stands for all that decides the examples, so that a cache of them is found without reading them; it is None
    where only the examples themselves tell.
    """

    def __init__(
        self,
        train: Iterable[MarkedExample],
        validation: Sequence[MarkedExample] = (),
        notes: Sequence[str] = (),
    ) -> None:
        self.train = train
        self._beside = lambda: Beside(tuple(validation), tuple(notes))
        self.key: str | None = None

    @classmethod
    def from_files(cls, files: FileCorpus) -> "Corpus":
        """The corpus that `files` hold."""
        corpus = cls(files)
        corpus._beside, corpus.key = files.beside, files.key
        return corpus

    @property
    def validation(self) -> tuple[MarkedExample, ...]:
        """Examples kept out of training."""
        return self._beside().validation

    @property
    def notes(self) -> tuple[str, ...]:
        """Lines that people should read: rows set aside, duplicates, sizes."""
        return self._beside().notes


def build_corpus(data: DataConfig, taxonomy: Taxonomy, *, world: World | None, cache: Path | None = None) -> Corpus:
    """Takes the examples of `world`, or without one reads, annotates, splits and mixes the files that `data` names.

    Files are read when their examples are asked for; their first rows at once, so that what is wrong from the start
    shows at the start. Under `cache`, if given, validation examples and notes are kept for the next start.

    Raises:
        DataError: a file is missing or its first rows are bad.
    """
    if world is None:
        return Corpus.from_files(FileCorpus(data, taxonomy, cache))
    train = tuple(world.train_examples())
    return Corpus(train, notes=(f"{len(train)} examples of the world",))
