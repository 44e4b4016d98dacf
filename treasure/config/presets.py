"""Several files of one group, such as `levers=[concise,formal]`, must not set the same entry to different values."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

from hydra._internal.hydra import Hydra
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from treasure.errors import ConfigError

_LATER_WINS = ("experiments", "sweeps")
"""Groups whose later files are meant to change what the earlier ones say."""


def check_presets(hydra: Hydra, overrides: Sequence[Override]) -> None:
    """Refuses lists of choices that contradict each other: Hydra would take the last and say nothing.

    Raises:
        ConfigError: names the choices, and what both set.
    """
    for override in overrides:
        names, group = override.value(), override.key_or_group
        if not isinstance(names, list) or group in _LATER_WINS:
            continue
        found = [(name, content) for name in names for content in _contents(hydra, f"{group}/{name}")]
        for (one, ours), (other, theirs) in combinations(found, 2):
            if clash := sorted(key for key in ours if key in theirs and ours[key] != theirs[key]):
                values = ours[clash[0]], theirs[clash[0]]
                is_short = not any(isinstance(value, dict | list) for value in values)
                told = f", to {values[0]} and {values[1]}" if is_short else ""
                raise ConfigError(
                    f"{override.input_line}: '{one}' and '{other}' both set {clash[0]}{told}. Give one of them, or one "
                    f"after the other: -m {group}={one},{other}."
                )


def _contents(hydra: Hydra, path: str) -> Iterator[dict[str, Any]]:
    """What a file of a group says; nothing where there is none."""
    loaded = hydra.config_loader.repository.load_config(path)  # pyright: ignore[reportAttributeAccessIssue]
    if loaded is not None and isinstance(loaded.config, DictConfig):
        content = OmegaConf.to_container(loaded.config)
        assert isinstance(content, dict)
        yield {str(key): value for key, value in content.items()}
