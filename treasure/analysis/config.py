"""Options of intervals, and of the reports about annotations."""

from dataclasses import dataclass, field

from treasure.errors import ConfigError


@dataclass(kw_only=True, slots=True)
class Resampling:
    """How intervals and tests draw. The same options give the same intervals."""

    num_resamples: int = 2_000
    """How often prompts are drawn again for an interval, at least 100."""
    seed: int = 0
    """Seed of the draws; another one shows how far the ends of intervals depend on them."""

    def __post_init__(self) -> None:
        if self.num_resamples < 100:
            raise ConfigError(f"resampling.num_resamples must be at least 100, got {self.num_resamples}.")


@dataclass(kw_only=True, slots=True)
class SupportConfig:
    """When a combination of values counts as one that nobody supports."""

    fewest: int = 10
    """A combination with fewer examples than this, at least 1, would be a guess."""
    frequent: int = 100
    """Examples, at least 1, that each value must have where all are known; rarer values are rare alone."""
    levers: list[list[str]] = field(default_factory=lambda: [["lang", "domain", "task"]])
    """Categories that are set together, three or more a list; all pairs are looked at anyway."""

    def __post_init__(self) -> None:
        if self.fewest < 1 or self.frequent < 1:
            raise ConfigError(f"fewest and frequent must be at least 1, got {self.fewest} and {self.frequent}.")
        for names in self.levers:
            if len(names) < 3 or len(set(names)) < len(names):
                raise ConfigError(f"levers: a list names three or more different categories, got {', '.join(names)}.")


@dataclass(kw_only=True, slots=True)
class CoverageConfig:
    """What a coverage report shows."""

    tail_threshold: float = 0.05
    """Values with a share below this, among the examples whose category is known, are tail, in (0, 1)."""
    pairs: list[list[str]] = field(
        default_factory=lambda: [["lang", "domain"], ["lang", "task"], ["domain", "task"], ["task", "format"]]
    )
    """Pairs of categories to draw; those of which nothing is known are left out."""
    color: str = "count"
    """count or lift: whether the cells of pairs are shaded by examples, or by how far these are from independence."""
    support: SupportConfig = field(default_factory=SupportConfig)
    """When a combination of values counts as one that nobody supports."""

    def __post_init__(self) -> None:
        if not 0 < self.tail_threshold < 1:
            raise ConfigError(f"tail_threshold must be between 0 and 1, got {self.tail_threshold}.")
        if self.color not in ("count", "lift"):
            raise ConfigError(f"color must be count or lift, got {self.color!r}.")
        for pair in self.pairs:
            if len(set(pair)) != 2 or len(pair) != 2:
                raise ConfigError(f"pairs: each names two different categories, got {', '.join(pair)}.")


@dataclass(kw_only=True, slots=True)
class AgreementConfig:
    """What is compared, and what counts as tail."""

    categories: list[str] = field(default_factory=list)
    """Categories to compare; empty takes all of the taxonomy."""
    tail_threshold: float = 0.05
    """Values with a share below this, among the gold examples whose category is known, are tail, in (0, 1)."""
    num_resamples: int = 2_000
    """How often prompts are drawn again for an interval, at least 100."""

    def __post_init__(self) -> None:
        if not 0 < self.tail_threshold < 1:
            raise ConfigError(f"tail_threshold must be between 0 and 1, got {self.tail_threshold}.")
        if self.num_resamples < 100:
            raise ConfigError(f"num_resamples must be at least 100, got {self.num_resamples}.")
