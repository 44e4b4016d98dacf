"""`Posterior`: what a reader who knows all tables of the world would believe of an answer before it is written."""

import functools
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from treasure.errors import TaxonomyError
from treasure.world.chain import ATTRIBUTES, SURFACE
from treasure.world.cues import EXPLICIT, SILENT
from treasure.world.holdout import HOME_DOMAINS, is_allowed
from treasure.world.sampler import SpecSampler
from treasure.world.spec import CODE_FORMS, Spec

_ALL = (*ATTRIBUTES, *SURFACE)
_LAST_HELD_OUT = max(_ALL.index(category) for category in HOME_DOMAINS)
_UNHEARD_OF = 1e-6
"""Share of a value that the tables exclude but a prompt from outside training says outright."""
Belief = dict[str, dict[str, float]]


class Posterior:
    """P(property | prompt) by enumeration of everything the tables allow, given cues, surface and subject of a prompt.

    Exact under the process that makes the corpus. For a prompt that asks for what training leaves out, the rules of
    `holdout.py` are set aside and the tables decide alone: else the truth itself would have probability 0.
    """

    def __init__(self, sampler: SpecSampler) -> None:
        self._sampler = sampler

    def of(self, spec: Spec, category: str) -> dict[str, float]:
        """value -> probability, summing to 1; 'None' is the probability that the category does not apply.

        Raises:
            TaxonomyError: the category is counted in the text, so it has no share in the tables.
        """
        if category not in ATTRIBUTES:
            raise TaxonomyError(f"No true posterior for '{category}'. Allowed: {', '.join(ATTRIBUTES)}.")
        return dict(self._all(_Evidence.of(spec))[category])

    @functools.lru_cache(maxsize=4096)  # noqa: B019 (one enumerator lives as long as its oracle)
    def _all(self, evidence: "_Evidence") -> Belief:
        for respect_holdout in (False,) if evidence.is_outside else (True, False):
            weights: Belief = {name: defaultdict(float) for name in ATTRIBUTES}
            total = self._enumerate(evidence, 0, {}, 1.0, weights, respect_holdout)
            if total > 0:
                return {name: {v: w / total for v, w in found.items()} for name, found in weights.items()}
        raise TaxonomyError("The tables of the world cannot explain this prompt; was it made by another world?")

    def _enumerate(
        self, evidence: "_Evidence", place: int, known: dict[str, str], weight: float, weights: Belief, holdout: bool
    ) -> float:
        """Adds the weight of every completion of `known` to `weights`; returns their sum."""
        if place == len(_ALL):
            if holdout and not is_allowed(known):
                return 0.0
            weight *= self._subject_share(evidence, known, holdout)
            if holdout:
                weight /= self._allowed_share[known["domain"]]
            for name in ATTRIBUTES:
                weights[name][known[name]] += weight
            return weight
        name, total = _ALL[place], 0.0
        shares = self._sampler.chain.tables[name].given(known).shares
        said = evidence.cue(name).removeprefix(EXPLICIT) if evidence.cue(name).startswith(EXPLICIT) else ""
        if said and not holdout and said not in shares:
            shares = {**shares, said: _UNHEARD_OF}
        for value, share in shares.items():
            likelihood = share * self._likelihood(evidence, name, value)
            if likelihood > 0:
                known[name] = value
                total += self._enumerate(evidence, place + 1, known, weight * likelihood, weights, holdout)
        known.pop(name, None)
        return total

    def _likelihood(self, evidence: "_Evidence", name: str, value: str) -> float:
        """P(what the prompt shows of `name` | its value), with certain contradictions cut off early."""
        if name in SURFACE:
            return float(evidence.surface[SURFACE.index(name)] == value)
        if name == "task" and value not in self._tasks_by_form[evidence.form]:
            return 0.0
        if name == "domain" and not self._fits(evidence, value):
            return 0.0
        if name not in self._sampler.cues.categories:
            return 1.0
        return self._sampler.cues.given(name, value, evidence.prompt_lang).shares.get(evidence.cue(name), 0.0)

    @functools.cached_property
    def _tasks_by_form(self) -> Mapping[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for rule in self._sampler.chain.tables["form"].rules:
            for form in rule.shares:
                found[form] |= rule.when["task"]
        return found

    @functools.cached_property
    def _allowed_share(self) -> dict[str, float]:
        """domain -> share of its draws that are not held out; the others are drawn again."""
        tables = self._sampler.chain.tables
        return {domain: self._mass({"domain": domain}, 1) for domain in tables["domain"].given({}).shares}

    def _mass(self, known: dict[str, str], place: int) -> float:
        if place > _LAST_HELD_OUT:
            return float(is_allowed(known))
        name = _ALL[place]
        shares = self._sampler.chain.tables[name].given(known).shares
        return sum(share * self._mass({**known, name: value}, place + 1) for value, share in shares.items())

    def _fits(self, evidence: "_Evidence", domain: str) -> bool:
        """Whether the subject of the prompt can come up in `domain`."""
        if not evidence.entity:
            return (domain == "Code") == (evidence.form in CODE_FORMS)
        knowledge = self._sampler.knowledge
        return domain in knowledge.entities and (
            evidence.entity in knowledge.entities[domain]
            and (not evidence.relation or evidence.relation in knowledge.relations[domain])
        )

    def _subject_share(self, evidence: "_Evidence", known: Mapping[str, str], holdout: bool) -> float:
        """P(entity and relation | properties)."""
        if not evidence.entity:
            return 1.0
        domain = known["domain"]
        if evidence.form == "translate":
            if not holdout:
                return 1 / len(self._sampler.knowledge.pairs[domain])
            pairs = self._sampler.translatable(domain, known["lang"], known["text_lang"], held_out=False)
            return ((evidence.entity, evidence.relation) in pairs) / len(pairs)
        knowledge = self._sampler.knowledge
        return 1 / (len(knowledge.pairs[domain]) if evidence.relation else len(knowledge.entities[domain]))


@dataclass(frozen=True)
class _Evidence:
    """What a prompt shows. A stated limit of words is left out, since training states none."""

    surface: tuple[str, ...]
    cues: tuple[tuple[str, str], ...]
    entity: str
    relation: str
    is_outside: bool

    @classmethod
    def of(cls, spec: Spec) -> "_Evidence":
        surface = tuple(spec.attribute(name) for name in SURFACE)
        is_outside = spec.new_combination or (spec.form == "translate" and spec.new_content)
        return cls(surface, spec.cues, spec.entity, spec.relation, is_outside)

    @property
    def prompt_lang(self) -> str:
        return self.surface[SURFACE.index("prompt_lang")]

    @property
    def form(self) -> str:
        return self.surface[SURFACE.index("form")]

    def cue(self, category: str) -> str:
        return next((cue for name, cue in self.cues if name == category), SILENT)
