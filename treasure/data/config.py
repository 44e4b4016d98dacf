"""Options of the data: where examples come from, how they are split, measured, written and fitted into batches."""

import math
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from treasure.data.decontaminate import ExcludedPrompts
from treasure.data.fingerprint import fingerprint
from treasure.data.raw_rows import files_of
from treasure.data.readers import DatasetConfig
from treasure.errors import ConfigError, DataError, did_you_mean


class DataSource(StrEnum):
    """WORLD: the procedural corpus with known truth. FILES: the datasets that are listed."""

    WORLD = "world"
    FILES = "files"


class OverflowPolicy(StrEnum):
    """DROP: leave the example out. STOP: refuse the data. TRUNCATE_CONTENT: cut the end of the content."""

    DROP = "drop"
    STOP = "stop"
    TRUNCATE_CONTENT = "truncate_content"


class TemplateKind(StrEnum):
    """AUTO: CHAT when the tokenizer has a chat template, else PLAIN. CHAT: the tokenizer's own. PLAIN: the strings."""

    AUTO = "auto"
    CHAT = "chat"
    PLAIN = "plain"


@dataclass(kw_only=True, slots=True)
class TemplateConfig:
    """How conversations are written. The prefixes and suffixes are read by the PLAIN kind only."""

    kind: TemplateKind = TemplateKind.AUTO
    """auto, chat or plain."""
    variables: dict[str, str] = field(default_factory=dict)
    """Name -> text for variables of the chat template, such as date_string; read by the CHAT kind only."""
    system_prefix: str = ""
    """Control text before a system turn."""
    system_suffix: str = "\n\n"
    """Control text after a system turn."""
    user_prefix: str = "User: "
    """Control text before a user turn."""
    user_suffix: str = "\n"
    """Control text after a user turn; the prompt header stands before it."""
    assistant_prefix: str = "Assistant: "
    """Control text before an assistant turn; the header of the completion stands after it."""
    end: str | None = None
    """Control text that closes an assistant turn and is learned; None takes the tokenizer's end-of-sequence token."""
    turn_separator: str = "\n"
    """Control text between an earlier assistant turn and the turn after it."""


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


class Layout(StrEnum):
    """PACKED: rows are filled with as many examples as fit. PADDED: one example a row."""

    PACKED = "packed"
    PADDED = "padded"


@dataclass(kw_only=True, slots=True)
class BatchConfig:
    """How many examples make an optimizer step, and what their tokens weigh."""

    global_batch_size: int = 32
    """Examples an optimizer step learns from, over all micro-batches; at least 1."""
    micro_batch_size: int = 8
    """Examples that are on a device at once, at least 1; changes memory and speed, not the result."""
    header_loss_weight: float = 1.0
    """Weight of a header token in the loss, where a content token weighs 1; at least 0."""
    pad_to_multiple: int = 8
    """Rows are padded to a multiple of this many tokens, at least 1."""
    layout: Layout = Layout.PACKED
    """packed: short examples share a row without seeing each other; padded: one example a row."""

    def __post_init__(self) -> None:
        for name in ("global_batch_size", "micro_batch_size", "pad_to_multiple"):
            if getattr(self, name) < 1:
                raise ConfigError(f"batch.{name} must be at least 1, got {getattr(self, name)}.")
        if not 0 <= self.header_loss_weight < math.inf:
            raise ConfigError(f"batch.header_loss_weight must be at least 0, got {self.header_loss_weight}.")

    @property
    def num_micro_batches(self) -> int:
        """Micro-batches of one global batch."""
        return math.ceil(self.global_batch_size / self.micro_batch_size)


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
