"""`SpecSampler`: draws specs for training and for evaluation, so that the two never share a prompt."""

import functools
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from treasure.world.chain import Chain
from treasure.world.config import WorldConfig
from treasure.world.cues import SILENT, Cues
from treasure.world.holdout import held_out_phrasing, is_allowed, is_held_out_note, is_held_out_pair
from treasure.world.knowledge import Knowledge
from treasure.world.lexicon import NUM_VALUES, lexicons
from treasure.world.spec import (
    CODE_FORMS,
    FACT_FORMS,
    NOTE_FORMS,
    NUM_PURPOSES,
    TOPIC_FORMS,
    Spec,
    problem_of,
    program_of,
)

WORD_RANGES = {"concise": (5, 11), "medium": (12, 27), "long": (28, 45)}
"""Words of an open-ended text, by length bucket, both ends included."""
NUM_TASK_VARIANTS = 3
"""Wordings that ask for a program or a translation, or state a problem."""
_SEED_BITS = 48


class SpecSampler:
    """Draws specs from the tables, the cues and the facts of a world."""

    def __init__(self, config: WorldConfig, knowledge: Knowledge) -> None:
        self.chain = Chain(config)
        self.cues = Cues()
        self.knowledge = knowledge
        self._explicit_rate = config.explicit_prompt_rate

    def training(self, rng: random.Random) -> Spec:
        """A spec as training has them: no held-out combination, content or phrasing."""
        domain = self.chain.tables["domain"].given({}).draw(rng)
        while True:  # held-out combinations are drawn again within the domain, whose share so stays as the table says
            drawn = self.chain.draw(rng, {"domain": domain})
            if is_allowed(drawn):
                return self._complete(rng, drawn, new_content=False, explicit_rate=1.0)

    def evaluation(self, rng: random.Random, fixed: Mapping[str, str], new_content: bool) -> Spec:
        """A spec with the properties in `fixed`, about something or in words that training never shows.

        `new_content` asks for code and arithmetic problems of a held-out kind instead of known ones in new words.
        """
        while True:
            drawn = self.chain.draw(rng, fixed)
            if drawn["form"] not in ("mcq", "poem"):
                break
        spec = self._complete(
            rng, drawn, new_content=new_content, explicit_rate=self._explicit_rate, is_evaluation=True
        )
        return replace(spec, new_combination=not is_allowed(drawn) or not self.is_reachable(drawn))

    def is_reachable(self, drawn: Mapping[str, str]) -> bool:
        """Whether the tables give these properties a share above zero."""
        return all(table.given(drawn).shares.get(drawn[name], 0.0) > 0 for name, table in self.chain.tables.items())

    def _complete(
        self,
        rng: random.Random,
        drawn: dict[str, str],
        *,
        new_content: bool,
        explicit_rate: float,
        is_evaluation: bool = False,
    ) -> Spec:
        prompt_lang, form = drawn["prompt_lang"], drawn["form"]
        cues = []
        for category in self.cues.categories:
            allow = explicit_rate >= 1 or rng.random() < explicit_rate
            cue = self.cues.draw(rng, category, drawn[category], prompt_lang, allow)
            if cue != SILENT:
                cues.append((category, cue))
        seed = rng.getrandbits(_SEED_BITS) * NUM_PURPOSES
        if form in CODE_FORMS or form == "problem":
            variant = self._task_variant(rng, form, seed, new_content, is_evaluation)
            content = {"variant": variant, "new_content": new_content}
        else:
            by_wording = form in FACT_FORMS or form in TOPIC_FORMS  # only the wording is new, not what it is about
            content = {**self._subject(rng, drawn, is_evaluation), "new_content": is_evaluation and not by_wording}
        return Spec(**drawn, cues=tuple(cues), seed=seed, **content)

    def _task_variant(self, rng: random.Random, form: str, seed: int, new_content: bool, is_evaluation: bool) -> int:
        is_problem = form == "problem"
        subject = problem_of(seed, new_content).question(0) if is_problem else program_of(seed, new_content).python()
        return _wording(rng, NUM_TASK_VARIANTS, held_out_phrasing(NUM_TASK_VARIANTS, subject), is_evaluation)

    def _subject(self, rng: random.Random, drawn: Mapping[str, str], is_evaluation: bool) -> dict[str, Any]:
        domain, form = drawn["domain"], drawn["form"]
        if form == "translate":
            name, relation = rng.choice(self.translatable(domain, drawn["lang"], drawn["text_lang"], is_evaluation))
            kept_back = held_out_phrasing(NUM_TASK_VARIANTS, form, name, relation)
            variant = _wording(rng, NUM_TASK_VARIANTS, kept_back, is_evaluation)
            return {"entity": name, "relation": relation, "variant": variant}
        name, relation = rng.choice(self.knowledge.pairs[domain])
        if form in NOTE_FORMS:
            values = [i for i in range(NUM_VALUES) if is_held_out_note(name, relation, i) == is_evaluation]
            return {"entity": name, "relation": relation, "value": rng.choice(values)}
        if form in TOPIC_FORMS:
            relation = ""
        subject: dict[str, Any] = {"entity": name, "relation": relation}
        if drawn["length_bucket"] in WORD_RANGES:
            subject["words"] = rng.randint(*WORD_RANGES[drawn["length_bucket"]])
        if form != "poem":
            subject["variant"] = self._variant(rng, form, drawn["prompt_lang"], name, relation, is_evaluation)
        return subject

    def _variant(
        self, rng: random.Random, form: str, prompt_lang: str, name: str, relation: str, is_evaluation: bool
    ) -> int:
        wording = "ask" if form == "mcq" else form
        count = lexicons()[prompt_lang].num_variants(wording)
        return _wording(rng, count, held_out_phrasing(count, wording, prompt_lang, name, relation), is_evaluation)

    @functools.cache  # noqa: B019 (one sampler lives as long as its world)
    def translatable(self, domain: str, lang: str, text_lang: str, held_out: bool) -> tuple[tuple[str, str], ...]:
        """(entity, relation) whose sentence may be translated in training, or, `held_out`, only in evaluation."""
        foreign = text_lang if lang == "English" else lang
        pairs = self.knowledge.pairs[domain]
        return tuple(pair for place, pair in enumerate(pairs) if is_held_out_pair(place, foreign) == held_out)


def _wording(rng: random.Random, count: int, kept_back: int, is_evaluation: bool) -> int:
    """The wording that is kept for evaluation, or one of the others."""
    if is_evaluation:
        return kept_back
    other = rng.randrange(count - 1)
    return other + (other >= kept_back)
