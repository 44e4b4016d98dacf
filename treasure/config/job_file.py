"""The options of one job as a file, for processes that cannot get them as objects."""

from pathlib import Path
from typing import TypeVar, cast

from omegaconf import DictConfig, OmegaConf

from treasure.config.enum_values import accept_enum_values
from treasure.config.run_folder import to_plain
from treasure.config.typed import to_typed
from treasure.jsonl import write_json

T = TypeVar("T")
_JOB_FILE = "job.json"


def write_job(folder: Path, options: object) -> None:
    """Puts the dataclass `options` into `folder`, as `read_job` wants it."""
    write_json(folder / _JOB_FILE, to_plain(options))


def read_job(folder: Path, schema: type[T]) -> T:
    """The options that `write_job` put into `folder`.

    Raises:
        ConfigError: they do not fit `schema`.
    """
    accept_enum_values()
    written = OmegaConf.merge(OmegaConf.structured(schema), OmegaConf.load(folder / _JOB_FILE))
    return to_typed(cast("DictConfig", written), schema)
