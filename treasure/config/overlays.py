"""Puts the overlay folders `experiments/` and `sweeps/` within Hydra's reach, and no other folder beside them.

With a whole folder on the search path, as `--config-dir` does it, each of its subfolders becomes a config group, and
an option that has the name of one (`checkpoint=…` beside a folder `checkpoint/`) is refused.
`hydra.searchpath` would be too late for `experiments=glob(…)`, which then finds nothing.
"""

from pathlib import Path

from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin

OVERLAYS = ("experiments", "sweeps")


class OverlaySource(FileConfigSource):
    """The overlay folders of one root."""

    @staticmethod
    def scheme() -> str:
        """The name that stands before `://` in the search path."""
        return "overlays"

    def is_group(self, config_path: str) -> bool:
        """Whether `config_path` is the root or lies in an overlay folder, and is a folder."""
        return (config_path == "" or _in_overlay(config_path)) and super().is_group(config_path)

    def is_config(self, config_path: str) -> bool:
        """Whether `config_path` is a YAML file of an overlay folder."""
        return _in_overlay(config_path) and super().is_config(config_path)

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """Names below `config_path`; of the root, only the overlay folders."""
        if config_path == "":
            return [] if results_filter is ObjectType.CONFIG else [name for name in OVERLAYS if self.is_group(name)]
        return super().list(config_path, results_filter)


class OverlaySearchPath(SearchPathPlugin):
    """Adds the overlays of the working directory, then those beside the folder of primary configs."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Called by Hydra once for each search path it makes."""
        mains = [entry.path for entry in search_path.get_path() if entry.provider == "main"]
        for root in overlay_roots(*[Path(path.removeprefix("file://")) for path in mains]):
            search_path.append(provider="overlays", path=f"{OverlaySource.scheme()}://{root}")


def overlay_roots(*conf_dirs: Path) -> list[Path]:
    """Folders whose `experiments/` and `sweeps/` count, the strongest first."""
    return list(dict.fromkeys([Path.cwd(), *[conf.resolve().parent for conf in conf_dirs]]))


def enable_overlays() -> None:
    """Makes the overlays known to Hydra; a second call changes nothing."""
    for plugin in (OverlaySource, OverlaySearchPath):
        Plugins.instance().register(plugin)


def _in_overlay(config_path: str) -> bool:
    return config_path.split("/")[0] in OVERLAYS
