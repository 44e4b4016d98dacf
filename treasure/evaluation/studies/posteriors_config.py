"""Options of the study of posteriors."""

from dataclasses import dataclass

from treasure.errors import ConfigError


@dataclass(kw_only=True, slots=True)
class PosteriorsStudyConfig:
    """How well a model knows what it believes of each category."""

    num_fit: int = 400
    """Held-out examples that temperatures are fitted on, at least 1."""
    num_test: int = 300
    """Other held-out examples that are measured, at least 1."""
    num_headers: int = 16
    """Headers sampled for each marginal, at least 1; read on the world alone, where the true posterior is known."""

    def __post_init__(self) -> None:
        for name in ("num_fit", "num_test", "num_headers"):
            if getattr(self, name) < 1:
                raise ConfigError(f"posteriors.{name} must be at least 1, got {getattr(self, name)}.")
