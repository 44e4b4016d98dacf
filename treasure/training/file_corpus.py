"""`FileCorpus`: training examples that are read from files whenever they are asked for.

files (and sidecars) -> read -> mark -> leave out evaluation prompts -> split -> mix -> training examples
`----> validation examples, notes (kept in a cache)
"""

import copy
import hashlib
import json
import os
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import treasure
from treasure.annotation.annotate import annotate
from treasure.annotation.sidecar import Sidecar
from treasure.data.config import DataConfig
from treasure.data.decontaminate import PromptFilter
from treasure.data.example import Example, MarkedExample, Message
from treasure.data.fingerprint import fingerprint
from treasure.data.mixture import mix
from treasure.data.readers import DatasetConfig, ReadReport, read_dataset
from treasure.data.shapes import Shape
from treasure.data.splits import split_of
from treasure.errors import DataError
from treasure.jsonl import read_jsonl, write_jsonl
from treasure.plurals import plural
from treasure.taxonomy.taxonomy import Taxonomy

_CODE = ("annotation", "data", "markers", "taxonomy")
"""Packages that decide what is read of a file and said of an example."""


class FileCorpus:
    """The training examples of `data`, read anew each time they are gone through.

    Raises:
        DataError: a file is missing, or the first rows of a dataset are bad.
    """

    def __init__(self, data: DataConfig, taxonomy: Taxonomy, cache: Path | None) -> None:
        self.key = _key(data, taxonomy)
        """Stands for all that decides the examples; None where a dataset is not read from files."""
        self._cached = None if cache is None or self.key is None else cache / f"corpus-{self.key}.jsonl"
        self._data, self._taxonomy = data, taxonomy
        self._datasets = {name: _with_shape(dataset) for name, dataset in data.datasets.items()}
        self._sidecars = [Sidecar(Path(folder), taxonomy) for folder in data.annotations]
        self._found: Beside | None = None

    def __iter__(self) -> Iterator[MarkedExample]:
        """The training examples, in the order of the mixture.

        Raises:
            DataError: a row is bad and its dataset does not set such rows aside, or nothing is left to train on.
        """
        prompts = PromptFilter(self._data.exclude_prompts)
        sides = {
            name: _TrainSide(dataset, self._data, self._taxonomy, prompts, self._sidecars)
            for name, dataset in self._datasets.items()
        }
        weights = {name: dataset.weight for name, dataset in self._datasets.items()}
        is_empty = True
        for marked in mix(sides, weights, self._data.seed):
            is_empty = False
            yield marked
        found = _beside(sides.values(), has_filter=bool(self._data.exclude_prompts), has_sidecar=bool(self._sidecars))
        if is_empty:
            raise DataError("The data hold no training example at all. " + " ".join(found.notes))
        self._keep(found)

    def beside(self) -> "Beside":
        """Validation examples and notes: of the last time the data were gone through, of an earlier start, or found
        by going through them now.
        """
        if self._found is None and self._cached is not None and self._cached.is_file():
            self._found = _load(self._cached, self._taxonomy, self._sidecars)
        if self._found is None:
            for _ in self:
                pass
        assert self._found is not None
        return self._found

    def _keep(self, found: "Beside") -> None:
        self._found = found
        if self._cached is not None and not self._cached.is_file():
            _save(found, self._cached)


@dataclass(frozen=True)
class Beside:
    """What is found beside the training examples when the data are gone through."""

    validation: tuple[MarkedExample, ...]
    notes: tuple[str, ...]


class _TrainSide(Collection[MarkedExample]):
    """The training examples of one dataset; what is not among them is noted while they are gone through."""

    def __init__(
        self,
        dataset: DatasetConfig,
        data: DataConfig,
        taxonomy: Taxonomy,
        prompts: PromptFilter,
        sidecars: Sequence[Sidecar],
    ) -> None:
        self._dataset, self._data, self._taxonomy, self._prompts = dataset, data, taxonomy, prompts
        self._sidecars = sidecars
        self.report = ReadReport()
        self.validation: list[MarkedExample] = []
        self.num_excluded = self.num_without = 0

    def __iter__(self) -> Iterator[MarkedExample]:
        self.report, self.validation, self.num_excluded, self.num_without = ReadReport(), [], 0, 0
        for marked in annotate(read_dataset(self._dataset, self.report), self._taxonomy, self._sidecars):
            self.num_without += not any(marked.example.id in sidecar for sidecar in self._sidecars)
            if self._prompts.holds(marked.example):
                self.num_excluded += 1
            elif split_of(marked.example, self._data.validation_fraction, self._data.seed) == "validation":
                self.validation.append(marked)
            else:
                yield marked

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, marked: object) -> bool:
        return any(marked == other for other in self)


def _beside(sides: Iterable[_TrainSide], *, has_filter: bool, has_sidecar: bool) -> Beside:
    sides = list(sides)
    notes = [side.report.describe() for side in sides]
    if has_sidecar:
        num_examples = sum(side.report.num_examples for side in sides)
        num_without = sum(side.num_without for side in sides)
        notes.append(
            f"{num_examples - num_without} of {num_examples} examples have annotations; {num_without} have none and "
            "keep facts and counted lengths."
        )
    if has_filter:
        num_excluded = sum(side.num_excluded for side in sides)
        notes.append(f"{plural(num_excluded, 'example')} left out: an evaluation asks the same.")
    return Beside(tuple(marked for side in sides for marked in side.validation), tuple(notes))


def _key(data: DataConfig, taxonomy: Taxonomy) -> str | None:
    content = data.fingerprint()
    if any(name not in content for name in data.datasets):
        return None
    settings = {
        "datasets": {name: asdict(dataset) for name, dataset in data.datasets.items()},
        "annotations": data.annotations,  # their order says which of them is trusted more
        "exclude_prompts": [asdict(excluded) for excluded in data.exclude_prompts],
        "seed": data.seed,
        "validation_fraction": data.validation_fraction,
        "taxonomy": taxonomy.hash,
        "content": content,
        "code": _code_fingerprint(),
        "spacy": version("spacy"),  # counts words and sentences
    }
    text = json.dumps(settings, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def _code_fingerprint() -> str:
    root = Path(treasure.__file__).parent
    return fingerprint(path for package in _CODE for path in sorted((root / package).rglob("*.py")))


def _with_shape(dataset: DatasetConfig) -> DatasetConfig:
    """`dataset` with the shape that its first row has, so that each further reading need not find it out and say so."""
    report = ReadReport()
    next(read_dataset(dataset, report))
    known = copy.copy(dataset)
    known.shape = Shape(report.shape)
    return known


def _save(found: Beside, path: Path) -> None:
    """Markers are left out: they follow from the examples."""
    partial = path.with_name(f".{path.name}-{uuid.uuid4().hex}")  # other processes may write the same at this moment
    rows = ({"notes": list(found.notes)}, *(asdict(marked.example) for marked in found.validation))
    write_jsonl(partial, rows)
    os.replace(partial, path)


def _load(path: Path, taxonomy: Taxonomy, sidecars: Sequence[Sidecar]) -> Beside:
    first, *rows = (row for _, row in read_jsonl(path))
    examples = (
        Example(
            id=row["id"],
            messages=tuple(Message(**message) for message in row["messages"]),
            completion=row["completion"],
            dataset=row["dataset"],
            metadata=row["metadata"],
        )
        for row in rows
    )
    return Beside(tuple(annotate(examples, taxonomy, sidecars)), tuple(first["notes"]))
