"""Options of the procedural world."""

from dataclasses import dataclass, field

from treasure.errors import ConfigError

MIN_ENTITIES, MAX_ENTITIES = 2, 12


@dataclass(kw_only=True, slots=True)
class WorldConfig:
    """How large the world is and how good its texts are; what depends on what stands in `data/tables.yaml`."""

    seed: int = 0
    """Key of everything drawn in the world: facts, corpus and evaluation prompts."""
    num_train_examples: int = 64_000
    """Training examples, at least 1."""
    num_prompts_per_benchmark: int = 160
    """Evaluation prompts of each benchmark, at least 1."""
    num_head_entities: int = 8
    """Entities of each head domain, 2 to 12; each has two facts."""
    num_tail_entities: int = 5
    """Entities of each tail domain, 2 to 12; fewer means more examples of each fact."""
    num_shared_names: int = 2
    """Names of each tail domain that a head domain also has, with other facts; 0 to the smaller number of entities."""
    head_quality: list[float] = field(default_factory=lambda: [0.4, 0.3, 0.15, 0.15])
    """Relative shares of quality buckets 1 to 4 in head domains."""
    tail_quality: list[float] = field(default_factory=lambda: [0.27, 0.13, 0.2, 0.4])
    """Relative shares of quality buckets 1 to 4 in tail domains."""
    quality_known_rate: float = 0.2
    """Share of examples whose `quality` is known, in [0, 1]."""
    quality_bucket_known_rate: float = 0.9
    """Share of examples whose `quality_bucket` is known, in [0, 1]."""
    source_known_rate: float = 0.8
    """Share of examples whose `source` is known, in [0, 1]."""
    structure_known_rate: float = 0.15
    """Share of examples whose `length_sentences`, and by itself `length_paragraphs`, is known, in [0, 1]."""
    explicit_prompt_rate: float = 0.15
    """Share of evaluation prompts, per property, that may say it outright as training prompts do, in [0, 1]."""

    def __post_init__(self) -> None:
        for name in ("num_train_examples", "num_prompts_per_benchmark"):
            _check(name, getattr(self, name), 1, None)
        for name in ("num_head_entities", "num_tail_entities"):
            _check(name, getattr(self, name), MIN_ENTITIES, MAX_ENTITIES)
        _check("num_shared_names", self.num_shared_names, 0, min(self.num_head_entities, self.num_tail_entities))
        for name in (
            "quality_known_rate",
            "quality_bucket_known_rate",
            "source_known_rate",
            "structure_known_rate",
            "explicit_prompt_rate",
        ):
            _check(name, getattr(self, name), 0, 1)
        for name in ("head_quality", "tail_quality"):
            shares = getattr(self, name)
            if len(shares) != 4 or min(shares) <= 0:
                raise ConfigError(f"world.{name} needs four shares above 0, for quality buckets 1 to 4; got {shares}.")


def _check(name: str, given: float, low: float, high: float | None) -> None:
    if not given >= low or (high is not None and given > high):  # so that nan is refused
        allowed = f"at least {low}" if high is None else f"from {low} to {high}"
        raise ConfigError(f"world.{name} must be {allowed}, got {given}.")
