"""Options of IFEval and M-IFEval."""

from dataclasses import dataclass, field

from treasure.errors import ConfigError

LANGUAGES = ("en", "es", "fr", "ja")


@dataclass(kw_only=True, slots=True)
class IFEvalConfig:
    """Which prompts of IFEval (English) and M-IFEval (Spanish, French, Japanese) are asked."""

    folder: str
    """Folder with en_input_data.jsonl, es_…, fr_… and ja_…, plain or .gz, as M-IFEval publishes them."""
    languages: list[str] = field(default_factory=lambda: list(LANGUAGES))
    """Files to read: en, es, fr, ja."""

    def __post_init__(self) -> None:
        if not self.folder.strip():
            raise ConfigError("ifeval.folder must name the folder of the public files.")
        unknown = sorted(set(self.languages) - set(LANGUAGES))
        if unknown or not self.languages:
            raise ConfigError(f"ifeval.languages must name some of {', '.join(LANGUAGES)}; got {self.languages}.")
        if len(set(self.languages)) < len(self.languages):
            raise ConfigError(f"ifeval.languages names one twice: {', '.join(self.languages)}.")
