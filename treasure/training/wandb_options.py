"""How a run of Weights & Biases is opened, in a run folder or by a report."""

import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from treasure.errors import ConfigError, LoggerError, did_you_mean
from treasure.jsonl import write_text
from treasure.training.config import LoggerConfig, WandbMode

WANDB_ID_FILE = "wandb_id"
_MODES = ("online", "offline", "shared", "disabled", "dryrun", "run")
"""What W&B takes in its variable WANDB_MODE."""


def wandb_options(
    config: LoggerConfig, folder: Path, *, name: str, group: str, job_type: str, settings: Mapping[str, Any]
) -> dict[str, Any] | None:
    """What `wandb.init` takes, `settings` as the configuration; None where W&B is disabled.

    All starts in one folder add to one W&B run. The variable WANDB_MODE, where it is set, has its say before the
    configuration, as everywhere in W&B.

    Raises:
        ConfigError: WANDB_MODE is none of the modes that W&B has.
    """
    if config.wandb is WandbMode.DISABLED:
        return None
    if not os.environ.get("WANDB_MODE"):
        os.environ.pop("WANDB_MODE", None)  # W&B reads it by itself, and refuses an empty one
    mode = os.environ.get("WANDB_MODE", config.wandb.value)
    if mode not in _MODES:
        raise ConfigError(
            f"The variable WANDB_MODE is '{mode}', which W&B does not know.{did_you_mean(mode, _MODES)} "
            f"Allowed: {', '.join(_MODES)}. Set it to one of them, or unset it so that logger=… counts."
        )
    os.environ.setdefault("WANDB_SILENT", "true")
    return {
        "name": name,
        "id": _run_id(folder),
        "resume": "allow",
        "group": group,
        "job_type": job_type,
        "project": config.project,
        "dir": str(folder),
        "mode": mode,
        "config": dict(settings),
    }


@contextmanager
def told_when_refused() -> Iterator[None]:
    """Turns what W&B raises within the block, which opens a run or tells it something, into an error to be read.

    Raises:
        LoggerError: there is no key, the server cannot be reached, or W&B may not write where it wants to.
    """
    try:
        yield
    except Exception as error:
        from wandb.errors import Error  # takes seconds

        if not isinstance(error, Error | PermissionError):
            raise
        raise LoggerError(
            f"W&B could not do its part: {str(error).strip().rstrip('.')}. Log in by `wandb login` where that is "
            "missing, or use logger=wandb_offline (send later by `wandb sync`) or logger=csv; then give the same "
            "command again."
        ) from error


def _run_id(folder: Path) -> str:
    """The W&B run that belongs to `folder`: drawn at its first start, forgotten with the folder."""
    path = folder / WANDB_ID_FILE
    found = path.read_text(encoding="utf-8").strip() if path.is_file() else ""
    if not found:
        found = uuid.uuid4().hex[:12]
        write_text(path, found)
    return found
