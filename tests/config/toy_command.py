"""A command that fails in every way a command can, to test how it is launched; started in a copy of `toy/`."""

import json
import os
import signal
import time
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from treasure.config.jobs import Job
from treasure.config.launch import launch
from treasure.config.on_error import OnError
from treasure.errors import ConfigError, DataError
from treasure.stopping import deferred_stop, stop_asked


class Kind(Enum):
    FAST = "fast"
    SLOW = "slow"


@dataclass(kw_only=True, slots=True)
class ToyData:
    path: str
    """File to read."""
    rate: float = 0.5
    """Share of it, in [0, 1]."""

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise ConfigError(f"rate must lie in [0, 1], got {self.rate}.")


@dataclass(kw_only=True, slots=True)
class ToyCommand:
    name: str
    """What it is called."""
    seed: int = 0
    kind: Kind = Kind.FAST
    fail: str = ""
    """Message of a mistake of the user; empty for none."""
    folder: str = ""
    """Folder to make; empty for none."""
    crash_at: int | None = None
    """Seed at which a fault of ours shows."""
    stop_at: int | None = None
    """Seed whose job is asked to stop, as a launcher does it."""
    waits: bool = False
    """Whether a job goes on until it is asked to stop, and is done when started again."""
    on_error: OnError = OnError.CONTINUE
    """Whether other jobs follow one that failed."""
    data: ToyData
    names: list[str] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    more: dict[str, ToyData] = field(default_factory=dict)


def run(config: ToyCommand) -> None:
    """Prints what it was told."""
    told = {"name": config.name, "seed": config.seed, "kind": config.kind.value, "rate": config.data.rate}
    print(json.dumps(told) + "\n", end="")  # in one piece, for jobs that print at the same time
    if config.waits:
        wait_for_a_signal(config.seed)
    if config.fail:
        raise DataError(config.fail, "rows.jsonl", 3)
    if config.folder:
        Path(config.folder).mkdir()
    if config.stop_at == config.seed:
        os.kill(os.getpid(), signal.SIGTERM)
    if config.crash_at == config.seed:
        raise ZeroDivisionError("a fault of ours")


def load() -> Job[ToyCommand]:
    return run


def wait_for_a_signal(seed: int) -> None:
    """As a training does it: goes on to the end of its step and saves."""
    saved = Path(f"saved-{seed}")
    if not saved.exists():
        with deferred_stop():
            Path(f"started-{seed}").write_text(str(os.getpid()))
            while not stop_asked():
                time.sleep(0.02)
            time.sleep(0.5)
            saved.touch()


if __name__ == "__main__":
    launch(ToyCommand, "toy", load, about="Prints what it was told.", conf=Path("conf"))
