"""Examples whose prompts training never saw, each prompt once, and none on both sides."""

from collections.abc import Callable

from treasure.data.example import MarkedExample
from treasure.data.splits import opening
from treasure.evaluation.studies.study import StudyInputs
from treasure.seeding import key_to_int
from treasure.world.world import World

FIT, TEST = 0, 1
"""Sides of the prompts: what is fitted, and what is measured. The hash of a prompt decides, as in `halves`."""
_MOST_DRAWN = 80_000
"""Examples that are looked through; a world draws about 10,000 a second."""


def trained_prompts(world: World | None) -> frozenset[str]:
    """What stands in the world's training corpus; data from files hold their test prompts out by themselves."""
    if world is None:
        return frozenset()
    return frozenset(opening(marked.example) for marked in world.train_examples())


def prompt_key(marked: MarkedExample) -> int:
    """The hash of what is asked."""
    return key_to_int("study", opening(marked.example))


def fresh_examples(
    inputs: StudyInputs,
    side: int,
    number: int,
    trained: frozenset[str],
    keep: Callable[[MarkedExample], bool] = lambda _: True,
) -> list[MarkedExample]:
    """The first `number` examples of a side that `keep` takes, or as many as there are; the first of each prompt."""
    draw = inputs.fit if side == FIT else inputs.test
    size = min(_MOST_DRAWN, 20 * number)
    while True:
        examples = draw(size)
        found: dict[str, MarkedExample] = {}
        for marked in examples:
            text = opening(marked.example)
            if text not in found and text not in trained and prompt_key(marked) % 2 == side and keep(marked):
                found[text] = marked
        if len(found) >= number or len(examples) < size or size == _MOST_DRAWN:
            return list(found.values())[:number]
        size = min(_MOST_DRAWN, 3 * size)
