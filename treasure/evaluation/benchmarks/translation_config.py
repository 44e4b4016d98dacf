"""Options of the translation benchmark: which pairs, how they are asked, what scores."""

from dataclasses import dataclass, field
from string import Formatter

from treasure.errors import ConfigError
from treasure.evaluation.benchmarks.names import check_name

METRICS = ("bleu", "chrf", "xcomet")
REFERENCES = ("refA", "refB")
FIELDS = {"source_language", "target_language", "text"}


@dataclass(kw_only=True, slots=True)
class XcometConfig:
    """XCOMET, which runs under a Python of its own: its versions of torch and transformers do not go with ours."""

    python: str = ""
    """The Python of an environment that has unbabel-comet, such as xcomet/bin/python."""
    model: str = "Unbabel/XCOMET-XL"
    """Checkpoint file (.ckpt), or the name of a model on the Hugging Face hub."""
    batch_size: int = 8
    """Segments scored at once, at least 1."""
    gpus: int = 0
    """GPUs used: 0 or 1."""
    start_s: float = 1800.0
    """Seconds within which the model must be loaded, above 0; the first time it is downloaded."""
    timeout_s: float = 600.0
    """Seconds that a batch may take, above 0; then the process is ended and the batch is tried once more."""

    def __post_init__(self) -> None:
        for name, low in (("batch_size", 1), ("gpus", 0)):
            if getattr(self, name) < low:
                raise ConfigError(f"translation.xcomet.{name} must be at least {low}, got {getattr(self, name)}.")
        if self.gpus > 1:
            raise ConfigError(f"translation.xcomet.gpus must be 0 or 1, got {self.gpus}.")
        for name in ("start_s", "timeout_s"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"translation.xcomet.{name} must be above 0, got {getattr(self, name)}.")


@dataclass(kw_only=True, slots=True)
class TranslationConfig:
    """Which texts are translated, and what compares the translations."""

    files: list[str]
    """Files or globs, JSON Lines, also .gz: WMT24 (pair, src, refA) or WMT24++ (lp, source, target)."""
    pairs: list[str] = field(default_factory=list)
    """Pairs as the files name them, such as en-de or en-de_DE; empty takes all."""
    reference: str = "refA"
    """refA or refB of WMT24; pairs without refB are compared with refA. WMT24++ has one, `target`."""
    instruction: str = (
        "Translate the following text from {source_language} into {target_language}. "
        "Answer with the translation alone.\n\n{text}"
    )
    """What a model is asked; {source_language}, {target_language} and {text} are filled in."""
    name: str = "translation"
    """Name in records and of the folder, such as wmt24."""
    metrics: list[str] = field(default_factory=lambda: ["bleu", "chrf"])
    """bleu, chrf (chrF++) and xcomet, which needs `xcomet.python`."""
    xcomet: XcometConfig = field(default_factory=XcometConfig)

    def __post_init__(self) -> None:
        check_name(self.name, "translation.name")
        if not self.files:
            raise ConfigError("translation.files is empty. Name a file, such as wmt24/en-de.jsonl.gz.")
        if unknown := sorted(set(self.metrics) - set(METRICS)):
            raise ConfigError(f"translation.metrics holds {', '.join(unknown)}. Allowed: {', '.join(METRICS)}.")
        if not self.metrics:
            raise ConfigError(f"translation.metrics is empty. Name some of {', '.join(METRICS)}.")
        if self.reference not in REFERENCES:
            raise ConfigError(f"translation.reference must be refA or refB, got '{self.reference}'.")
        try:
            fields = {name for _, name, _, _ in Formatter().parse(self.instruction) if name is not None}
        except ValueError as error:
            raise ConfigError(f"translation.instruction cannot be filled in: {error}.") from error
        if not {"text"} <= fields <= FIELDS:
            raise ConfigError(
                f"translation.instruction must hold {{text}} and may hold {{source_language}} and {{target_language}}; "
                f"it holds {', '.join(sorted(fields)) or 'none'}."
            )
