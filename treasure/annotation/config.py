"""Which annotators are asked, in which order, and on what they run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from itertools import groupby
from pathlib import Path

from treasure.annotation.basic import COUNTS, FACTS, FactsAnnotator, LengthsAnnotator
from treasure.annotation.classifier.config import ClassifierConfig
from treasure.annotation.finding import Annotator
from treasure.annotation.llm.config import LLMConfig
from treasure.annotation.quality import QualityAnnotator
from treasure.annotation.quality_edges import QualityConfig
from treasure.annotation.reward import RewardConfig
from treasure.annotation.rules.annotator import NAME as RULES
from treasure.annotation.rules.annotator import RulesAnnotator
from treasure.annotation.rules.config import RulesConfig
from treasure.annotation.rules.language import detect_language
from treasure.annotation.rules.parts import Text
from treasure.data.example import Example
from treasure.errors import ConfigError, did_you_mean
from treasure.taxonomy.taxonomy import Taxonomy


class Engine(StrEnum):
    """DATASETS: all cores of this machine. RAY: all machines of a Ray cluster."""

    DATASETS = "datasets"
    RAY = "ray"


@dataclass(kw_only=True, slots=True)
class AnnotatorsConfig:
    """Who is asked. Each annotator is asked only about what those before it did not settle."""

    order: list[str] = field(default_factory=lambda: [FACTS, RULES])
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
            if name not in _CONSTRUCTORS:
                raise ConfigError(
                    f"annotator.order: there is no annotator '{name}'.{did_you_mean(name, _CONSTRUCTORS)} "
                    f"Known: {', '.join(_CONSTRUCTORS)}."
                )
            if getattr(self, name, self) is None:
                raise ConfigError(
                    f"annotator.order names {name}, and annotator.{name} is not set. Take annotator={name}, which says "
                    f"what it needs, or leave it out of the order."
                )
        if not self.order or len(set(self.order)) < len(self.order):
            raise ConfigError(f"annotator.order lists annotators, each once, got {self.order}.")


def _classifier(config: AnnotatorsConfig, taxonomy: Taxonomy, _: Path | None) -> Annotator:
    from treasure.annotation.classifier.annotator import ClassifierAnnotator  # loads scikit-learn

    assert config.classifier is not None
    return ClassifierAnnotator(config.classifier, taxonomy)


def _language_of(example: Example) -> str | None:
    return detect_language(Text(example.completion).prose).language


def _llm(config: AnnotatorsConfig, taxonomy: Taxonomy, shots: Path | None) -> Annotator:
    from treasure.annotation.llm.annotator import LLMAnnotator  # loads a client or a model

    assert config.llm is not None
    return LLMAnnotator(config.llm, taxonomy, shipped_shots=shots, guess_language=_language_of)


def _reward(config: AnnotatorsConfig, taxonomy: Taxonomy, _: Path | None) -> Annotator:
    from treasure.annotation.reward import RewardAnnotator  # loads a model

    assert config.reward is not None
    return RewardAnnotator(config.reward, taxonomy)


def _quality(config: AnnotatorsConfig, taxonomy: Taxonomy, _: Path | None) -> Annotator:
    assert config.quality is not None
    return QualityAnnotator(config.quality, taxonomy)


_CONSTRUCTORS: dict[str, Callable[[AnnotatorsConfig, Taxonomy, Path | None], Annotator]] = {
    FACTS: lambda _, taxonomy, __: FactsAnnotator(taxonomy),
    RULES: lambda config, taxonomy, _: RulesAnnotator(config.rules, taxonomy),
    COUNTS: lambda _, taxonomy, __: LengthsAnnotator(taxonomy),
    "classifier": _classifier,
    "llm": _llm,
    "reward": _reward,
    "quality": _quality,
}
"""Name -> how the annotator is made from all options, the taxonomy and the folder of shots."""

_IN_PARENT = frozenset({"llm", "reward"})
"""Annotators that wait for a server or hold a large model: one of each, beside the process that was started."""


@dataclass(frozen=True, slots=True)
class Phase:
    """Annotators that go over all blocks together. `build` makes them, in each process that needs them."""

    names: tuple[str, ...]
    in_workers: bool
    build: Callable[[], Sequence[Annotator]]


def build_annotators(config: AnnotatorsConfig, taxonomy: Taxonomy, shots: Path | None = None) -> list[Phase]:
    """The annotators of `config` in order of trust: as many phases as it changes where they run.

    `shots` is the folder in which shots for language models lie under the names of taxonomies.
    """
    return [
        Phase(tuple(names), in_workers, partial(_build, tuple(names), config, taxonomy, shots))
        for in_workers, names in _groups(config.order)
    ]


def _groups(order: Sequence[str]) -> list[tuple[bool, list[str]]]:
    return [(in_workers, list(names)) for in_workers, names in groupby(order, lambda name: name not in _IN_PARENT)]


def _build(names: Sequence[str], config: AnnotatorsConfig, taxonomy: Taxonomy, shots: Path | None) -> list[Annotator]:
    return [_CONSTRUCTORS[name](config, taxonomy, shots) for name in names]
