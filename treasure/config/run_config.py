"""Reads back the configuration that a run folder was made with."""

from pathlib import Path
from typing import TypeVar

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from treasure.config.enum_values import accept_enum_values
from treasure.config.typed import to_typed
from treasure.errors import ConfigError

T = TypeVar("T")

_FACTS = ("taxonomy_hash", "data_hash")
"""What stands beside the options in a run's config.yaml."""


def read_run_config(folder: Path, schema: type[T]) -> T:
    """The options of `folder`/config.yaml; those that came later than the run have their defaults.

    Raises:
        ConfigError: there is no such file, or it holds what this version does not know.
    """
    path = folder / "config.yaml"
    if not path.is_file():
        raise ConfigError(
            f"'{folder}' is no run folder: it holds no config.yaml. Give one that treasure-run or treasure-train made, "
            "such as outputs/runs/<group>/<run>."
        )
    accept_enum_values()
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        options = {name: value for name, value in content.items() if name not in _FACTS}
        merged = OmegaConf.merge(OmegaConf.structured(schema), options)
        assert isinstance(merged, DictConfig)
        return to_typed(merged, schema)
    except (OmegaConfBaseException, yaml.YAMLError, AttributeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"'{path}' cannot be read by this version: {str(error).splitlines()[0]} Train again, or use the version "
            "that its provenance.json names."
        ) from error
