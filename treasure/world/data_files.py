"""The YAML files of the world, each read once."""

import functools
from pathlib import Path
from typing import Any

import yaml

from treasure.data.fingerprint import fingerprint

_FOLDER = Path(__file__).parent / "data"
_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader  # C is ten times faster but optional

LANGUAGES = (
    "English", "French", "German", "Spanish", "Italian", "Portuguese",
    "Russian", "Greek", "Arabic", "Hindi", "Japanese", "Chinese",
)  # fmt: skip
"""The languages of the world, by their names in the taxonomy; one file each."""


@functools.cache
def world_fingerprint() -> str:
    """16 hex digits of the content of all files of the world, so that an edited one makes another world."""
    return fingerprint(sorted(_FOLDER.rglob("*.yaml")))


@functools.cache
def read_data(name: str) -> dict[str, Any]:
    """The content of `data/<name>.yaml`; shared, so leave it unchanged."""
    return yaml.load((_FOLDER / f"{name}.yaml").read_text(encoding="utf-8"), Loader=_LOADER)
