"""Arrays that grow while a dataset is tokenized, one on disk and the small ones in memory."""

from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from treasure.data.tokenize import TokenizedExample


class PartIndex:
    """Where the parts of the examples lie; collected while their ids go to disk."""

    def __init__(self) -> None:
        self.categories: dict[str, int] = {}
        self._lengths = array("i", [0])
        self._num_parts = array("i", [0])
        self._category_of = array("B")
        self._example_ids: list[np.ndarray] = [np.zeros(0, dtype="S1")]

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
        self._example_ids.append(np.array([example.example_id for example in examples], dtype=np.bytes_))
        return found

    def save(self, folder: Path) -> None:
        """Writes all arrays but the ids."""
        for name, counts in (("offsets", self._lengths), ("first_part", self._num_parts)):
            np.save(folder / f"{name}.npy", np.cumsum(np.frombuffer(counts, dtype=np.int32), dtype=np.int64))
        np.save(folder / "categories.npy", np.frombuffer(self._category_of, dtype=np.uint8))
        np.save(folder / "example_ids.npy", np.concatenate(self._example_ids))


class ValueIndex:
    """The numbers of each example's values."""

    def __init__(self) -> None:
        self._values, self._counts = array("H"), array("i", [0])

    def add(self, values: Sequence[int]) -> None:
        """Notes the values of one more example, each below 65,536."""
        self._values.extend(values)
        self._counts.append(len(values))

    def save(self, folder: Path) -> None:
        """Writes both arrays."""
        np.save(folder / "values.npy", np.frombuffer(self._values, dtype=np.uint16))
        np.save(folder / "first_value.npy", np.cumsum(np.frombuffer(self._counts, dtype=np.int32), dtype=np.int64))


class GrowingArray:
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
