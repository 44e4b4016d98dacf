"""Loggers of a run: `metrics/metrics.csv` always, Weights & Biases when asked for."""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning_fabric.loggers.logger import rank_zero_experiment
from lightning_fabric.utilities.rank_zero import rank_zero_only
from pytorch_lightning.loggers import Logger, WandbLogger

from treasure.files import sync
from treasure.jsonl import write_text
from treasure.training.config import LoggerConfig
from treasure.training.metrics_file import METRICS_FILE, as_text, columns_of, read_metrics
from treasure.training.wandb_options import told_when_refused, wandb_options


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
            self._columns = columns_of(self._path)
        new = row.keys() - set(self._columns)
        if new:
            rows = read_metrics(self._path)
            self._columns = sorted([*self._columns, *new])
            write_text(self._path, as_text(rows, self._columns, header=True))
        with self._path.open("a", encoding="utf-8", newline="") as file:
            file.write(as_text([row], self._columns, header=False))

    def sync(self) -> None:
        """Waits until all rows are on the disk."""
        if self._path.is_file():
            sync(self._path)


class _Wandb(WandbLogger):
    """Opens its run when it is first told something; one that cannot be opened is told in words."""

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The run of W&B."""
        with told_when_refused():
            return super().experiment


def make_loggers(
    config: LoggerConfig, folder: Path, *, name: str, group: str, settings: Mapping[str, Any]
) -> list[Logger]:
    """The loggers of one run. W&B gets one run a job, grouped by `group`, with `settings` as its configuration."""
    options = wandb_options(config, folder, name=name, group=group, job_type="run", settings=settings)
    return [MetricsFile(folder / METRICS_FILE), *([] if options is None else [_wandb_logger(options)])]


def _wandb_logger(options: Mapping[str, Any]) -> WandbLogger:
    # Who makes loggers writes; Lightning goes by the environment, where srun numbers seeds too.
    rank_zero_only.rank = 0  # pyright: ignore[reportFunctionMemberAccess]
    return _Wandb(save_dir=options["dir"], **{name: value for name, value in options.items() if name != "dir"})


def log_table(loggers: Sequence[Logger], key: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Sends a table to those loggers that take one."""
    for logger in loggers:
        if isinstance(logger, WandbLogger) and rows:
            with told_when_refused():
                logger.log_table(key, columns=list(columns), data=[list(row) for row in rows])


def finish(loggers: Sequence[Logger], *, succeeded: bool) -> None:
    """Closes the W&B run, so that the next job of a multirun starts its own."""
    for logger in loggers:
        if isinstance(logger, WandbLogger) and logger._experiment is not None:  # what told nothing has no run to close
            logger.experiment.finish(exit_code=0 if succeeded else 1)
