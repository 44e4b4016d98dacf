"""What a prompt and its answer share beyond the spec: notes, options and pieces of code."""

import functools

from treasure.world.knowledge import Fact, Knowledge
from treasure.world.lexicon import NUM_VALUES, lexicons
from treasure.world.programs import sample_program
from treasure.world.spec import Spec, program_of

NOTE_ERROR = 3
"""How far the value that a bad reader takes from a note is from the right one, among the ten of a relation."""
LETTERS = "ABC"


def note_text(spec: Spec) -> str:
    """The note that extraction, classification, rewriting and summarization work on: a fact and a side remark."""
    lexicon, rng = lexicons()[spec.lang], spec.rng("content")
    sentences = [
        lexicon.sentence(lexicon.statement(spec.entity, spec.relation, spec.value)),
        rng.choice(lexicon.data["body"]),
    ]
    rng.shuffle(sentences)
    return lexicon.join(sentences)


def note_fact(spec: Spec) -> Fact:
    """What the note says, and what a bad reader makes of it."""
    return Fact(spec.value, (spec.value + NOTE_ERROR) % NUM_VALUES)


def options(spec: Spec, knowledge: Knowledge) -> tuple[int, ...]:
    """The values under A, B and C of a multiple-choice question: the right one, the misconception and another."""
    rng = spec.rng("content")
    fact = knowledge.fact(spec.domain, spec.entity, spec.relation)
    third = rng.choice([i for i in range(NUM_VALUES) if i not in (fact.right, fact.wrong)])
    return tuple(rng.sample((fact.right, fact.wrong, third), 3))


@functools.lru_cache(maxsize=256)
def given_code(spec: Spec) -> str:
    """The code that stands in the prompt; empty if there is none."""
    program, rng = program_of(spec.seed, spec.new_content), spec.rng("content")
    match spec.form:
        case "stub":
            return program.code(spec.given_code).split("\n")[0]
        case "sample":
            return sample_program(rng, held_out=False).code(spec.given_code)
        case "attempt":
            return program.buggy(spec.given_code, rng)
        case "code":
            return program.code(spec.given_code)
        case _:
            return ""
