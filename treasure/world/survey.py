"""What a corpus is made of: shares of values and of pairs of values, for docs and tests."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from treasure.data.example import MarkedExample
from treasure.world.chain import ATTRIBUTES

PAIRS = (
    ("domain", "task"),
    ("domain", "lang"),
    ("domain", "format"),
    ("domain", "style"),
    ("domain", "quality_bucket"),
)


@dataclass(frozen=True)
class Survey:
    """Shares of a corpus, each in [0, 1].

    `shares`: category -> value -> share of all examples, the most frequent first. `within`: (category, other category)
    -> value -> other value -> share of the examples with the first value. Values are the true ones, known to markers or
    not; 'None' is what does not apply. Lengths are counted in the text.
    """

    num_examples: int
    shares: dict[str, dict[str, float]]
    within: dict[tuple[str, str], dict[str, dict[str, float]]]
    mean_prompt_words: float
    mean_completion_words: float


def survey(examples: Iterable[MarkedExample]) -> Survey:
    """Counts a corpus of the world, at least one example long."""
    rows = [(_truth(example), example) for example in examples]
    assert rows, "an empty corpus has no shares"
    within: dict[tuple[str, str], dict[str, dict[str, float]]] = {}
    for first, second in PAIRS:
        groups: dict[str, list[str]] = defaultdict(list)
        for truth, _ in rows:
            groups[truth[first]].append(truth[second])
        within[first, second] = {value: _shares(found) for value, found in groups.items()}
    return Survey(
        num_examples=len(rows),
        shares={name: _shares([truth[name] for truth, _ in rows]) for name in rows[0][0]},
        within=within,
        mean_prompt_words=sum(len(example.example.prompt.split()) for _, example in rows) / len(rows),
        mean_completion_words=sum(_num_words(example) for _, example in rows) / len(rows),
    )


def _truth(example: MarkedExample) -> dict[str, str]:
    truth = {name: example.example.metadata[name] for name in ATTRIBUTES}
    truth["length_bucket"] = str(example.markers.value("length_bucket"))
    return truth


def _num_words(example: MarkedExample) -> int:
    return int(example.markers.value("length_tokens") or 0)


def _shares(values: list[str]) -> dict[str, float]:
    return {value: count / len(values) for value, count in Counter(values).most_common()}
