"""Where a run puts what it makes: a folder named by its configuration, which is done once and never overwritten.

outputs/runs/<group>/<name>-<hash8>/
    config.yaml       the resolved configuration      | written
    provenance.json   commit, versions, hardware      | first
    LOCK              while a process works in it
    DONE, FAILED      how the last start ended; neither: it was cut short …
    INTERRUPTED       … by a signal that asked it to stop, so that it waits to be started again
"""

import hashlib
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import yaml

from treasure import provenance
from treasure.config.enum_values import member_text
from treasure.config.run_lock import run_lock
from treasure.errors import ConfigError, Interrupted
from treasure.files import told_when_full, told_when_unusable
from treasure.jsonl import write_json, write_text
from treasure.training.saved_steps import saved_steps, state_path

DONE, FAILED, INTERRUPTED = "DONE", "FAILED", "INTERRUPTED"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of one run. Made by `RunFolder.of`; nothing is written before `work`."""

    path: Path
    config: dict[str, Any]

    @classmethod
    def of(cls, parent: Path, name: str, config: Any, *, ignore: Sequence[str] = ()) -> "RunFolder":
        """The folder below `parent`, which is outputs/runs/<group>, of the run that `config` describes.

        `config` is a dataclass of options, or a dict of them with further facts that decide the result. `ignore`
        lists the dotted keys that do not, such as `paths` or `logger.project`: runs that differ only there share a
        folder.

        Raises:
            ConfigError: `name` cannot be the name of a folder.
        """
        if not re.fullmatch(r"[\w=,+-][\w.=,+-]*", name):
            raise ConfigError(
                f"A run is named after its folder, and '{name}' cannot be the name of one. "
                "Use letters, digits and . _ - = , + in name=…, and no dot at the start."
            )
        plain = to_plain(config)
        return cls(path=parent / f"{name}-{config_hash(plain, ignore)}", config=plain)

    @property
    def is_done(self) -> bool:
        """Whether a run of this configuration has ended well."""
        return (self.path / DONE).is_file()

    @property
    def note(self) -> str:
        """One sentence on what a start will do here, for the user."""
        if self.is_done:
            return f"{self.path} is done ({self._mark(DONE)}): skipped. Delete the folder to run it again."
        steps = saved_steps(state_path(self.path))
        then = f"going on at step {steps[0]}" if steps else "trying again"
        if (self.path / FAILED).is_file():
            return f"{self.path} failed last time ({self._mark(FAILED)}): {then}."
        if self.path.is_dir():
            return f"{self.path} was cut short: {then}."
        return f"{self.path} is new."

    def mark_done(self) -> None:
        """Says that the run ended well."""
        (self.path / FAILED).unlink(missing_ok=True)
        write_text(self.path / DONE, time.strftime("%Y-%m-%d %H:%M:%S") + "\n")

    def mark_failed(self, message: str) -> None:
        """Says why the run ended. A run that is done stays done."""
        if not self.is_done:
            with suppress(OSError):  # on a full disk the error itself matters more than its mark
                write_text(self.path / FAILED, message.strip() + "\n")

    @contextmanager
    def work(self, *, whole: bool = True, rank: int = 0) -> Iterator[Path]:
        """Gives the folder to this process alone; DONE, FAILED or INTERRUPTED is written at the end.

        `whole=False` is for work after which the run is not yet complete, such as training without evaluation: it
        leaves no DONE. Of the processes that share a run, those with a `rank` above 0 work under the lock of the first.

        Raises:
            ConfigError: the run is done, or another living process works on it.
        """
        if rank != 0:
            yield self.path
            return
        self.path.mkdir(parents=True, exist_ok=True)
        with run_lock(self.path):
            if self.is_done:
                raise ConfigError(f"{self.path} is done and is never overwritten. Delete the folder to run it again.")
            for mark in (FAILED, INTERRUPTED):
                (self.path / mark).unlink(missing_ok=True)
            write_text(self.path / "config.yaml", yaml.safe_dump(self.config, sort_keys=False, allow_unicode=True))
            write_json(self.path / "provenance.json", provenance.collect())
            try:
                with told_when_full(f"the files of the run '{self.path}'"), told_when_unusable():
                    yield self.path
            except Interrupted as stop:
                with suppress(OSError):  # without room for the mark it is cut short, which goes on as well
                    write_text(self.path / INTERRUPTED, f"{stop}\n")
                raise
            except BaseException as error:  # also Ctrl-C: whoever looks should find a reason
                self.mark_failed(f"{type(error).__name__}: {error}")
                raise
            if whole:
                self.mark_done()

    def _mark(self, name: str) -> str:
        lines = (self.path / name).read_text(encoding="utf-8").strip().splitlines()
        return lines[0] if lines else "no reason given"


def to_plain(value: Any) -> Any:
    """Options as a YAML file would hold them: dataclasses as dicts, enums and paths as text."""
    if is_dataclass(value):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return member_text(value)
    if isinstance(value, Mapping):
        return {str(to_plain(key)): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    assert value is None or isinstance(value, str | int | float), f"no option can hold a {type(value).__name__}"
    return value


def config_hash(config: dict[str, Any], ignore: Sequence[str] = ()) -> str:
    """8 hexadecimal digits that tell configurations apart; the order of keys and the keys in `ignore` do not count."""
    counted = json.loads(json.dumps(config))
    for key in ignore:
        _remove(counted, key)
    text = json.dumps(counted, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


def _remove(config: dict[str, Any], key: str) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        config = config[parent]
    assert last in config, f"'{key}' is no option, so it cannot stay out of the hash"
    del config[last]
