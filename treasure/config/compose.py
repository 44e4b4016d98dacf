"""One typed configuration from a schema, the YAML files of `conf/` and overrides: for tests and notebooks."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from treasure.config.composer import open_composer
from treasure.config.explain import explained
from treasure.config.open_fields import with_pluses
from treasure.config.typed import to_typed

T = TypeVar("T")


def compose(schema: type[T], config_name: str, overrides: Sequence[str] = (), *, conf: Path | None = None) -> T:
    """The configuration of `<conf>/<config_name>.yaml` with `overrides`, by the rules of the command line.

    `conf` is the folder of primary configs; None takes the shipped one.

    Raises:
        ConfigError: an unknown key or choice, a wrong type, a value out of range, a missing option.
    """
    overrides = with_pluses(overrides, schema)
    with open_composer(schema, config_name, conf) as composer, explained(composer, overrides):
        return to_typed(composer.compose(overrides), schema)
