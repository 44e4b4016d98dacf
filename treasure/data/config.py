"""Options of the data: where examples come from, and how they are split, measured and fitted."""

import math
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from treasure.data.decontaminate import ExcludedPrompts
from treasure.data.fingerprint import fingerprint
from treasure.data.overflow import OverflowPolicy
from treasure.data.raw_rows import files_of
from treasure.data.readers import DatasetConfig
from treasure.data.template import TemplateConfig
from treasure.errors import ConfigError, DataError, did_you_mean


class DataSource(StrEnum):
    """WORLD: the procedural corpus with known truth. FILES: the datasets that are listed."""

    WORLD = "world"
    FILES = "files"


@dataclass(kw_only=True, slots=True)
class DataConfig:
    """Where training examples come from."""

    source: DataSource = DataSource.WORLD
    """world or files; data=world says the one, data=real and overlays with your files the other."""
    datasets: dict[str, DatasetConfig] = field(default_factory=dict)
    """Name -> dataset; read when the source is files, and then at least one."""
    only: list[str] = field(default_factory=list)
    """Names of the datasets to read, such as [lima, xquad]; empty takes all that are listed."""
    annotations: Any = field(default_factory=list)
    """Folder that treasure-annotate made for these files, or a list of them, the most trusted first; their markers go
    beside the facts."""
    exclude_prompts: list[ExcludedPrompts] = field(default_factory=list)
    """Files of evaluation prompts; rows that ask the same are left out of training and validation, and counted."""
    seed: int = 0
    """Seed of split and mixture; runs with other training seeds keep the same data."""
    validation_fraction: float = 0.02
    """Share of the prompts kept out of training, in [0, 1); not read for the world, which has prompts of its own."""
    tail_threshold: float = 0.05
    """Values with a share of the training mixture below this are tail, in (0, 1)."""
    tail_upsampling: float = 1.0
    """How many times as often training draws an example with a tail value as one without, at least 1; the number of
    steps stays, and frequencies are counted without it."""
    overflow: OverflowPolicy = OverflowPolicy.DROP
    """drop, stop or truncate_content: what happens to examples longer than the context."""
    template: TemplateConfig = field(default_factory=TemplateConfig)
    """How conversations are written."""

    def __post_init__(self) -> None:
        if self.source is DataSource.FILES and not self.datasets:
            raise ConfigError("data.source is files, but data.datasets lists none.")
        self.annotations = [self.annotations] if isinstance(self.annotations, str) else list(self.annotations or [])
        if not all(isinstance(folder, str) and folder for folder in self.annotations):
            raise ConfigError(f"data.annotations is a folder or a list of folders, got {self.annotations}.")
        if self.annotations and self.source is DataSource.WORLD:
            raise ConfigError("data.annotations is for files; the world knows its markers. Set data.source to files.")
        if not 0 <= self.validation_fraction < 1:
            raise ConfigError(f"data.validation_fraction must be in [0, 1), got {self.validation_fraction}.")
        if not 0 < self.tail_threshold < 1:
            raise ConfigError(f"data.tail_threshold must be between 0 and 1, got {self.tail_threshold}.")
        if not 1 <= self.tail_upsampling < math.inf:
            raise ConfigError(f"data.tail_upsampling must be at least 1, got {self.tail_upsampling}.")
        for name in self.only:
            if name not in self.datasets:
                raise ConfigError(
                    f"data.only: there is no dataset '{name}'.{did_you_mean(name, self.datasets)} "
                    f"Listed: {', '.join(self.datasets) or 'none'}."
                )
        self.datasets = {name: one for name, one in self.datasets.items() if name in (self.only or self.datasets)}
        for name, dataset in self.datasets.items():
            dataset.name = dataset.name or name

    def fingerprint(self) -> dict[str, str]:
        """Name or path -> hash of the content of each file that is read, so that an edited file is another input.

        What the `datasets` library loads is known by its id alone.

        Raises:
            DataError: a file is missing.
        """
        if self.source is DataSource.WORLD:
            return {}
        found = {name: files_of(dataset.path) for name, dataset in self.datasets.items()}
        found |= {excluded.path: files_of(excluded.path) for excluded in self.exclude_prompts}
        found |= {folder: _annotation_files(folder) for folder in self.annotations}
        return {name: fingerprint(files) for name, files in found.items() if files}


def _annotation_files(folder: str) -> list[Path]:
    """All files of a sidecar that say something.

    Raises:
        DataError: there are none.
    """
    found = sorted(path for name in ("parts", "blocks") for path in (Path(folder) / name).rglob("*.parquet"))
    if not found:
        raise DataError(
            "There are no annotations. treasure-annotate makes such a folder; data.annotations names it.", folder
        )
    return found
