"""How a run of Weights & Biases is opened, in a run folder or by a report."""

import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from treasure.jsonl import write_text
from treasure.training.config import LoggerConfig, WandbMode

WANDB_ID_FILE = "wandb_id"


def wandb_options(
    config: LoggerConfig, folder: Path, *, name: str, group: str, job_type: str, settings: Mapping[str, Any]
) -> dict[str, Any] | None:
    """What `wandb.init` takes, `settings` as the configuration; None where W&B is disabled.

    All starts in one folder add to one W&B run. The variable WANDB_MODE, where it is set, has its say before the
    configuration, as everywhere in W&B.
    """
    if config.wandb is WandbMode.DISABLED:
        return None
    os.environ.setdefault("WANDB_SILENT", "true")
    return {
        "name": name,
        "id": _run_id(folder),
        "resume": "allow",
        "group": group,
        "job_type": job_type,
        "project": config.project,
        "dir": str(folder),
        "mode": os.environ.get("WANDB_MODE") or config.wandb.value,
        "config": dict(settings),
    }


def _run_id(folder: Path) -> str:
    """The W&B run that belongs to `folder`: drawn at its first start, forgotten with the folder."""
    path = folder / WANDB_ID_FILE
    found = path.read_text(encoding="utf-8").strip() if path.is_file() else ""
    if not found:
        found = uuid.uuid4().hex[:12]
        write_text(path, found)
    return found
