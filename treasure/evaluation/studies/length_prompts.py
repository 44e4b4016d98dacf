"""The prompts whose answers are counted, and the counting: each prompt once, none that the model was trained on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from treasure.data.example import MarkedExample, Message
from treasure.data.splits import opening
from treasure.errors import ConfigError
from treasure.evaluation.studies.study import StudyInputs
from treasure.inference.generate import Generator
from treasure.inference.request import Generation, GenerationRequest
from treasure.seeding import key_to_int
from treasure.world.prompt_text import prompt_text
from treasure.world.spec import Spec
from treasure.world.world import DATASET, World

FIT, TEST = 0, 1
"""Sides of the prompts: what is fitted, and what is measured. The hash of a prompt decides, as in `halves`."""
_MOST_DRAWN = 150_000
"""Examples that are looked through for prompts of one kind; a world draws about 10,000 a second."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt, the language that its answers are counted in, and what its words say of the length, '' if nothing.

    `metadata` is that of the example it comes from.
    """

    id: str
    messages: tuple[Message, ...]
    language: str | None
    said: str
    metadata: Mapping[str, Any] = field(hash=False)

    def saying(self, limit: int, world: World) -> tuple[Message, ...]:
        """The prompt with 'Use 20 words or less.' in place of what it says of the length."""
        spec = Spec.from_dict(self.metadata)
        cues = tuple(cue for cue in spec.cues if cue[0] != "length_bucket")
        text = prompt_text(replace(spec, cues=cues, limit=limit), world.knowledge, world.sampler.cues)
        return (Message("user", text),)


@dataclass(frozen=True, slots=True)
class Kind:
    """Examples whose markers do not speak against this task and language; '' takes all."""

    task: str
    language: str

    def fits(self, marked: MarkedExample) -> bool:
        """Whether the example is of this kind, as far as is known."""
        known = ((marked.markers.value("task"), self.task), (marked.markers.value("lang"), self.language))
        return all(found is None or not wanted or found == wanted for found, wanted in known)


def trained_prompts(world: World | None) -> frozenset[str]:
    """What stands in the world's training corpus; data from files hold their test prompts out by themselves."""
    if world is None:
        return frozenset()
    return frozenset(opening(marked.example) for marked in world.train_examples())


def draw_prompts(inputs: StudyInputs, side: int, number: int, kind: Kind, trained: frozenset[str]) -> list[Prompt]:
    """The first `number` different prompts of a side, or as many as there are.

    Raises:
        ConfigError: there is none.
    """
    draw = inputs.fit if side == FIT else inputs.test
    size = min(_MOST_DRAWN, 20 * number)
    while True:
        examples = draw(size)
        found = _different(examples, side, kind, trained)
        if len(found) >= number or len(examples) < size or size == _MOST_DRAWN:
            break
        size = min(_MOST_DRAWN, 3 * size)
    if not found:
        raise ConfigError(
            f"None of {len(examples)} held-out examples has the task '{kind.task}' and the language '{kind.language}', "
            "so no answer can be counted. Name others by lengths.task and lengths.language, or '' for all."
        )
    return found[:number]


def benchmark_prompts(world: World) -> list[tuple[Prompt, int]]:
    """The world's benchmark of lengths, each prompt with its limit: wordings that no prompt of training has."""
    return [
        (Prompt(prompt.id, prompt.fixed_messages, prompt.spec.lang, "", prompt.spec.to_dict()), prompt.spec.limit)
        for prompt in world.prompts()
        if prompt.benchmark == "length"
    ]


def count_of(inputs: StudyInputs, unit: str, prompt: Prompt, answer: Generation) -> int | None:
    """What an answer has of `unit`; None where it is empty or was cut, so that it keeps no limit."""
    if not answer.finished or not answer.content.strip():
        return None
    return inputs.length(unit, answer.content, prompt.language)


def answer_all(
    generator: Generator, requests: Sequence[GenerationRequest], description: str | None = None
) -> list[Generation]:
    """An answer for each request; equal ones are answered once, as decoding is greedy."""
    keys = [(request.messages, request.fixed, request.forced) for request in requests]
    different = dict(zip(keys, requests, strict=True))
    answers = generator.generate(list(different.values()), description)
    by_key = dict(zip(different, answers, strict=True))
    return [by_key[key] for key in keys]


def header_of(answer: Generation, unit: str) -> dict[str, Any]:
    """What the header of an answer says of `unit` and of the bucket."""
    return {"header": answer.markers.value(unit), "header_bucket": answer.markers.value("length_bucket")}


def _different(examples: Iterable[MarkedExample], side: int, kind: Kind, trained: frozenset[str]) -> list[Prompt]:
    found: dict[str, Prompt] = {}
    for marked in examples:
        text = opening(marked.example)
        key = key_to_int("study", text)
        if kind.fits(marked) and text not in trained and key % 2 == side and text not in found:
            lang = marked.markers.value("lang")
            found[text] = Prompt(
                f"{key:016x}",
                marked.example.messages,
                None if lang is None else str(lang),
                _said(marked),
                marked.example.metadata,
            )
    return list(found.values())


def _said(marked: MarkedExample) -> str:
    """The cue of the world by which a prompt speaks of its length."""
    cues = marked.example.metadata["cues"] if marked.example.dataset == DATASET else ()
    return next((cue for category, cue in cues if category == "length_bucket"), "")
