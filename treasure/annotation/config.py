"""Options of annotation: which annotators are asked, in which order, and how a run goes about it."""

from dataclasses import dataclass, field
from enum import StrEnum

from treasure.annotation.classifier.config import ClassifierConfig
from treasure.annotation.llm.config import LLMConfig
from treasure.annotation.quality_config import QualityConfig, RewardConfig
from treasure.annotation.rules.config import RulesConfig
from treasure.errors import ConfigError, did_you_mean

ANNOTATORS = ("facts", "rules", "lengths", "classifier", "llm", "reward", "quality")
"""Names of all annotators; treasure/annotation/build.py makes them."""


class Engine(StrEnum):
    """DATASETS: all cores of this machine. RAY: all machines of a Ray cluster."""

    DATASETS = "datasets"
    RAY = "ray"


@dataclass(kw_only=True, slots=True)
class AnnotatorsConfig:
    """Who is asked. Each annotator is asked only about what those before it did not settle."""

    order: list[str] = field(default_factory=lambda: ["facts", "rules"])
    """Annotators in order of trust, each once: facts (of the dataset), rules (of language, lengths, code, format and
    style), lengths (the same counts alone), classifier, llm, reward (a model's score), quality (buckets of scores)."""
    rules: RulesConfig = field(default_factory=RulesConfig)
    """Which rules run, and how sure they have to be."""
    classifier: ClassifierConfig | None = None
    """A trained classifier; needed where `order` names it."""
    llm: LLMConfig | None = None
    """A language model, at an endpoint or on this machine; needed where `order` names it."""
    reward: RewardConfig | None = None
    """A reward model, whose score becomes the quality; needed where `order` names it."""
    quality: QualityConfig | None = None
    """Where quality buckets begin; needed where `order` names it. treasure-annotate edges cuts them."""

    def __post_init__(self) -> None:
        for name in self.order:
            if name not in ANNOTATORS:
                raise ConfigError(
                    f"annotator.order: there is no annotator '{name}'.{did_you_mean(name, ANNOTATORS)} "
                    f"Known: {', '.join(ANNOTATORS)}."
                )
            if getattr(self, name, self) is None:
                raise ConfigError(
                    f"annotator.order names {name}, and annotator.{name} is not set. Take annotator={name}, which says "
                    f"what it needs, or leave it out of the order."
                )
        if not self.order or len(set(self.order)) < len(self.order):
            raise ConfigError(f"annotator.order lists annotators, each once, got {self.order}.")


@dataclass(frozen=True, kw_only=True)
class AnnotationOptions:
    """How a run goes about it. `num_workers` 0 takes all cores; `limit` is that of each dataset, None takes all."""

    engine: Engine = Engine.DATASETS
    num_workers: int = 0
    block_size: int = 5000
    limit: int | None = None
    retry_failed: bool = False
    ray_address: str = ""
