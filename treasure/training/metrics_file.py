"""`metrics/metrics.csv`: one row a logged step, of which an interrupted run keeps what belongs to its saved state."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from treasure.jsonl import write_text

METRICS_FILE = Path("metrics", "metrics.csv")


def read_metrics(path: Path) -> list[dict[str, str]]:
    """The whole rows of `path`, also while it is being written; empty when there is no file.

    What is no row of a step is left out: a machine that went down may leave anything behind the last saved state.
    """
    rows = csv.DictReader(_whole_lines(path))
    return [row for row in rows if None not in row and None not in row.values() and row.get("step", "").isdecimal()]


def keep_metrics_before(path: Path, step: int) -> None:
    """Cuts off the rows of optimizer step `step`, counted from 0, and of later ones; `path` is whole at any moment."""
    rows = [row for row in read_metrics(path) if int(row["step"]) < step]
    if not rows:
        path.unlink(missing_ok=True)
        return
    write_text(path, as_text(rows, columns_of(path), header=True))


def columns_of(path: Path) -> list[str]:
    """The columns of `path`; none when there is no file."""
    return next(csv.reader(_whole_lines(path)), [])


def as_text(rows: Sequence[Mapping[str, Any]], columns: list[str], *, header: bool) -> str:
    """`rows` as lines of the file."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    if header:
        writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _whole_lines(path: Path) -> list[str]:
    """The lines of `path` but for a last one that a kill cut short."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        return [line for line in file if line.endswith("\n")]
