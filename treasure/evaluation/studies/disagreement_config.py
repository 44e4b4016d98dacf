"""Options of the study of disagreement."""

from dataclasses import dataclass

from treasure.errors import ConfigError


@dataclass(kw_only=True, slots=True)
class DisagreementStudyConfig:
    """How many prompts show whether prompt and header agree, and which of them an answer follows."""

    num_header_prompts: int = 100
    """Prompts for each category in which a marker is set in the prompt alone, at least 1."""
    num_conflict_prompts: int = 150
    """Prompts for each category in which prompt and header are made to differ, at least 1."""

    def __post_init__(self) -> None:
        for name in ("num_header_prompts", "num_conflict_prompts"):
            if getattr(self, name) < 1:
                raise ConfigError(f"disagreement.{name} must be at least 1, got {getattr(self, name)}.")
