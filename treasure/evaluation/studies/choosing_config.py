"""Options of the study of choosing among headers."""

from dataclasses import dataclass, field

from treasure.errors import ConfigError


@dataclass(kw_only=True, slots=True)
class ChoosingStudyConfig:
    """How many prompts are answered, and behind how many headers each."""

    num_prompts: int = 40
    """Prompts of each benchmark, at least 1, or as many as there are."""
    numbers: list[int] = field(default_factory=lambda: [2, 4, 8])
    """Numbers of headers that are answered behind, each at least 2."""
    leave_out: list[str] = field(default_factory=lambda: ["code"])
    """Benchmarks that are left out; the programs of code take long to run."""
    temperature: float = 1.0
    """Of the headers that are drawn, above 0."""

    def __post_init__(self) -> None:
        if self.num_prompts < 1:
            raise ConfigError(f"choosing.num_prompts must be at least 1, got {self.num_prompts}.")
        if not self.numbers or min(self.numbers) < 2:
            raise ConfigError(f"choosing.numbers must be at least 2 each, at least one; got {self.numbers}.")
        if self.temperature <= 0:
            raise ConfigError(f"choosing.temperature must be above 0, got {self.temperature}.")
