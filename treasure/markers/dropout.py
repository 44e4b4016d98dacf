"""Which markers of an example stay in its prompt header, drawn afresh each time the example is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from treasure.errors import ConfigError, TaxonomyError
from treasure.markers.marker_set import MarkerSet
from treasure.seeding import stream
from treasure.taxonomy.taxonomy import Taxonomy


@dataclass(kw_only=True, slots=True)
class DropoutConfig:
    """How much of the prompt header is removed; the completion header is never touched.

    Source: the defaults are setting 50_50 of D'souza et al. 2025, arXiv 2506.14702.
    """

    dataset_dropout: float = 0.5
    """Probability that an example has no prompt header at all, in [0, 1]."""
    sample_dropout: float = 0.5
    """Share of the markers removed from a prompt header that is kept, in [0, 1]; exact in expectation."""
    category_dropout: dict[str, float] = field(default_factory=dict)
    """Category -> further probability in [0, 1] that all its values are removed, drawn by itself."""

    def __post_init__(self) -> None:
        rates = {"dataset_dropout": self.dataset_dropout, "sample_dropout": self.sample_dropout}
        rates |= {f"category_dropout.{name}": rate for name, rate in self.category_dropout.items()}
        for name, rate in rates.items():
            if not 0 <= rate <= 1:
                raise ConfigError(f"{name} is a probability from 0 to 1, got {rate}.")

    def check(self, taxonomy: Taxonomy) -> None:
        """Refuses rates for categories that `taxonomy` does not have.

        Raises:
            ConfigError: a key of `category_dropout` is unknown; the message names the nearest.
        """
        for name in self.category_dropout:
            try:
                taxonomy.category(name)
            except TaxonomyError as error:
                raise ConfigError(f"category_dropout: {error}") from error


def kept_indices(
    categories: Sequence[str], config: DropoutConfig, *, seed: int, epoch: int, example_id: str
) -> tuple[int, ...]:
    """Rising indices into `categories` (one entry a marker) that stay in the prompt header.

    Depends on the arguments alone, so any worker or rank, and a resumed run, draws the same.
    """
    generator = stream("dropout", seed, epoch, example_id)
    if generator.random() < config.dataset_dropout:
        return ()
    dropped = _sample_dropped(len(categories), config.sample_dropout, generator)
    dropped_categories = _categories_dropped(categories, config.category_dropout, generator)
    return tuple(i for i, name in enumerate(categories) if i not in dropped and name not in dropped_categories)


def drop(markers: MarkerSet, config: DropoutConfig, *, seed: int, epoch: int, example_id: str) -> MarkerSet:
    """The prompt side of `markers`, in their order; what is not applicable stays so."""
    names = [marker.category for marker in markers.markers]
    kept = kept_indices(names, config, seed=seed, epoch=epoch, example_id=example_id)
    return MarkerSet(tuple(markers.markers[i] for i in kept), markers.not_applicable)


def _sample_dropped(count: int, share: float, generator: Random) -> frozenset[int]:
    """A uniform subset of `range(count)` whose size is `share * count` in expectation, rounded at random."""
    expected = share * count
    whole = int(expected)
    size = whole + (generator.random() < expected - whole)
    return frozenset(generator.sample(range(count), size))


def _categories_dropped(categories: Sequence[str], rates: dict[str, float], generator: Random) -> frozenset[str]:
    names = dict.fromkeys(name for name in categories if name in rates)
    return frozenset(name for name in names if generator.random() < rates[name])
