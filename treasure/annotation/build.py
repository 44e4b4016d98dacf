"""Makes annotators of their options: phases of those that go over all examples together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

from treasure.annotation.basic import COUNTS, FACTS, FactsAnnotator, LengthsAnnotator
from treasure.annotation.config import AnnotatorsConfig
from treasure.annotation.finding import Annotator
from treasure.annotation.quality import QualityAnnotator
from treasure.annotation.rules.annotator import NAME as RULES
from treasure.annotation.rules.annotator import RulesAnnotator
from treasure.annotation.rules.language import detect_language
from treasure.annotation.rules.parts import Text
from treasure.data.example import Example
from treasure.taxonomy.taxonomy import Taxonomy


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
