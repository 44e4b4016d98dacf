"""The saved states of one training, on disk: whole ones, the newest first, the last two kept, damage told.

<run folder>/state/step-N/
tensors.safetensors   weights, optimizer, random generators
state.json            everything else, with the digests of both files
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from treasure.errors import CheckpointError
from treasure.files import remove_folder, told_when_full, whole_folder
from treasure.jsonl import write_json
from treasure.training.saved_steps import STATE_FILE, saved_steps, step_folder

FORMAT_VERSION = 1
NUM_KEPT = 2
_TENSORS_FILE = "tensors.safetensors"


@dataclass(frozen=True)
class TrainingState:
    """A training after `step` optimizer steps: all that decides the next one. `values` is what JSON can hold."""

    step: int
    tensors: Mapping[str, Tensor]
    values: Mapping[str, Any]


@dataclass(frozen=True)
class StateFolder:
    """Where one training saves its states. `identity` tells it from all others: fact -> value."""

    path: Path
    identity: Mapping[str, str | int]

    def save(self, state: TrainingState) -> None:
        """Writes `state`, then removes all but the newest two.

        Raises:
            DiskFullError: there is no room; earlier states stay.
        """
        with (
            told_when_full(f"the state of the training in '{self.path}'"),
            whole_folder(step_folder(self.path, state.step)) as partial,
        ):
            save_file({name: tensor.contiguous() for name, tensor in state.tensors.items()}, partial / _TENSORS_FILE)
            content = {
                "format_version": FORMAT_VERSION,
                "identity": dict(self.identity),
                "step": state.step,
                "values": state.values,
                "tensors_digest": _file_digest(partial / _TENSORS_FILE),
            }
            write_json(partial / STATE_FILE, {"digest": _digest(content), **content})
        for step in saved_steps(self.path)[NUM_KEPT:]:
            remove_folder(step_folder(self.path, step))

    def newest(self, tell: Callable[[str], None]) -> TrainingState | None:
        """The newest state that is whole; each one that is damaged is told in a line and passed over.

        Raises:
            CheckpointError: the newest whole state belongs to another training.
        """
        for step in saved_steps(self.path):
            folder = step_folder(self.path, step)
            try:
                content = _read(folder)
                self._check_own(folder, content)
                return TrainingState(step, _load_tensors(folder, content), content["values"])
            except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
                tell(f"{folder} is damaged ({error}); the state before it is taken.")
        return None

    def _check_own(self, folder: Path, content: Mapping[str, Any]) -> None:
        found = content["identity"]
        for fact, expected in self.identity.items():
            if found.get(fact) != expected:
                raise CheckpointError(
                    f"The saved state '{folder}' belongs to another training: its {fact} is '{found.get(fact)}', here "
                    f"it is '{expected}'. If the data or the code changed on purpose, delete '{self.path}' to start at "
                    "the first step; else put back what changed."
                )


def _read(folder: Path) -> dict[str, Any]:
    content = json.loads((folder / STATE_FILE).read_text(encoding="utf-8"))
    if content.pop("digest") != _digest(content):
        raise ValueError(f"{STATE_FILE} does not fit its digest")
    if content["format_version"] != FORMAT_VERSION:
        raise ValueError(f"format {content['format_version']}, this is {FORMAT_VERSION}")
    return content


def _load_tensors(folder: Path, content: Mapping[str, Any]) -> dict[str, Tensor]:
    path = folder / _TENSORS_FILE
    if _file_digest(path) != content["tensors_digest"]:
        raise ValueError(f"{_TENSORS_FILE} does not fit its digest")
    # Copies, as the file may go while training uses what was read from it.
    return {name: torch.clone(tensor) for name, tensor in load_file(path).items()}


def _digest(content: Any) -> str:
    return hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=16).hexdigest()


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
