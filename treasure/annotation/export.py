"""Examples with their markers as one file, for programs that know nothing of sidecars."""

import gzip
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from treasure.annotation.annotate import FindingSource, settled
from treasure.annotation.finding import Finding
from treasure.data.example import Example, MarkedExample
from treasure.data.readers import DatasetConfig, read_dataset
from treasure.markers.marker_set import MarkerSet
from treasure.taxonomy.taxonomy import Taxonomy

_CHUNK = 1024


def export(
    datasets: Mapping[str, DatasetConfig], taxonomy: Taxonomy, sources: Sequence[FindingSource], output: Path
) -> int:
    """Writes one row an example so that `output` is either whole or untouched; returns how many.

    A row holds `id`, `dataset`, `messages`, `completion`, `markers` (category -> value, or list of values),
    `not_applicable`, and `given` (category -> annotator and probability). In Parquet these mappings are JSON.

    Raises:
        DataError: data that cannot be read, or wrong facts.
    """
    examples = (example for dataset in datasets.values() for example in read_dataset(dataset))
    found = ((example, settled(example, taxonomy, sources)) for example in examples)
    return _write((_row(example, one.markers, one.given, taxonomy) for example, one in found), output)


def export_marked(examples: Iterable[MarkedExample], taxonomy: Taxonomy, output: Path) -> int:
    """Writes examples that know their markers, such as those of the world, as `export` does; nobody has given them."""
    return _write((_row(marked.example, marked.markers, {}, taxonomy) for marked in examples), output)


def _write(rows: Iterator[dict[str, Any]], output: Path) -> int:
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(output.name + ".partial")
    number = _write_parquet(rows, partial) if output.suffix == ".parquet" else _write_lines(rows, partial, output)
    os.replace(partial, output)
    return number


def _row(example: Example, markers: MarkerSet, given: Mapping[str, Finding], taxonomy: Taxonomy) -> dict[str, Any]:
    return {
        "id": example.id,
        "dataset": example.dataset,
        "messages": [{"role": message.role, "content": message.content} for message in example.messages],
        "completion": example.completion,
        "markers": markers.to_dict(),
        "not_applicable": sorted(markers.not_applicable, key=taxonomy.index),
        "given": {
            name: {"annotator": finding.annotator, "probability": finding.probability}
            for name, finding in given.items()
        },
    }


def _write_lines(rows: Iterator[dict[str, Any]], partial: Path, output: Path) -> int:
    number = 0
    with _open(partial, is_packed=output.suffix == ".gz") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            number += 1
    return number


def _open(path: Path, *, is_packed: bool) -> IO[str]:
    return cast("IO[str]", gzip.open(path, "wt", encoding="utf-8")) if is_packed else path.open("w", encoding="utf-8")


def _write_parquet(rows: Iterator[dict[str, Any]], partial: Path) -> int:
    turns = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    texts = [(name, pa.string()) for name in ("completion", "markers", "given")]
    schema = pa.schema(
        [("id", pa.string()), ("dataset", pa.string()), ("messages", turns), *texts,
         ("not_applicable", pa.list_(pa.string()))]
    )  # fmt: skip
    number = 0
    with pq.ParquetWriter(partial, schema, compression="zstd") as writer:
        while chunk := list(islice(rows, _CHUNK)):
            plain = [
                {**row, **{key: json.dumps(row[key], ensure_ascii=False) for key in ("markers", "given")}}
                for row in chunk
            ]
            writer.write_table(pa.Table.from_pylist(plain, schema=schema))
            number += len(chunk)
    return number
