"""What is true in the world: entities by domain, two facts of each, and the misconception that goes with each fact."""

from dataclasses import dataclass
from functools import cached_property

from treasure.seeding import stream
from treasure.world.config import WorldConfig
from treasure.world.data_files import read_data
from treasure.world.lexicon import NUM_VALUES


@dataclass(frozen=True)
class Fact:
    """The right value of a relation and the wrong one that bad texts always give; numbers of values."""

    right: int
    wrong: int


class Knowledge:
    """All facts, drawn once from the seed of the world.

    A tail domain shares some names with a head domain: the same name, other facts. Such a prompt is ambiguous unless
    something says which domain is meant.
    """

    def __init__(self, config: WorldConfig) -> None:
        data = read_data("entities")
        self.relations: dict[str, tuple[str, ...]] = {name: tuple(pair) for name, pair in data["relations"].items()}
        twins: dict[str, str] = data["shares_names_with"]
        self.entities: dict[str, tuple[str, ...]] = {}
        for domain, names in data["names"].items():
            if domain in twins:
                shared = data["names"][twins[domain]][: config.num_shared_names]
                own = names[: config.num_tail_entities - len(shared)]
                self.entities[domain] = (*shared, *own)
            else:
                self.entities[domain] = tuple(names[: config.num_head_entities])
        self._facts: dict[tuple[str, str, str], Fact] = {}
        for domain in sorted(self.entities, key=lambda name: name in twins):  # tail after head, so twins can differ
            self._add_domain(config.seed, domain, twins.get(domain))

    def _add_domain(self, seed: int, domain: str, twin: str | None) -> None:
        for name in self.entities[domain]:
            for relation in self.relations[domain]:
                taken = self._facts.get((twin, name, relation)) if twin else None
                free = [i for i in range(NUM_VALUES) if taken is None or i not in (taken.right, taken.wrong)]
                right, wrong = stream(seed, "fact", domain, name, relation).sample(free, 2)
                self._facts[domain, name, relation] = Fact(right, wrong)

    def fact(self, domain: str, name: str, relation: str) -> Fact:
        """The fact; `relation` is one of `relations[domain]`."""
        return self._facts[domain, name, relation]

    def other_relation(self, domain: str, relation: str) -> str:
        """The second thing that is known of entities of `domain`."""
        first, second = self.relations[domain]
        return second if relation == first else first

    @cached_property
    def pairs(self) -> dict[str, tuple[tuple[str, str], ...]]:
        """domain -> all (name, relation) of it."""
        return {
            domain: tuple((name, relation) for name in names for relation in self.relations[domain])
            for domain, names in self.entities.items()
        }

    @cached_property
    def names(self) -> frozenset[str]:
        """Every entity name."""
        return frozenset(name for names in self.entities.values() for name in names)
