"""Parts of a sidecar: one Parquet file with what one annotator said of one category in one block of examples.

    <folder>/parts/<annotator>/<category>/<dataset>/00007.parquet   id, outcome, values, probability, annotator, note
    <folder>/blocks/<dataset>/00007.parquet                         id of every example of the block

Each file says in its key-value metadata what it was made from, so that it is known whether it is still wanted.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from treasure.annotation.finding import Finding, Outcome
from treasure.taxonomy.taxonomy import Category

FORMAT_VERSION = 1
PARTS, BLOCKS = "parts", "blocks"

_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("outcome", pa.dictionary(pa.int8(), pa.string())),
        ("values", pa.list_(pa.string())),
        ("probability", pa.float32()),
        ("annotator", pa.dictionary(pa.int8(), pa.string())),
        ("note", pa.string()),
    ]
)
_PREFIX = "treasure."


@dataclass(frozen=True, slots=True)
class PartIdentity:
    """All that decides the content of a part. Two parts with the same identity hold the same.

    `meaning` is that of the category alone (`Category.meaning`), so that a category which is added to the taxonomy
    leaves it as it is. `ids` stands for the examples of the block, `asked` for those that the annotator was asked about
    and what it was told of them.
    """

    annotator: str
    version: str
    category: str
    meaning: str
    dataset: str
    block: int
    ids: str
    asked: str
    format_version: int = FORMAT_VERSION


def part_path(folder: Path, annotator: str, category: str, dataset: str, block: int) -> Path:
    """Where a part lies; names may hold any characters."""
    names = (quote(name, safe="") for name in (annotator, category, dataset))
    return folder.joinpath(PARTS, *names, f"{block:05d}.parquet")


def block_path(folder: Path, dataset: str, block: int) -> Path:
    """Where the ids of a block lie."""
    return folder / BLOCKS / quote(dataset, safe="") / f"{block:05d}.parquet"


def meaning(category: Category) -> str:
    """The meaning of a category as text: `category_differences` says how two differ."""
    return json.dumps(category.meaning(), sort_keys=True)


def digest(lines: Iterable[str]) -> str:
    """16 hex digits of `lines` in their order."""
    return hashlib.blake2b("\n".join(lines).encode(), digest_size=8).hexdigest()


def write_part(
    folder: Path, identity: PartIdentity, rows: Sequence[tuple[str, Finding]], taxonomy: Mapping[str, str]
) -> None:
    """Writes (example id, finding) rows so that the part is either whole or untouched.

    `taxonomy` is noted beside the identity: what the category was a part of when it was annotated.
    """
    table = pa.table(
        {
            "id": [example_id for example_id, _ in rows],
            "outcome": _named([finding.outcome.value for _, finding in rows]),
            "values": pa.array([list(map(str, finding.values)) for _, finding in rows], pa.list_(pa.string())),
            "probability": pa.array([finding.probability for _, finding in rows], pa.float32()),
            "annotator": _named([finding.annotator for _, finding in rows]),
            "note": pa.array([finding.note for _, finding in rows], pa.string()),
        },
        schema=_SCHEMA,
    )
    path = part_path(folder, identity.annotator, identity.category, identity.dataset, identity.block)
    _write(table, path, {**asdict(identity), **taxonomy})


def write_block(folder: Path, dataset: str, block: int, ids: Sequence[str]) -> None:
    """Notes which examples a block holds, unless that is noted already."""
    path, identity = block_path(folder, dataset, block), {"dataset": dataset, "block": block, "ids": digest(ids)}
    if read_metadata(path) != _as_text(identity):
        _write(pa.table({"id": pa.array(ids, pa.string())}), path, identity)


def fits(path: Path, identity: PartIdentity) -> bool:
    """Whether `path` is a whole part with this identity."""
    found = read_metadata(path)
    return all(found.get(key) == text for key, text in _as_text(asdict(identity)).items())


def read_metadata(path: Path) -> dict[str, str]:
    """What the part says of itself; nothing if it is not there or is broken."""
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (OSError, pa.ArrowInvalid):
        return {}
    pairs = ((key.decode(), value.decode()) for key, value in metadata.items())
    return {key.removeprefix(_PREFIX): value for key, value in pairs if key.startswith(_PREFIX)}


def read_part(path: Path, category: Category) -> Iterator[tuple[str, Finding]]:
    """(example id, finding) of every row; the values are parsed as `category` has them."""
    table = pq.read_table(path)
    columns = (table.column(name).to_pylist() for name in _SCHEMA.names)
    for example_id, outcome, values, probability, annotator, note in zip(*columns, strict=True):
        parsed = tuple(category.parse(value) for value in values)
        yield example_id, Finding(annotator, Outcome(outcome), parsed, probability, note)


def find_parts(folder: Path) -> list[Path]:
    """All parts, in the order of their names."""
    return sorted((folder / PARTS).glob("*/*/*/*.parquet"))


def find_blocks(folder: Path) -> list[Path]:
    """The files that list the ids of all blocks."""
    return sorted((folder / BLOCKS).glob("*/*.parquet"))


def remove_blocks_from(folder: Path, dataset: str, first: int) -> int:
    """Removes what was said of blocks that a dataset no longer has, from number `first` on; returns how many files."""
    name = quote(dataset, safe="")
    files = [*(folder / PARTS).glob(f"*/*/{_literal(name)}/*.parquet"), *(folder / BLOCKS / name).glob("*.parquet")]
    gone = [path for path in files if int(path.stem) >= first]
    for path in gone:
        path.unlink()
    return len(gone)


def remove_unfinished(folder: Path) -> None:
    """Removes what writers left that were killed in the middle of a file."""
    for name in (PARTS, BLOCKS):
        for path in (folder / name).rglob("*.partial"):
            path.unlink()


def category_differences(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> str:
    """How two meanings of a category differ, for people; `theirs` is that of the sidecar."""
    keys = [key for key in sorted({*mine, *theirs}) if mine.get(key) != theirs.get(key)]
    return "; ".join(f"{key} is {_shown(theirs.get(key))} there and {_shown(mine.get(key))} here" for key in keys)


def _shown(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 200 else text[:197] + "…"


def _literal(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _named(texts: Sequence[str]) -> pa.Array:
    return pa.array(texts, pa.string()).dictionary_encode().cast(pa.dictionary(pa.int8(), pa.string()))


def _as_text(metadata: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in metadata.items()}


def _write(table: pa.Table, path: Path, metadata: Mapping[str, Any]) -> None:
    """Without waiting for the disk: a file that a stopped machine cut short has no foot, and is made anew."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    pairs = {_PREFIX + key: value for key, value in _as_text(metadata).items()}
    pq.write_table(table.replace_schema_metadata(pairs), partial, compression="zstd")
    os.replace(partial, path)
