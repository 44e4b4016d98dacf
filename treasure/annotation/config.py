"""Which annotators are asked, in which order, and on what they run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from itertools import groupby

from treasure.annotation.basic import COUNTS, FACTS, FactsAnnotator, LengthsAnnotator
from treasure.annotation.finding import Annotator
from treasure.errors import ConfigError, did_you_mean
from treasure.taxonomy.taxonomy import Taxonomy


class Engine(StrEnum):
    """DATASETS: all cores of this machine. RAY: all machines of a Ray cluster."""

    DATASETS = "datasets"
    RAY = "ray"


@dataclass(kw_only=True, slots=True)
class AnnotatorsConfig:
    """Who is asked. Each annotator is asked only about what those before it did not settle."""

    order: list[str] = field(default_factory=lambda: [FACTS, COUNTS])
    """Annotators in order of trust, each once: facts (of the dataset), lengths (counted in the completion)."""

    def __post_init__(self) -> None:
        for name in self.order:
            if name not in _CONSTRUCTORS:
                raise ConfigError(
                    f"annotator.order: there is no annotator '{name}'.{did_you_mean(name, _CONSTRUCTORS)} "
                    f"Known: {', '.join(_CONSTRUCTORS)}."
                )
        if not self.order or len(set(self.order)) < len(self.order):
            raise ConfigError(f"annotator.order lists annotators, each once, got {self.order}.")


_CONSTRUCTORS: dict[str, Callable[[AnnotatorsConfig, Taxonomy], Annotator]] = {
    FACTS: lambda _, taxonomy: FactsAnnotator(taxonomy),
    COUNTS: lambda _, taxonomy: LengthsAnnotator(taxonomy),
}
"""Name -> how the annotator is made from all options and the taxonomy. A new annotator is one line here."""

_IN_PARENT = frozenset({"llm", "reward"})
"""Annotators that wait for a server or hold a large model: one of each, beside the process that was started."""


@dataclass(frozen=True, slots=True)
class Phase:
    """Annotators that go over all blocks together. `build` makes them, in each process that needs them."""

    names: tuple[str, ...]
    in_workers: bool
    build: Callable[[], Sequence[Annotator]]


def build_annotators(config: AnnotatorsConfig, taxonomy: Taxonomy) -> list[Phase]:
    """The annotators of `config` in order of trust: as many phases as it changes where they run."""
    return [
        Phase(tuple(names), in_workers, partial(_build, tuple(names), config, taxonomy))
        for in_workers, names in _groups(config.order)
    ]


def _groups(order: Sequence[str]) -> list[tuple[bool, list[str]]]:
    return [(in_workers, list(names)) for in_workers, names in groupby(order, lambda name: name not in _IN_PARENT)]


def _build(names: Sequence[str], config: AnnotatorsConfig, taxonomy: Taxonomy) -> list[Annotator]:
    return [_CONSTRUCTORS[name](config, taxonomy) for name in names]
