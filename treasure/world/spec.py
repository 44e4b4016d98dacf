"""`Spec`: everything that decides a prompt and its right answer, drawn before a word is written."""

import functools
import random
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from treasure.world.arithmetic import Problem, sample_problem
from treasure.world.programs import Program, sample_program

FACT_FORMS = frozenset({"ask", "explain", "card", "mcq"})
TOPIC_FORMS = frozenset({"write", "poem"})
NOTE_FORMS = frozenset({"extract", "note", "classify", "rewrite", "summarize"})
CODE_FORMS = frozenset({"words", "stub", "sample", "attempt", "code"})


@dataclass(frozen=True, slots=True)
class Spec:
    """One example to be: its properties, what the prompt shows of them, and what it is about.

    `cues` are (category, cue id) of the cues that speak. `entity`, `relation` and `value` are empty or 0 where the task
    has none; `words` is the length of an open-ended text and else 0. `limit` is the greatest number of words that the
    prompt states, 0 if it states none. All that is drawn later comes from `seed`. `new_content` says that training
    never shows what the prompt is about in this way; `new_combination` that it never joins these properties.
    """

    domain: str
    task: str
    lang: str
    format: str
    source: str
    style: str
    quality_bucket: str
    code_type: str
    length_bucket: str
    prompt_lang: str
    form: str
    text_lang: str
    given_code: str
    cues: tuple[tuple[str, str], ...] = ()
    variant: int = 0
    entity: str = ""
    relation: str = ""
    value: int = 0
    words: int = 0
    limit: int = 0
    seed: int = 0
    new_content: bool = False
    new_combination: bool = False

    def attribute(self, name: str) -> str:
        """The value of one of `chain.ATTRIBUTES` or `chain.SURFACE`."""
        return getattr(self, name)

    def rng(self, purpose: str) -> random.Random:
        """A stream of its own for what is written."""
        return random.Random(self.seed + _PURPOSES[purpose])

    def to_dict(self) -> dict[str, Any]:
        """Plain data for `Example.metadata`."""
        values = {name: getattr(self, name) for name in _FIELDS}
        values["cues"] = [list(cue) for cue in self.cues]
        return values

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Spec":
        """The spec that `to_dict` wrote."""
        return cls(**{**data, "cues": tuple((category, cue) for category, cue in data["cues"])})


_FIELDS = tuple(field.name for field in fields(Spec))
_PURPOSES = {"content": 0, "answer": 1}
NUM_PURPOSES = len(_PURPOSES)
"""A seed is a multiple of this, so that the streams of two specs never meet."""


@functools.lru_cache(maxsize=1024)
def program_of(seed: int, new_content: bool) -> Program:
    """The program that a prompt with this seed asks about."""
    return sample_program(random.Random(seed), new_content)


@functools.lru_cache(maxsize=1024)
def problem_of(seed: int, new_content: bool) -> Problem:
    """The arithmetic problem of a prompt with this seed."""
    return sample_problem(random.Random(seed), new_content)
