"""A command that fails in every way a command can, to test how it is launched; started in a copy of `toy/`."""

import json
import os
import signal
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from treasure.config.launch import launch
from treasure.config.on_error import OnError
from treasure.errors import ConfigError, DataError


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
    crash_at: int | None = None
    """Seed at which a fault of ours shows."""
    stop_at: int | None = None
    """Seed whose job is asked to stop, as a launcher does it."""
    on_error: OnError = OnError.CONTINUE
    """Whether other jobs follow one that failed."""
    data: ToyData
    extra: dict[str, Any] = field(default_factory=dict)
    more: dict[str, ToyData] = field(default_factory=dict)


def run(config: ToyCommand) -> None:
    """Prints what it was told."""
    print(json.dumps({"name": config.name, "seed": config.seed, "kind": config.kind.value, "rate": config.data.rate}))
    if config.fail:
        raise DataError(config.fail, "rows.jsonl", 3)
    if config.stop_at == config.seed:
        os.kill(os.getpid(), signal.SIGTERM)
    if config.crash_at == config.seed:
        raise ZeroDivisionError("a fault of ours")


if __name__ == "__main__":
    launch(ToyCommand, "toy", run, conf=Path("conf"))
