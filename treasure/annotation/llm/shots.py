"""Shots: for each value one example that a careful reader would label with it, in the language of the text at hand.

A folder has one file a language, and `any.yaml` for categories that do not depend on one (a format):

    domain:
      Legal:
        prompt: May my landlord keep the deposit?
        completion: Only if …
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from treasure.errors import ConfigError
from treasure.taxonomy.taxonomy import Taxonomy

ANY_LANGUAGE = "any"
DEFAULT_LANGUAGE = "English"


@dataclass(frozen=True, slots=True)
class Shot:
    """A prompt and its completion."""

    prompt: str
    completion: str


_ByValue = Mapping[str, Mapping[str, Shot]]
"""Category -> value -> shot."""


@dataclass(frozen=True, slots=True)
class Shots:
    """The shots of a taxonomy, by language; empty where it has none."""

    by_language: Mapping[str, _ByValue] = field(default_factory=dict)

    def language(self, wanted: str | None) -> str | None:
        """The language whose shots serve a text in `wanted`: itself, else English, else None."""
        return next((name for name in (wanted, DEFAULT_LANGUAGE) if name in self.by_language), None)

    def of(self, category: str, language: str | None) -> Mapping[str, Shot]:
        """Value -> shot of `category` in `language`, over those for any language."""
        anywhere = self.by_language.get(ANY_LANGUAGE, {}).get(category, {})
        own = self.by_language.get(language, {}).get(category, {}) if language is not None else {}
        return {**anywhere, **own}


def load_shots(folder: Path, taxonomy: Taxonomy) -> Shots:
    """The shots in `folder` for values that `taxonomy` has; others are passed over. No folder, no shots.

    Raises:
        ConfigError: a file is not YAML of that shape; names file and entry.
    """
    return Shots({path.stem: _load(path, taxonomy) for path in sorted(folder.glob("*.yaml"))})


def _load(path: Path, taxonomy: Taxonomy) -> dict[str, dict[str, Shot]]:
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # so that 1 and No stay names
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{path}: Not readable as YAML: {' '.join(str(error).split())}.") from error
    found: dict[str, dict[str, Shot]] = {}
    for category, values in _mapping(data or {}, path, "the file").items():
        if category not in taxonomy:
            continue
        names = taxonomy.category(category).value_names
        shots = _mapping(values, path, category).items()
        found[category] = {value: _shot(entry, path, f"{category}.{value}") for value, entry in shots if value in names}
    return found


def _shot(entry: Any, path: Path, name: str) -> Shot:
    fields = _mapping(entry, path, name)
    texts = [fields.get(key) for key in ("prompt", "completion")]
    if len(fields) != len(texts) or not all(isinstance(text, str) and text.strip() for text in texts):
        raise ConfigError(f"{path}: '{name}' must hold a prompt and a completion, both text; it has {list(fields)}.")
    return Shot(str(texts[0]), str(texts[1]))


def _mapping(value: Any, path: Path, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: '{name}' must be a mapping, got {value!r:.60}.")
    return value
