"""`Sidecar`: a folder that remembers what annotators found, by example id, beside data that stay as they are.

    <folder>/sidecar.json   taxonomy, size of the blocks, annotators in order of trust, datasets
    <folder>/parts, blocks  see `treasure.annotation.parts`

In memory an example is its id in 8 bytes and, for each category, the number of a finding and a probability.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from treasure.annotation.finding import Finding, Outcome
from treasure.annotation.parts import (
    FORMAT_VERSION,
    category_differences,
    find_blocks,
    find_parts,
    meaning,
    read_metadata,
    read_part,
)
from treasure.errors import DataError
from treasure.jsonl import write_json
from treasure.taxonomy.taxonomy import Category, Kind, Taxonomy, Value

_INFO = "sidecar.json"
_UNIT, _GROUP = "\x1f", "\x1e"
"""Characters that part the texts of a key, and the values of one example; no name holds them."""


@dataclass(frozen=True, slots=True)
class SidecarInfo:
    """What holds for a sidecar as a whole. `datasets` is name -> number of examples, of the last run over each."""

    taxonomy: str
    taxonomy_hash: str
    block_size: int
    annotators: tuple[str, ...] = ()
    datasets: Mapping[str, int] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION


def is_sidecar(folder: Path) -> bool:
    """Whether a sidecar was begun in `folder`, of whatever version."""
    return (folder / _INFO).is_file()


def read_info(folder: Path) -> SidecarInfo | None:
    """What `folder` says of itself; None where no sidecar was begun.

    Raises:
        DataError: it is of another version, or no sidecar.
    """
    path = folder / _INFO
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        version = found["format_version"]
        if version == FORMAT_VERSION:
            return SidecarInfo(**{**found, "annotators": tuple(found["annotators"])})
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(f"Not the head of a sidecar: {error}.", path) from error
    raise DataError(
        f"This sidecar has the format {version}, and {FORMAT_VERSION} is read. Annotate into a new folder.", folder
    )


def write_info(folder: Path, info: SidecarInfo) -> None:
    """Writes what holds for the sidecar as a whole."""
    write_json(folder / _INFO, asdict(info))


class Sidecar:
    """What annotators found, by example id. Of each category the most trusted finding that settles it counts.

    With a `taxonomy` only its categories are read, and each must mean there what it means here.

    Raises:
        DataError: the folder is no sidecar, a category has another meaning, or a part is broken.
    """

    def __init__(self, folder: Path, taxonomy: Taxonomy | None = None) -> None:
        info = read_info(folder)
        if info is None:
            raise DataError("This is no sidecar; treasure-annotate makes one.", folder)
        self.folder, self.info = folder, info
        self._ids = _all_ids(folder)
        self._columns = {
            category.name: _Column(category, [path for _, path in files], self._ids)
            for category, files in _by_category(folder, info, taxonomy)
        }

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories that something is known of."""
        return tuple(self._columns)

    def __len__(self) -> int:
        """How many examples were annotated, whatever came of it."""
        return len(self._ids)

    def __contains__(self, example_id: object) -> bool:
        return isinstance(example_id, str) and self._place(example_id) is not None

    def findings(self, example_id: str) -> dict[str, Finding] | None:
        """Category -> finding, without notes; None for an example that was not annotated."""
        place = self._place(example_id)
        if place is None:
            return None
        found = ((name, column.finding(place)) for name, column in self._columns.items())
        return {name: finding for name, finding in found if finding is not None}

    def items(self) -> Iterator[tuple[str, dict[str, Finding]]]:
        """(id, findings) of all annotated examples, by id."""
        for number in self._ids.tolist():
            example_id = f"{number:016x}"
            yield example_id, self.findings(example_id) or {}

    def num_known(self, example_ids: Iterable[str]) -> int:
        """How many of `example_ids` were annotated."""
        return sum(example_id in self for example_id in example_ids)

    def num_bytes(self) -> int:
        """Memory that the arrays take."""
        return self._ids.nbytes + sum(column.num_bytes() for column in self._columns.values())

    def _place(self, example_id: str) -> int | None:
        number = np.uint64(int(example_id, 16))
        place = int(np.searchsorted(self._ids, number))
        return place if place < len(self._ids) and self._ids[place] == number else None


class _Column:
    """One category: the number of a finding for each example, and its probability."""

    def __init__(self, category: Category, files: Sequence[Path], ids: np.ndarray) -> None:
        self._findings: list[Finding | None] = [None]
        self._numbers: dict[str, int] = {}
        self._category = category
        codes = np.zeros(len(ids), dtype=np.uint32)
        settles = np.array([False])
        probabilities: np.ndarray | None = None
        for file in files:
            places, keys, given = _read_columns(file, ids)
            numbers, rows = self._number(keys)
            settles = np.array([finding is not None and finding.settles for finding in self._findings])
            open_ = ~settles[codes[places]]
            codes[places[open_]] = numbers[rows[open_]]
            if given is not None:
                probabilities = np.full(len(ids), np.nan, np.float32) if probabilities is None else probabilities
            if probabilities is not None:
                probabilities[places[open_]] = np.nan if given is None else given[open_]
        self._codes = codes.astype(np.min_scalar_type(len(self._findings)))
        self._probabilities = probabilities

    def finding(self, place: int) -> Finding | None:
        found = self._findings[self._codes[place]]
        if found is None or self._probabilities is None or np.isnan(self._probabilities[place]):
            return found
        return replace(found, probability=float(self._probabilities[place]))

    def num_bytes(self) -> int:
        return self._codes.nbytes + (0 if self._probabilities is None else self._probabilities.nbytes)

    def _number(self, keys: pa.DictionaryArray) -> tuple[np.ndarray, np.ndarray]:
        """The numbers of the distinct `keys`, and for each row which of them it has."""
        numbers = [self._number_of(key) for key in keys.dictionary.to_pylist()]
        return np.array(numbers, dtype=np.uint32), keys.indices.to_numpy(zero_copy_only=False)

    def _number_of(self, key: str) -> int:
        if key not in self._numbers:
            annotator, outcome, *texts = key.split(_UNIT)
            values = tuple(self._category.parse(text) for text in texts[0].split(_GROUP) if texts[0])
            self._numbers[key] = len(self._findings)
            self._findings.append(Finding(annotator, Outcome(outcome), values))
        return self._numbers[key]


def rows_of(folder: Path, annotator: str, category: Category) -> Iterator[tuple[str, Finding]]:
    """(example id, finding) of all that `annotator` said of `category`, notes included, some at a time."""
    for path in find_parts(folder):
        if _names(path)[:2] == (annotator, category.name):
            yield from read_part(path, category)


def _by_category(
    folder: Path, info: SidecarInfo, taxonomy: Taxonomy | None
) -> Iterator[tuple[Category, list[tuple[int, Path]]]]:
    """(category, its parts in order of trust), in the order of the taxonomy, or else of the names.

    Raises:
        DataError: a part is of another meaning than the taxonomy's category, or than the other parts.
    """
    found: dict[str, list[tuple[int, Path]]] = {}
    ranks = {name: rank for rank, name in enumerate(info.annotators)}
    for path in find_parts(folder):
        annotator, name, _ = _names(path)
        found.setdefault(name, []).append((ranks.get(annotator, len(ranks)), path))
    names = sorted(found) if taxonomy is None else [name for name in taxonomy.names if name in found]
    if taxonomy is not None and not names:
        raise DataError(
            f"This sidecar was made with the taxonomy '{info.taxonomy}' and knows "
            f"{', '.join(sorted(found)) or 'nothing'}: no category of '{taxonomy.name}', which has "
            f"{', '.join(taxonomy.names)}.",
            folder,
        )
    for name in names:
        category = _described(found[name][0][1], folder) if taxonomy is None else taxonomy.category(name)
        _check_meaning(folder, category, [path for _, path in found[name]])
        yield category, sorted(found[name])


def _names(path: Path) -> tuple[str, str, str]:
    """Annotator, category and dataset of a part."""
    annotator, category, dataset = (unquote(part) for part in path.parts[-4:-1])
    return annotator, category, dataset


def _check_meaning(folder: Path, category: Category, parts: Iterable[Path]) -> None:
    mine = meaning(category)
    for path in parts:
        theirs = read_metadata(path).get("meaning")
        if theirs is None:
            raise DataError(
                "This part of a sidecar is broken. Start treasure-annotate again, which makes it anew.", path
            )
        if theirs != mine:
            raise DataError(
                f"The sidecar has another '{category.name}': "
                f"{category_differences(json.loads(mine), json.loads(theirs))}. Annotate again with this taxonomy, or "
                "take the one that the sidecar was made with.",
                folder,
            )


def _described(path: Path, folder: Path) -> Category:
    """The category as the part itself describes it."""
    text = read_metadata(path).get("meaning")
    if text is None:
        raise DataError("This part of a sidecar is broken. Start treasure-annotate again, which makes it anew.", path)
    found: dict[str, Any] = json.loads(text)
    values = tuple(Value(name) for name in found.pop("values"))
    return Category(**{**found, "kind": Kind(found["kind"]), "values": values, "edges": tuple(found["edges"])})


def _all_ids(folder: Path) -> np.ndarray:
    """The ids of all annotated examples, uint64, sorted, each once."""
    blocks = [_as_numbers(_read(path, ["id"]).column("id")) for path in find_blocks(folder)]
    return np.unique(np.concatenate(blocks)) if blocks else np.zeros(0, dtype=np.uint64)


def _as_numbers(column: pa.ChunkedArray) -> np.ndarray:
    """Ids of 16 hex digits as uint64."""
    text = "".join(column.to_pylist())
    return np.frombuffer(bytes.fromhex(text), dtype=">u8").astype(np.uint64)


def _read_columns(path: Path, ids: np.ndarray) -> tuple[np.ndarray, pa.DictionaryArray, np.ndarray | None]:
    """Of the rows whose example is among `ids`: its place there, what was said as one text, and the probabilities.

    The latter are None where no row has any.
    """
    table = _read(path, ["id", "outcome", "values", "probability", "annotator"])
    numbers = _as_numbers(table.column("id"))
    places = np.searchsorted(ids, numbers)
    places[places == len(ids)] = 0
    known = ids[places] == numbers if len(ids) else np.zeros(len(numbers), dtype=bool)
    table, places = table.filter(pa.array(known)), places[known]
    texts = [table.column(name).cast(pa.string()) for name in ("annotator", "outcome")]
    joined = pc.binary_join(table.column("values"), _GROUP)  # pyright: ignore[reportAttributeAccessIssue]
    keys = pc.binary_join_element_wise(*texts, joined, _UNIT)  # pyright: ignore[reportAttributeAccessIssue]
    encoded = keys.combine_chunks().dictionary_encode()
    given = table.column("probability")
    has_any = given.null_count < len(given)
    return places, encoded, given.to_numpy() if has_any else None


def _read(path: Path, columns: list[str]) -> pa.Table:
    try:
        return pq.read_table(path, columns=columns)
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"This part of a sidecar is broken: {error}. Start treasure-annotate again.", path) from error
