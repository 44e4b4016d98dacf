"""`TokenizedDataset`: tokenized examples on disk, memory-mapped, with nothing random in them.

A cache folder is named by a hash of everything that decides its content, appears at once when it is whole, and is used
again by the next start. One folder holds

    ids.npy          int32 [N]    all ids: of each example its prompt, bridge and content, then its markers
    offsets.npy      int64 [S+1]  where each of these parts begins in ids.npy
    first_part.npy   int64 [E+1]  the first part of each example
    categories.npy   uint8 [M]    category of each marker, an index into meta.json's `categories`
    example_ids.npy  bytes [E]
    frequency.json   how common each value is among the examples, if that was asked for; with it
    values.npy       uint16 [V]   the closed values of each example, numbered as in frequency.json
    first_value.npy  int64 [E+1]  the first of them of each example
    meta.json        header ends, categories, counts, file sizes

Examples are gone through once, some at a time: what stays in memory is a few numbers of each.
"""

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from treasure.data.config import OverflowPolicy
from treasure.data.example import MarkedExample, example_id
from treasure.data.frequency import Frequency, FrequencyCounter
from treasure.data.growing_arrays import GrowingArray, PartIndex, ValueIndex
from treasure.data.overflow import EncodeReport, fit_length
from treasure.data.tokenize import Encoder, TokenizedExample
from treasure.errors import DataError
from treasure.files import own_folder, place
from treasure.jsonl import write_json

FORMAT_VERSION = 3
_NAME = "tokens-"
_PARTS_BEFORE_MARKERS = 3
_CHUNK = 1024


class TokenizedDataset:
    """Examples as token ids, read from a cache folder as they are asked for. Pickles as its path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
        self.report = EncodeReport(**meta["report"])
        """What became of the examples when the folder was built."""
        self.max_length: int = meta["max_length"]
        """The context in tokens that every example fits into."""
        self._file_sizes: dict[str, int] = meta["file_sizes"]
        self._categories: list[str] = meta["categories"]
        self._open, self._close = (np.array(ids, dtype=np.int32) for ids in meta["header_ends"])
        self._ids, self._offsets, self._first_part, self._category_of, self._example_ids = (
            np.load(folder / f"{name}.npy", mmap_mode="r").view(np.ndarray) for name in _ARRAYS
        )

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories of all markers, in the order in which they first occur."""
        return tuple(self._categories)

    @property
    def example_ids(self) -> list[str]:
        """The id of each example."""
        return [name.decode() for name in self._example_ids.tolist()]

    @property
    def example_keys(self) -> np.ndarray:
        """The ids as bytes [E]."""
        return self._example_ids

    def key(self) -> str:
        """16 hex digits that two datasets share if they hold the same examples in the same order."""
        return hashlib.blake2b(b"\n".join(self._example_ids.tolist()), digest_size=8).hexdigest()

    def frequency(self) -> Frequency:
        """How common each value is among the examples; only where `tokenize_dataset` was given a counter."""
        return Frequency.from_dict(json.loads((self.folder / _FREQUENCY).read_text(encoding="utf-8")))

    def has_tail(self, threshold: float) -> np.ndarray:
        """Whether each example has a value with a share under `threshold`, bool [E]; only where values were counted."""
        values, first = (np.load(self.folder / f"{name}.npy") for name in _VALUES)
        tail = np.array(self.frequency().tail_values(threshold), dtype=bool)[values]
        before = np.concatenate([[0], np.cumsum(tail, dtype=np.int32)])  # tail values before each place
        return before[first[1:]] > before[first[:-1]]

    def check_files(self) -> None:
        """Looks whether the files still are what was opened: reading one that was cut short would end the process.

        Raises:
            DataError: a file is gone or has another size.
        """
        for name, size in self._file_sizes.items():
            path = self.folder / name
            if not path.is_file() or path.stat().st_size != size:
                raise DataError(
                    "This file of tokenized examples vanished or changed while it was in use. It is only a cache: "
                    "start the same command again, which makes it anew.",
                    path,
                )

    def __reduce__(self) -> tuple[Any, ...]:
        return TokenizedDataset, (self.folder,)

    def __len__(self) -> int:
        return len(self._example_ids)

    def __getitem__(self, index: int) -> TokenizedExample:
        """The example at `index`, in the order they were given."""
        if not 0 <= index < len(self):
            raise IndexError(f"Example {index} of {len(self)}.")
        first, last = int(self._first_part[index]), int(self._first_part[index + 1])
        bounds = self._offsets[first : last + 1].tolist()
        prompt, bridge, content, *markers = (self._ids[start:stop] for start, stop in itertools.pairwise(bounds))
        before = first - _PARTS_BEFORE_MARKERS * index
        names = self._category_of[before : before + len(markers)].tolist()
        return TokenizedExample(
            example_id=self._example_ids[index].decode(),
            prompt_ids=prompt,
            bridge_ids=bridge,
            marker_ids=tuple((self._categories[name], ids) for name, ids in zip(names, markers, strict=True)),
            open_ids=self._open,
            close_ids=self._close,
            content_ids=content,
        )


_ARRAYS = ("ids", "offsets", "first_part", "categories", "example_ids")
_VALUES = ("values", "first_value")
_FREQUENCY = "frequency.json"


def tokenize_dataset(
    examples: Iterable[MarkedExample],
    encoder: Encoder,
    *,
    taxonomy_hash: str,
    max_length: int,
    overflow: OverflowPolicy,
    cache: Path,
    room: Encoder | None = None,
    examples_key: str | None = None,
    counter: FrequencyCounter | None = None,
) -> TokenizedDataset:
    """Tokenizes `examples` into a folder under `cache`, or opens the folder that an earlier start left there.

    Headers as `room` writes them must fit the context too, if it is given. `examples_key` stands for all that decides
    the examples, which then need not be gone through to find the folder; without one they are gone through twice.
    `counter` counts the values of those that are kept.

    Raises:
        DataError: an example does not fit the template, or (under STOP) the context.
    """
    settings = {
        "format_version": FORMAT_VERSION,
        "encoder": encoder.identity(),
        "room": None if room is None else room.identity(),
        "taxonomy": taxonomy_hash,
        "max_length": max_length,
        "overflow": overflow.value,
        "counted": counter is not None,
        "examples": _content(examples) if examples_key is None else examples_key,
    }
    key = hashlib.blake2b(json.dumps(settings, sort_keys=True).encode(), digest_size=12).hexdigest()
    folder = cache / f"{_NAME}{key}"
    if not _is_whole(folder):
        _build(_Job(examples, encoder, room, max_length, overflow, counter), folder)
    return TokenizedDataset(folder)


def _content(examples: Iterable[MarkedExample]) -> str:
    digest = hashlib.blake2b(digest_size=12)
    for marked in examples:
        example = marked.example
        markers = [(marker.category, marker.value) for marker in marked.markers.markers]
        row = (example.id, example_id(example.messages, example.completion), markers)
        digest.update(repr(row).encode() + b"\n")
    return digest.hexdigest()


def _is_whole(folder: Path) -> bool:
    """Whether all files are there with the sizes that were written."""
    try:
        sizes = json.loads((folder / "meta.json").read_text(encoding="utf-8"))["file_sizes"]
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, KeyError):
        return False


@dataclass(frozen=True)
class _Job:
    examples: Iterable[MarkedExample]
    encoder: Encoder
    room: Encoder | None
    max_length: int
    overflow: OverflowPolicy
    counter: FrequencyCounter | None


def _build(job: _Job, folder: Path) -> None:
    with own_folder(folder, like=f"{_NAME}*") as partial:
        _write(job, partial)
        place(partial, folder, _is_whole)


def _write(job: _Job, folder: Path) -> None:
    report, parts, values = EncodeReport(), PartIndex(), ValueIndex()
    with (folder / "ids.npy").open("wb") as file:
        ids = GrowingArray(file)
        with tqdm(desc="tokenizing", unit="example", delay=5, leave=False) as bar:
            for chunk in _chunks(job.examples):
                kept = _encode(job, chunk, report, values)
                ids.append(parts.add(kept))
                bar.update(len(chunk))
        ids.finish()
    parts.save(folder)
    files = [f"{name}.npy" for name in _ARRAYS]
    if job.counter is not None:
        write_json(folder / _FREQUENCY, job.counter.frequency().to_dict())
        values.save(folder)
        files += [_FREQUENCY, *(f"{name}.npy" for name in _VALUES)]
    ends = job.encoder.header_ends()
    write_json(
        folder / "meta.json",
        {
            "format_version": FORMAT_VERSION,
            "max_length": job.max_length,
            "categories": list(parts.categories),
            "header_ends": [ends[0].tolist(), ends[1].tolist()],
            "report": asdict(report),
            "file_sizes": {name: (folder / name).stat().st_size for name in files},
        },
    )


def _chunks(examples: Iterable[MarkedExample]) -> Iterator[list[MarkedExample]]:
    rows = iter(examples)
    while chunk := list(itertools.islice(rows, _CHUNK)):
        yield chunk


def _encode(
    job: _Job, chunk: Sequence[MarkedExample], report: EncodeReport, values: ValueIndex
) -> list[TokenizedExample]:
    """The examples of `chunk` that fit; those are counted."""
    sizes = None if job.room is None else [job.room.header_length(marked.markers) for marked in chunk]
    kept = fit_length(job.encoder.encode(chunk), job.max_length, job.overflow, report, room=sizes)
    if job.counter is not None:
        ids = {example.example_id for example in kept}
        for marked in chunk:
            if marked.example.id in ids:
                values.add(job.counter.add(marked))
    return kept
