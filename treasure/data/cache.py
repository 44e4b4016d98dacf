"""`TokenizedDataset`: tokenized examples on disk, memory-mapped, with nothing random in them.

A cache folder is named by a hash of everything that decides its content, appears at once when it is whole, and is used
again by the next start. One folder holds

    ids.npy          int32 [N]    all ids: of each example its prompt, bridge and content, then its markers
    offsets.npy      int64 [S+1]  where each of these parts begins in ids.npy
    first_part.npy   int64 [E+1]  the first part of each example
    categories.npy   uint8 [M]    category of each marker, an index into meta.json's `categories`
    example_ids.npy  text  [E]
    meta.json        header ends, categories, counts, file sizes
"""

import hashlib
import itertools
import json
import os
import shutil
import uuid
from array import array
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from tqdm import tqdm

from treasure.data.example import MarkedExample, example_id
from treasure.data.overflow import EncodeReport, OverflowPolicy, fit_length
from treasure.data.tokenize import Encoder, TokenizedExample
from treasure.jsonl import write_json

FORMAT_VERSION = 1
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
        return self._example_ids.tolist()

    def key(self) -> str:
        """16 hex digits that two datasets share if they hold the same examples in the same order."""
        return hashlib.blake2b("\n".join(self._example_ids.tolist()).encode(), digest_size=8).hexdigest()

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
            example_id=str(self._example_ids[index]),
            prompt_ids=prompt,
            bridge_ids=bridge,
            marker_ids=tuple((self._categories[name], ids) for name, ids in zip(names, markers, strict=True)),
            open_ids=self._open,
            close_ids=self._close,
            content_ids=content,
        )


_ARRAYS = ("ids", "offsets", "first_part", "categories", "example_ids")


def tokenize_dataset(
    examples: Sequence[MarkedExample],
    encoder: Encoder,
    *,
    taxonomy_hash: str,
    max_length: int,
    overflow: OverflowPolicy,
    cache: Path,
    room: Encoder | None = None,
) -> TokenizedDataset:
    """Tokenizes `examples` into a folder under `cache`, or opens the folder that an earlier start left there.

    Headers as `room` writes them must fit the context too, if it is given.

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
    }
    folder = cache / f"tokens-{_key(examples, settings)}"
    if not _is_whole(folder):
        shutil.rmtree(folder, ignore_errors=True)
        _build(examples, encoder, room, max_length, overflow, folder)
    return TokenizedDataset(folder)


def _key(examples: Sequence[MarkedExample], settings: dict[str, Any]) -> str:
    digest = hashlib.blake2b(json.dumps(settings, sort_keys=True).encode(), digest_size=12)
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


def _build(
    examples: Sequence[MarkedExample],
    encoder: Encoder,
    room: Encoder | None,
    max_length: int,
    overflow: OverflowPolicy,
    folder: Path,
) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f".{folder.name}-{uuid.uuid4().hex}")
    partial.mkdir()
    try:
        _write(examples, encoder, room, max_length, overflow, partial)
        try:
            os.replace(partial, folder)
        except OSError:
            if not _is_whole(folder):  # else another process was first; its content is the same
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write(
    examples: Sequence[MarkedExample],
    encoder: Encoder,
    room: Encoder | None,
    max_length: int,
    overflow: OverflowPolicy,
    folder: Path,
) -> None:
    report, parts = EncodeReport(), _Parts()
    with (folder / "ids.npy").open("wb") as file:
        ids = _GrowingArray(file)
        with tqdm(total=len(examples), desc="tokenizing", unit="example", delay=5, leave=False) as bar:
            for start in range(0, len(examples), _CHUNK):
                chunk = examples[start : start + _CHUNK]
                sizes = None if room is None else [room.header_length(marked.markers) for marked in chunk]
                kept = fit_length(encoder.encode(chunk), max_length, overflow, report, room=sizes)
                ids.append(parts.add(kept))
                bar.update(len(chunk))
        ids.finish()
    parts.save(folder)
    file_sizes = {f"{name}.npy": (folder / f"{name}.npy").stat().st_size for name in _ARRAYS}
    ends = encoder.header_ends()
    write_json(
        folder / "meta.json",
        {
            "format_version": FORMAT_VERSION,
            "max_length": max_length,
            "categories": list(parts.categories),
            "header_ends": [ends[0].tolist(), ends[1].tolist()],
            "report": asdict(report),
            "file_sizes": file_sizes,
        },
    )


class _Parts:
    """Where the parts of the examples lie; collected while their ids go to disk."""

    def __init__(self) -> None:
        self.categories: dict[str, int] = {}
        self._lengths = array("q", [0])
        self._num_parts = array("q", [0])
        self._category_of = array("B")
        self._example_ids: list[str] = []

    def add(self, examples: Sequence[TokenizedExample]) -> list[np.ndarray]:
        """Notes the parts of `examples` and returns their ids in the order they are stored."""
        found: list[np.ndarray] = []
        for example in examples:
            markers = [ids for _, ids in example.marker_ids]
            parts = [example.prompt_ids, example.bridge_ids, example.content_ids, *markers]
            found += parts
            self._lengths.extend(map(len, parts))
            self._num_parts.append(len(parts))
            for category, _ in example.marker_ids:
                self._category_of.append(self.categories.setdefault(category, len(self.categories)))
            self._example_ids.append(example.example_id)
        return found

    def save(self, folder: Path) -> None:
        """Writes all arrays but the ids."""
        np.save(folder / "offsets.npy", np.cumsum(np.array(self._lengths, dtype=np.int64)))
        np.save(folder / "first_part.npy", np.cumsum(np.array(self._num_parts, dtype=np.int64)))
        np.save(folder / "categories.npy", np.array(self._category_of, dtype=np.uint8))
        width = max(map(len, self._example_ids), default=1)
        np.save(folder / "example_ids.npy", np.array(self._example_ids, dtype=f"U{width}"))


class _GrowingArray:
    """An int32 .npy file whose length is known only when all is written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._length = file, 0
        self._write_header()
        self._header_size = file.tell()

    def append(self, parts: list[np.ndarray]) -> None:
        """Adds the ids of `parts` behind what is there."""
        if parts:
            data = np.concatenate(parts).astype("<i4", copy=False)
            self._file.write(data.tobytes())
            self._length += len(data)

    def finish(self) -> None:
        """Puts the true length into the header, for which numpy leaves room to grow."""
        self._file.seek(0)
        self._write_header()
        assert self._file.tell() == self._header_size

    def _write_header(self) -> None:
        header = {"descr": "<i4", "fortran_order": False, "shape": (self._length,)}
        np.lib.format.write_array_header_1_0(self._file, header)
