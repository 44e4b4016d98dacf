"""Annotates examples against a server and writes what was found, once, at the end: the process that tests kill.

python annotate_client.py '<options as JSON>' <records> <base url> <number of examples> <output>
"""

import json
import sys
from pathlib import Path

from llm_examples import TAXONOMY, example, numbered

from treasure.annotation.llm.annotator import LLMAnnotator
from treasure.annotation.llm.config import LLMConfig
from treasure.llm.config import RunnerConfig

BLOCK = 100
POISONED = 5


def examples(count):
    return [*numbered(count - POISONED), *[example(f"POISON {n} domain=Legal") for n in range(POISONED)]]


def main(options, records, base_url, count, output):
    config = LLMConfig(
        model="fake",
        records=records,
        base_url=base_url,
        categories=["domain", "task"],
        runner=RunnerConfig(**json.loads(options)),
    )
    rows = examples(int(count))
    with LLMAnnotator(config, TAXONOMY) as annotator, Path(output).with_suffix(".partial").open("w") as file:
        for start in range(0, len(rows), BLOCK):
            block = rows[start : start + BLOCK]
            for row, found in zip(block, annotator.annotate(block, [{} for _ in block]), strict=True):
                for category, finding in found.items():
                    line = {"id": row.id, "category": category, "outcome": finding.outcome, "values": finding.values}
                    file.write(json.dumps({**line, "note": finding.note}) + "\n")
    Path(output).with_suffix(".partial").rename(output)


if __name__ == "__main__":
    main(*sys.argv[1:])
