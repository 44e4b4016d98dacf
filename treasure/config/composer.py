"""Composes DictConfigs of one command inside one Hydra session; knows nothing of types or of error texts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hydra import initialize_config_dir
from hydra._internal.hydra import Hydra
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import DictConfig

from treasure.config.enum_values import accept_enum_values
from treasure.config.overlays import enable_overlays
from treasure.config.presets import check_presets


def conf_dir() -> Path:
    """The folder of primary configs: inside the package when installed from a wheel, else beside it."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "conf"
    return inside if inside.is_dir() else package.parent / "conf"


@dataclass(frozen=True, slots=True)
class Composer:
    """One command's schema, primary config and Hydra session. Made by `open_composer`."""

    schema: type
    config_name: str
    conf: Path
    hydra: Hydra

    def compose(self, overrides: Sequence[str]) -> DictConfig:
        """The composed configuration with its `hydra` node. Sweeps (`seed=1,2`) are refused.

        Raises:
            ConfigError: several choices of a group contradict each other.
        """
        found = self.hydra.compose_config(
            config_name=self.config_name,
            overrides=list(overrides),
            run_mode=RunMode.RUN,
            from_shell=False,
            with_log_configuration=False,
        )
        check_presets(self.hydra, self.parse(overrides))
        return found

    def parse(self, overrides: Sequence[str]) -> list[Override]:
        """`overrides` by Hydra's grammar; globs among them can be expanded."""
        return OverridesParser.create(config_loader=self.hydra.config_loader).parse_overrides(list(overrides))

    def choices(self, group: str) -> list[str]:
        """Names of the YAML files of `group`, sorted; empty when there is no such group."""
        return self.hydra.config_loader.get_group_options(group, ObjectType.CONFIG)


@contextmanager
def open_composer(schema: type, config_name: str, conf: Path | None = None) -> Iterator[Composer]:
    """Registers `schema` as `<config_name>_schema` and opens a Hydra session; sessions may be nested."""
    conf = conf_dir() if conf is None else conf.resolve()
    enable_overlays()
    accept_enum_values()
    _share_schemas()
    ConfigStore.instance().store(name=f"{config_name}_schema", node=schema, provider="treasure")
    world = GlobalHydra.instance()
    outer, world.hydra = world.hydra, None
    try:
        initialize_config_dir(str(conf), job_name=config_name, version_base="1.3")
        assert world.hydra is not None
        yield Composer(schema, config_name, conf, world.hydra)
    finally:
        world.hydra = outer


def _share_schemas() -> None:
    """Keeps Hydra from copying every registered schema for each composition and each list of choices.

    What it reads of a schema it copies anyway.
    """
    ConfigStore.__deepcopy__ = lambda self, _: self  # pyright: ignore[reportAttributeAccessIssue]
