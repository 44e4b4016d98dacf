"""The conditional tables by which properties of an example are drawn, one after the other."""

import random
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from operator import itemgetter
from typing import Any

from treasure.world.config import WorldConfig
from treasure.world.data_files import read_data

ATTRIBUTES = (
    "domain", "task", "lang", "format", "source", "style", "quality_bucket", "code_type", "length_bucket",
)  # fmt: skip
"""Properties of the completion, each a category of the taxonomy; drawn in this order."""
SURFACE = ("prompt_lang", "form", "text_lang", "given_code")
"""Properties that a reader of the prompt sees; drawn after `ATTRIBUTES`."""
NONE = "None"
"""The value of a property that does not apply, such as the code type of a poem."""


class Distribution:
    """Shares of values, summing to one."""

    __slots__ = ("_cumulative", "_values", "shares")

    def __init__(self, weights: Mapping[str, float]) -> None:
        """`weights` are at least 0, in any scale, and some are above 0."""
        total = sum(weights.values())
        self.shares: dict[str, float] = {value: weight / total for value, weight in weights.items() if weight > 0}
        self._values = tuple(self.shares)
        self._cumulative = [*accumulate(self.shares.values())][:-1]  # without the last, which may fall short of one

    def draw(self, rng: random.Random) -> str:
        """One value; uses one number of `rng`."""
        return self._values[bisect_right(self._cumulative, rng.random())]


@dataclass(frozen=True)
class Rule:
    """Shares that hold where each named property has one of the listed values."""

    when: Mapping[str, frozenset[str]]
    shares: Mapping[str, float]

    def holds(self, given: Mapping[str, str]) -> bool:
        """Whether every condition is met."""
        return all(given[name] in values for name, values in self.when.items())


class Table:
    """P(property | properties drawn before), by the first rule that holds."""

    def __init__(self, name: str, rules: list[Rule], scale: Mapping[str, list[float]] | None) -> None:
        self.name = name
        self.rules = tuple(rules)
        self._scale = scale
        named = {parent for rule in rules for parent in rule.when} | ({"source"} if scale else set())
        relative = {"prompt_lang": {"lang"}, "text_lang": {"lang"}, "given_code": {"code_type"}}.get(name, set())
        self._key = _getter(sorted(named | relative))
        self._cache: dict[object, Distribution] = {}

    def given(self, known: Mapping[str, str]) -> Distribution:
        """The distribution where the properties in `known`, at least all drawn before, have these values."""
        key = self._key(known)
        found = self._cache.get(key)
        if found is None:
            found = self._cache[key] = self._build(known)
        return found

    def _build(self, known: Mapping[str, str]) -> Distribution:
        rule = next((rule for rule in self.rules if rule.holds(known)), None)
        assert rule is not None, f"no rule of table '{self.name}' holds for {dict(known)}"
        shares = dict(rule.shares)
        if self._scale is not None:
            factors = self._scale[known["source"]]
            shares = {value: share * factor for (value, share), factor in zip(shares.items(), factors, strict=True)}
        absolute: dict[str, float] = {}
        for value, share in shares.items():
            name = _absolute(value, known)
            absolute[name] = absolute.get(name, 0.0) + share
        return Distribution(absolute)


def _getter(names: list[str]) -> Callable[[Mapping[str, str]], object]:
    """Reads these properties as one key; the fast way, since this runs for each property of each example."""
    return itemgetter(*names) if names else lambda known: None


def _absolute(value: str, known: Mapping[str, str]) -> str:
    """'own', 'same' and 'other' are said relative to the completion."""
    if value == "own":
        return known["lang"]
    if value == "same":
        return known["code_type"]
    if value == "other":
        return other_code(known["code_type"])
    return value


def other_code(language: str) -> str:
    """The other of the world's two programming languages."""
    return "javascript" if language == "python" else "python"


class Chain:
    """All tables in drawing order."""

    def __init__(self, config: WorldConfig) -> None:
        data = read_data("tables")
        self.groups: dict[str, tuple[str, ...]] = {name: tuple(values) for name, values in data["groups"].items()}
        profiles = {"head": config.head_quality, "tail": config.tail_quality}
        self.tables: dict[str, Table] = {}
        for name in (*ATTRIBUTES, *SURFACE):
            rules = [self._rule(entry, profiles) for entry in data[name]]
            scale = data["quality_by_source"] if name == "quality_bucket" else None
            self.tables[name] = Table(name, rules, scale)

    def _rule(self, entry: Mapping[str, Any], profiles: Mapping[str, list[float]]) -> Rule:
        when = {
            name: frozenset(self.groups[values] if isinstance(values, str) else values)
            for name, values in entry.get("when", {}).items()
        }
        shares = entry["p"]
        if isinstance(shares, str):
            shares = {str(bucket): share for bucket, share in enumerate(profiles[shares], start=1)}
        return Rule(when, shares)

    def draw(self, rng: random.Random, fixed: Mapping[str, str] | None = None) -> dict[str, str]:
        """A value for each property, in order; those in `fixed` are taken as given, likely or not."""
        drawn: dict[str, str] = {}
        for name, table in self.tables.items():
            if fixed is not None and name in fixed:
                drawn[name] = fixed[name]
            else:
                drawn[name] = table.given(drawn).draw(rng)
        return drawn
