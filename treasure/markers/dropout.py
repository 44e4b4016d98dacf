"""Which markers of an example stay in its prompt header, drawn afresh each time the example is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from random import Random

from treasure.errors import ConfigError, TaxonomyError
from treasure.seeding import stream
from treasure.taxonomy.taxonomy import Taxonomy


class DropoutSchedule(StrEnum):
    """How rates change over training.

    CONSTANT: not at all. LINEAR: from the rates at the first step straight to the end rates at the last. COOLDOWN: the
    end rates from the share `cooldown_start` of training on.

    Source: the cooldown is that of MeCo, Gao et al. 2025, arXiv 2501.01956.
    """

    CONSTANT = "constant"
    LINEAR = "linear"
    COOLDOWN = "cooldown"


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
    keep: list[str] = field(default_factory=list)
    """Categories that are in every prompt header that is written; only dataset_dropout removes them."""
    schedule: DropoutSchedule = DropoutSchedule.CONSTANT
    """constant, linear or cooldown: how dataset_dropout and sample_dropout change over training."""
    end_dataset_dropout: float = 1.0
    """dataset_dropout at the end of training, in [0, 1]; not read when the schedule is constant."""
    end_sample_dropout: float | None = None
    """sample_dropout at the end of training, in [0, 1]; None leaves it; not read when the schedule is constant."""
    cooldown_start: float = 0.9
    """Share of training, in [0, 1], after which the cooldown has the end rates; read when the schedule is cooldown."""

    def __post_init__(self) -> None:
        rates = {name: getattr(self, name) for name in ("dataset_dropout", "sample_dropout", "end_dataset_dropout")}
        rates |= {} if self.end_sample_dropout is None else {"end_sample_dropout": self.end_sample_dropout}
        rates |= {f"category_dropout.{name}": rate for name, rate in self.category_dropout.items()}
        for name, rate in rates.items():
            if not 0 <= rate <= 1:
                raise ConfigError(f"{name} is a probability from 0 to 1, got {rate}.")
        if not 0 <= self.cooldown_start <= 1:
            raise ConfigError(f"cooldown_start is a share of training from 0 to 1, got {self.cooldown_start}.")
        both = sorted(set(self.keep) & set(self.category_dropout))
        if both:
            raise ConfigError(f"'{both[0]}' stands in keep and in category_dropout. Take it out of one of them.")

    def at(self, step: int, num_steps: int) -> "DropoutConfig":
        """The rates of optimizer step `step` (from 0) of `num_steps`, as a constant schedule."""
        share = self._share_of_end(step, num_steps)
        end_sample = self.sample_dropout if self.end_sample_dropout is None else self.end_sample_dropout
        return replace(
            self,
            schedule=DropoutSchedule.CONSTANT,
            dataset_dropout=_between(self.dataset_dropout, self.end_dataset_dropout, share),
            sample_dropout=_between(self.sample_dropout, end_sample, share),
        )

    def _share_of_end(self, step: int, num_steps: int) -> float:
        """0 where the first rates hold, 1 where the end rates do."""
        if self.schedule is DropoutSchedule.LINEAR:
            return step / (num_steps - 1) if num_steps > 1 else 0.0
        return float(self.schedule is DropoutSchedule.COOLDOWN and step >= self.cooldown_start * num_steps)

    def check(self, taxonomy: Taxonomy) -> None:
        """Refuses rates for categories that `taxonomy` does not have.

        Raises:
            ConfigError: a key of `category_dropout` or an entry of `keep` is unknown; the message names the nearest.
        """
        for option, names in (("category_dropout", list(self.category_dropout)), ("keep", self.keep)):
            for name in names:
                try:
                    taxonomy.category(name)
                except TaxonomyError as error:
                    raise ConfigError(f"{option}: {error}") from error


def kept_indices(
    categories: Sequence[str], config: DropoutConfig, *, seed: int, epoch: int, example_id: str
) -> tuple[int, ...]:
    """Rising indices into `categories` (one entry a marker) that stay in the prompt header, at the rates of `config`.

    Sample dropout removes its share of the markers that `keep` does not name. Depends on the arguments alone, so any
    worker or rank, and a resumed run, draws the same.
    """
    generator = stream("dropout", seed, epoch, example_id)
    if generator.random() < config.dataset_dropout:
        return ()
    loose = [index for index, name in enumerate(categories) if name not in config.keep]
    dropped = _sample_dropped(loose, config.sample_dropout, generator)
    dropped_categories = _categories_dropped(categories, config.category_dropout, generator)
    return tuple(i for i, name in enumerate(categories) if i not in dropped and name not in dropped_categories)


def _between(start: float, end: float, share: float) -> float:
    """Exactly `start` at share 0 and `end` at share 1, and never off both where they are the same."""
    return end if share == 1 else start + share * (end - start)


def _sample_dropped(indices: Sequence[int], share: float, generator: Random) -> frozenset[int]:
    """A uniform part of `indices` whose size is that `share` in expectation, rounded at random."""
    expected = share * len(indices)
    whole = int(expected)
    size = whole + (generator.random() < expected - whole)
    return frozenset(generator.sample(indices, size))


def _categories_dropped(categories: Sequence[str], rates: dict[str, float], generator: Random) -> frozenset[str]:
    names = dict.fromkeys(name for name in categories if name in rates)
    return frozenset(name for name in names if generator.random() < rates[name])
