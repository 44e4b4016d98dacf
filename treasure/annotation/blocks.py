"""Examples in blocks, on disk: what annotators in other processes work on, one block at a time."""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq

from treasure.annotation.basic import fact_findings
from treasure.annotation.finding import Outcome
from treasure.annotation.settle import settle
from treasure.data.example import Example, Message
from treasure.markers.marker_set import State
from treasure.taxonomy.taxonomy import Taxonomy

_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("messages", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
        ("completion", pa.large_string()),
        ("metadata", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Block:
    """A run of consecutive examples of one dataset, which lie in the file `path`; `number` counts from 0."""

    dataset: str
    number: int
    num_examples: int
    path: str


def write_blocks(
    name: str, examples: Iterable[Example], taxonomy: Taxonomy, block_size: int, folder: Path
) -> Iterator[Block]:
    """Writes the examples of one dataset below `folder`, and yields each block as soon as it is there.

    Facts are checked on the way, here where an error still has its place.

    Raises:
        DataError: facts that the taxonomy does not allow or that contradict each other; names dataset and value.
    """
    rows = iter(examples)
    for number in itertools.count():
        chunk = [with_checked_facts(example, taxonomy) for example in itertools.islice(rows, block_size)]
        if not chunk:
            return
        path = folder / quote(name, safe="") / f"{number:05d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(_table(chunk), path, compression="zstd", use_dictionary=False, write_statistics=False)
        yield Block(name, number, len(chunk), str(path))


def read_block(block: Block) -> list[Example]:
    """The examples of a block, in order."""
    rows = pq.read_table(block.path, memory_map=False).to_pylist()
    return [
        Example(
            id=row["id"],
            messages=tuple(Message(**message) for message in row["messages"]),
            completion=row["completion"],
            dataset=block.dataset,
            metadata=json.loads(row["metadata"]),
        )
        for row in rows
    ]


def with_checked_facts(example: Example, taxonomy: Taxonomy) -> Example:
    """`example` with facts in their canonical form, which JSON can hold.

    Facts about categories that the taxonomy lacks are refused with the others: it is the whole one.
    """
    findings = fact_findings(example, taxonomy)
    settle(example, findings, (), taxonomy)
    facts: dict[str, Any] = {
        name: list(finding.values) if finding.outcome is Outcome.FOUND else State.NOT_APPLICABLE.value
        for name, finding in findings.items()
    }
    metadata: Mapping[str, Any] = {"facts": facts, "place": example.metadata.get("place")}
    return Example(example.id, example.messages, example.completion, example.dataset, metadata)


def _table(examples: list[Example]) -> pa.Table:
    return pa.table(
        {
            "id": [example.id for example in examples],
            "messages": [[{"role": m.role, "content": m.content} for m in example.messages] for example in examples],
            "completion": [example.completion for example in examples],
            "metadata": [json.dumps(example.metadata) for example in examples],
        },
        schema=_SCHEMA,
    )
