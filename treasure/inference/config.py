"""Options of generation."""

import math
from dataclasses import dataclass
from enum import StrEnum

from treasure.errors import ConfigError


class HeaderMode(StrEnum):
    """CONSTRAINED: the header that the model writes is valid, always. FREE: it writes what it will."""

    CONSTRAINED = "constrained"
    FREE = "free"


@dataclass(kw_only=True, slots=True)
class GenerationConfig:
    """How answers are written."""

    max_new_tokens: int = 128
    """Longest answer in tokens, at least 1; a header has room of its own on top."""
    batch_size: int = 128
    """Prompts generated together, at least 1; as many again by each further thread where cores stand idle."""
    temperature: float = 0.0
    """0 takes the most probable token each time; above 0 samples."""
    top_p: float = 1.0
    """Nucleus of probability that is sampled from, in (0, 1]; read when temperature is above 0."""
    seed: int = 0
    """Seed of sampling; read when temperature is above 0."""

    header: HeaderMode = HeaderMode.CONSTRAINED
    """constrained or free: whether a header can only be valid; one with forced or forbidden markers always is."""

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1 or self.batch_size < 1:
            raise ConfigError("generation.max_new_tokens and generation.batch_size must be at least 1.")
        if not 0 <= self.temperature < math.inf:
            raise ConfigError(f"generation.temperature must be at least 0 and finite, got {self.temperature}.")
        if not 0 < self.top_p <= 1:
            raise ConfigError(f"generation.top_p must be in (0, 1], got {self.top_p}.")
