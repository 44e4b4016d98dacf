"""Reads a sidecar block by block, column by column, as reports take it; one block is in memory at a time."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from treasure.analysis.annotations import SEPARATOR, Block, Part, blocks_of
from treasure.analysis.comparison import keys_of
from treasure.annotation.basic import fact_findings
from treasure.annotation.parts import find_blocks, find_parts
from treasure.annotation.sidecar import is_sidecar, read_info
from treasure.data.example import example_id
from treasure.data.readers import DatasetConfig, read_dataset
from treasure.errors import DataError, did_you_mean
from treasure.taxonomy.taxonomy import Taxonomy


def sidecar_blocks(folder: Path) -> Iterator[Block]:
    """All blocks of the sidecar in `folder`, by dataset, with the parts of its annotators in order of trust.

    Raises:
        DataError: the folder is no sidecar, nothing is annotated there, or a part is broken.
    """
    ranks = {name: rank for rank, name in enumerate(_annotators(folder))}
    parts: dict[tuple[str, str], list[tuple[int, str, str, Path]]] = {}
    for path in find_parts(folder):
        annotator, category, dataset = (unquote(text) for text in path.parts[-4:-1])
        line = (ranks.get(annotator, len(ranks)), annotator, category, path)
        parts.setdefault((dataset, path.stem), []).append(line)
    blocks = find_blocks(folder)
    if not blocks:
        raise DataError(f"Nothing is annotated here yet.{_sidecars_below(folder)}", folder)
    for path in blocks:
        dataset = unquote(path.parent.name)
        ids = _read(path, ["id"]).column("id").to_numpy()
        held = sorted(parts.get((dataset, path.stem), []))
        yield Block(dataset, ids, tuple(_part(name, category, file) for _, name, category, file in held))


def check_annotator(folder: Path, name: str) -> None:
    """Refuses a name that no annotator of the sidecar has.

    Raises:
        DataError: it has none of that name; the message lists them.
    """
    known = _annotators(folder)
    if name not in known:
        raise DataError(
            f"No annotator '{name}' has spoken here.{did_you_mean(name, known)} Known: {', '.join(known) or 'none'}.",
            folder,
        )


def fact_blocks(datasets: Mapping[str, DatasetConfig], taxonomy: Taxonomy) -> Iterator[Block]:
    """What the facts and columns of datasets say, without a sidecar.

    Raises:
        DataError: data that cannot be read, or wrong facts.
    """
    return blocks_of(
        (example.id, example.dataset, fact_findings(example, taxonomy))
        for dataset in datasets.values()
        for example in read_dataset(dataset)
    )


def prompt_keys(datasets: Mapping[str, DatasetConfig]) -> tuple[np.ndarray, np.ndarray]:
    """(keys of all examples, keys of their prompts), by which answers to the same turns are known to belong together.

    Raises:
        DataError: data that cannot be read.
    """
    ids, prompts = [], []
    for dataset in datasets.values():
        for example in read_dataset(dataset):
            ids.append(example.id)
            prompts.append(example_id(example.messages, ""))
    return keys_of(np.array(ids, dtype=object)), keys_of(np.array(prompts, dtype=object))


def _annotators(folder: Path) -> tuple[str, ...]:
    info = read_info(folder)
    if info is None:
        raise DataError(f"This is no sidecar; treasure-annotate makes one.{_sidecars_below(folder)}", folder)
    return info.annotators


def _sidecars_below(folder: Path) -> str:
    """What to type where sidecars lie in folders of `folder`."""
    found = [str(path) for path in sorted(folder.glob("*/")) if is_sidecar(path)]
    return f" Sidecars lie below it: give annotations={' or annotations='.join(found)}." if found else ""


def _part(annotator: str, category: str, path: Path) -> Part:
    table = _read(path, ["id", "outcome", "values", "probability"])
    values = pc.binary_join(table.column("values"), SEPARATOR)  # pyright: ignore[reportAttributeAccessIssue]
    return Part(
        annotator,
        category,
        ids=table.column("id").to_numpy(),
        outcomes=table.column("outcome").cast(pa.string()).to_numpy(),
        values=values.to_numpy(zero_copy_only=False),
        probabilities=np.asarray(table.column("probability").to_numpy(), dtype=float),
    )


def _read(path: Path, columns: list[str]) -> pa.Table:
    try:
        return pq.read_table(path, columns=columns)
    except (OSError, pa.ArrowInvalid) as error:
        raise DataError(f"This part of a sidecar is broken: {error}. Start treasure-annotate again.", path) from error
