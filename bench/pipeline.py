"""The data pipeline at the paper's size: generated rows through read, mark, split, mix, tokenize, draw and pack.

Sizes grow, so that the page can say whether time is linear. Each start is a process of its own: the first builds the
cache, the second opens it.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.contest import ROOT, ContenderError, say
from bench.options import Options

GOAL_RSS_MIB = 2048
GOAL_SECOND_START_S = 10.0
LINEAR_WITHIN = 1.15
"""CPU time per row at the largest size, as a multiple of that at the smallest, up to which time counts as linear."""


def measure(options: Options) -> dict[str, Any]:
    """Rows -> what the first and the second start took."""
    largest = 4_000 if options.quick else options.pipeline_rows
    sizes = sorted({largest // 16, largest // 4, largest})
    return {
        "sizes": {str(rows): _of_size(rows, options.work / "pipeline") for rows in sizes},
        "goals": {"rss_mib": GOAL_RSS_MIB, "second_start_s": GOAL_SECOND_START_S, "linear_within": LINEAR_WITHIN},
    }


def _of_size(rows: int, work: Path) -> dict[str, Any]:
    say(f"pipeline: {rows:,} rows")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    data = work / "rows.jsonl"
    try:
        _run("bench.pipeline_rows", {"path": str(data), "rows": rows})
        spec = {"path": str(data), "cache": str(work / "cache")}
        first, second = (_run("bench.pipeline_start", spec) for _ in range(2))
        return {"file_mib": data.stat().st_size / 2**20, "first": first, "second": second}
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _run(module: str, spec: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", module, json.dumps(spec)], stdout=subprocess.PIPE, text=True, cwd=ROOT, check=False
    )
    if done.returncode:
        raise ContenderError(f"{module} ended with {done.returncode}.")
    lines = done.stdout.strip().splitlines()
    return json.loads(lines[-1]) if lines else {}
