"""Options of the study of guidance."""

from dataclasses import dataclass, field

from treasure.errors import ConfigError
from treasure.inference.guidance_config import MAX_WEIGHT, GuidedHeader


@dataclass(kw_only=True, slots=True)
class GuidanceStudyConfig:
    """How many prompts are pushed, and how hard."""

    num_prompts: int = 60
    """Prompts of each lever's benchmark, at least 1, or as many as there are."""
    weights: list[float] = field(default_factory=lambda: [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0])
    """Weights of the sweep; 1 is fixed without guidance and must be among them: others are set against it."""
    headers: list[str] = field(default_factory=lambda: [header.value for header in GuidedHeader])
    """What is guided: guided (header and content), plain (content alone), apart (content, each side its own header)."""
    pair_weights: list[float] = field(default_factory=lambda: [1.0, 2.0, 3.0])
    """Weights of language and of style where both are asked for; every pair of them is tried."""

    def __post_init__(self) -> None:
        if self.num_prompts < 1:
            raise ConfigError(f"guidance.num_prompts must be at least 1, got {self.num_prompts}.")
        if 1.0 not in self.weights or not all(abs(w) <= MAX_WEIGHT for w in [*self.weights, *self.pair_weights]):
            raise ConfigError(
                f"guidance.weights and pair_weights must lie within -{MAX_WEIGHT:g} to {MAX_WEIGHT:g}, and 1 among the "
                f"former; got {self.weights} and {self.pair_weights}."
            )
        allowed = [header.value for header in GuidedHeader]
        unknown = [name for name in self.headers if name not in allowed]
        if unknown or not self.headers:
            raise ConfigError(f"guidance.headers must name some of {', '.join(allowed)}; got {self.headers}.")
