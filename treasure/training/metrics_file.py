"""`metrics/metrics.csv`: one row a logged step, of which an interrupted run keeps what belongs to its saved state."""

import csv
import io
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger

from treasure.files import sync
from treasure.jsonl import write_text

METRICS_FILE = Path("metrics", "metrics.csv")


class MetricsFile(Logger):
    """Appends rows to `path`; unlike Lightning's CSVLogger it leaves the rows of an earlier start where they are."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._columns: list[str] | None = None

    @property
    def name(self) -> str:
        """The name of this logger, for Lightning."""
        return "metrics"

    @property
    def version(self) -> str:
        """There is one version, the file itself."""
        return ""

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Writes nothing: the run folder holds `config.yaml`."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Appends one row. A column that was not there before is added to the whole file."""
        row = {**metrics, "step": step}
        if self._columns is None:  # not earlier: a start may cut the rows of the one before after it made its loggers
            self._columns = _columns(self._path)
        new = row.keys() - set(self._columns)
        if new:
            rows = read_metrics(self._path)
            self._columns = sorted([*self._columns, *new])
            write_text(self._path, _text(rows, self._columns, header=True))
        with self._path.open("a", encoding="utf-8", newline="") as file:
            file.write(_text([row], self._columns, header=False))

    def sync(self) -> None:
        """Waits until all rows are on the disk."""
        if self._path.is_file():
            sync(self._path)


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
    write_text(path, _text(rows, _columns(path), header=True))


def _columns(path: Path) -> list[str]:
    return next(csv.reader(_whole_lines(path)), [])


def _whole_lines(path: Path) -> list[str]:
    """The lines of `path` but for a last one that a kill cut short."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        return [line for line in file if line.endswith("\n")]


def _text(rows: Sequence[Mapping[str, Any]], columns: list[str], *, header: bool) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    if header:
        writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
