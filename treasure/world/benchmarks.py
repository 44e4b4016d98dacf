"""The benchmarks of the world: what each asks, in equal parts for every value of its main category, and its levers."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from treasure.seeding import stream
from treasure.taxonomy.taxonomy import Scalar
from treasure.world.chain import NONE
from treasure.world.data_files import LANGUAGES
from treasure.world.spec import Spec

FACT_DOMAINS = (
    "Conversation", "Culture", "Technology", "Unspecified", "Math",
    "Sciences", "SocialSciences", "Finance", "Medical", "Legal",
)  # fmt: skip
"""Domains of which facts are known."""
_WIDE_DOMAINS = tuple(domain for domain in FACT_DOMAINS if domain != "Math")
_CODE_TASKS = ("CodeGeneration", "CodeExplanation", "CodeFix", "CodeTranslation")
_TEXT_TASKS = ("InformationExtraction", "Classification", "Rewrite", "Summarization")
_PLAIN = {"format": NONE, "style": NONE, "lang": "English", "quality_bucket": "1"}


@dataclass(frozen=True)
class Benchmark:
    """One benchmark.

    `cells` are properties that are set, one cell after the other; `common` holds for all. `slices` and `levers` name
    categories; `lever_values` are levers with a value of their own. `adapt` changes a spec once it is drawn.
    """

    name: str
    cells: tuple[Mapping[str, str], ...]
    common: Mapping[str, str]
    slices: tuple[str, ...]
    levers: tuple[str, ...]
    adapt: Callable[[Spec], Spec] = field(default=lambda spec: spec)

    def cell(self, index: int, seed: int) -> Mapping[str, str]:
        """What prompt `index` sets.

        Each run of prompts as long as the list of values has every value once, shuffled, so that a stretch or every
        n-th prompt is still a fair sample.
        """
        num_values = len({cell[self.slices[0]] for cell in self.cells})
        block, place = divmod(index, num_values)
        order = stream(seed, "cells", self.name, block).sample(range(num_values), num_values)
        return self.cells[(block * num_values + order[place]) % len(self.cells)]

    def lever_values(self, spec: Spec) -> dict[str, Scalar]:
        """The value of each lever for one prompt."""
        return {name: spec.limit if name == "length_tokens" else spec.attribute(name) for name in self.levers}


def _cells(main: str, values: tuple[str, ...], other: str, others: tuple[str, ...]) -> tuple[Mapping[str, str], ...]:
    """All pairs, in an order in which any stretch has about as many of each value: the second list slips by one."""
    cycle = math.lcm(len(values), len(others))
    return tuple(
        {main: values[i % len(values)], other: others[(i + i // cycle) % len(others)]}
        for i in range(len(values) * len(others))
    )


def _limited(spec: Spec) -> Spec:
    """The prompt states the limit; it says nothing else of length."""
    cues = tuple(cue for cue in spec.cues if cue[0] != "length_bucket")
    return replace(spec, cues=cues, limit=spec.words)


BENCHMARKS: tuple[Benchmark, ...] = (
    Benchmark(
        name="facts",
        cells=_cells("domain", FACT_DOMAINS, "task", ("QuestionAnswering", "QuestionAnswering", "Explanation")),
        common={"lang": "English", "format": NONE, "quality_bucket": "1"},
        slices=("domain",),
        levers=("domain", "quality_bucket"),
    ),
    Benchmark(
        name="languages",
        cells=_cells("lang", LANGUAGES[1:], "domain", _WIDE_DOMAINS),
        common={**_PLAIN, "task": "QuestionAnswering"},
        slices=("lang", "domain"),
        levers=("lang",),
    ),
    Benchmark(
        name="formats",
        cells=_cells("format", ("JSON", "XML", "Enumeration", "Tabular", "Markdown"), "domain", _WIDE_DOMAINS),
        common={**_PLAIN, "task": "QuestionAnswering"},
        slices=("format", "domain"),
        levers=("format",),
    ),
    Benchmark(
        name="styles",
        cells=_cells("style", ("Formal", "Informal", "Custom"), "domain", _WIDE_DOMAINS),
        common={**_PLAIN, "task": "QuestionAnswering"},
        slices=("style", "domain"),
        levers=("style",),
    ),
    Benchmark(
        name="code",
        cells=_cells("task", _CODE_TASKS, "code_type", ("python", "javascript")),
        common={**_PLAIN, "domain": "Code"},
        slices=("task", "code_type"),
        levers=("task", "code_type"),
    ),
    Benchmark(
        name="length",
        cells=_cells("length_bucket", ("concise", "medium", "long"), "domain", _WIDE_DOMAINS),
        common={**_PLAIN, "task": "OpenEnded", "prompt_lang": "English"},
        slices=("length_bucket", "domain"),
        levers=("length_tokens",),
        adapt=_limited,
    ),
    Benchmark(
        name="reasoning",
        cells=({"domain": "Math"},),
        common={**_PLAIN, "task": "Reasoning", "format": "ChainOfThought"},
        slices=("domain", "task"),
        levers=("format",),
    ),
    Benchmark(
        name="translation",
        cells=_cells("lang", LANGUAGES, "domain", _WIDE_DOMAINS),
        common={"format": NONE, "style": NONE, "quality_bucket": "1", "task": "Translation"},
        slices=("lang",),
        levers=("lang", "task"),
    ),
    Benchmark(
        name="text_tasks",
        cells=_cells("task", _TEXT_TASKS, "domain", _WIDE_DOMAINS),
        common={"lang": "English", "format": NONE, "quality_bucket": "1"},
        slices=("task",),
        levers=("task",),
    ),
)
"""In the order of reports. Each spreads its cells evenly, so that head and tail values weigh the same."""
