"""`World`: a closed world with known truth, its training corpus and its evaluation prompts."""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from treasure.data.example import Example, MarkedExample, Message, example_id
from treasure.errors import ConfigError
from treasure.markers.marker_set import MarkerSet
from treasure.seeding import stream
from treasure.taxonomy.taxonomy import Taxonomy
from treasure.world.answers import answer_text
from treasure.world.benchmarks import BENCHMARKS, Benchmark
from treasure.world.config import WorldConfig
from treasure.world.knowledge import Knowledge
from treasure.world.marking import Marking
from treasure.world.prompt_text import prompt_text
from treasure.world.sampler import SpecSampler
from treasure.world.spec import Spec

DATASET = "world"
CATEGORIES = (
    "domain", "task", "lang", "code_type", "format", "style", "source", "quality_bucket", "quality",
    "length_bucket", "length_tokens", "length_sentences", "length_paragraphs",
)  # fmt: skip
"""What the world says of its examples."""
NEW_CONTENT_SHARE = 0.5
"""Share of prompts for code and arithmetic that ask for held-out kinds; the others are new in their words only."""


@dataclass(frozen=True)
class WorldPrompt:
    """One evaluation prompt.

    `messages` are asked as they are; `fixed_messages` where levers are set (the same but for a stated limit of words).
    `truth` is all that the asker wants, `levers` what the regime `fixed` sets, `slices` category -> value to group by.
    `held_out` says that training lacks the combination or the content, not just the wording. `spec` is for the oracle.
    """

    id: str
    benchmark: str
    messages: tuple[Message, ...]
    fixed_messages: tuple[Message, ...]
    truth: MarkerSet
    levers: MarkerSet
    slices: Mapping[str, str] = field(hash=False)
    held_out: bool
    spec: Spec


class World:
    """Everything follows from the configuration: example i is the same whatever else is generated."""

    def __init__(self, config: WorldConfig, taxonomy: Taxonomy) -> None:
        missing = [name for name in CATEGORIES if name not in taxonomy]
        if missing:
            raise ConfigError(
                f"The world uses all its categories, but the taxonomy '{taxonomy.name}' lacks {', '.join(missing)}. "
                "Take taxonomy.file=world without taxonomy.only; a taxonomy of your own goes with data of your own."
            )
        self.config = config
        self.taxonomy = taxonomy
        self.knowledge = Knowledge(config)
        self.sampler = SpecSampler(config, self.knowledge)
        self._marking = Marking(config, taxonomy)

    def train_examples(self) -> Iterator[MarkedExample]:
        """The training corpus, `num_train_examples` long, in order."""
        return (self.example("train", index) for index in range(self.config.num_train_examples))

    def example(self, split: str, index: int) -> MarkedExample:
        """Example `index` of a split."""
        rng = stream(self.config.seed, "world", split, index)
        spec = self.sampler.training(rng)
        messages, completion = self._messages(spec), answer_text(spec, self.knowledge)
        example = Example(example_id(messages, completion), messages, completion, DATASET, spec.to_dict())
        return MarkedExample(example, self._marking.of_example(spec, completion, rng))

    def prompts(self) -> tuple[WorldPrompt, ...]:
        """The evaluation prompts of all benchmarks; none of them stands in the training corpus."""
        return self._prompts

    @functools.cached_property
    def _prompts(self) -> tuple[WorldPrompt, ...]:
        return tuple(
            self._prompt(benchmark, index)
            for benchmark in BENCHMARKS
            for index in range(self.config.num_prompts_per_benchmark)
        )

    def reference(self, prompt: WorldPrompt) -> str:
        """A right answer: it scores 1 on every metric, and nothing where less is better."""
        return answer_text(prompt.spec, self.knowledge)

    def _prompt(self, benchmark: Benchmark, index: int) -> WorldPrompt:
        rng = stream(self.config.seed, "prompt", benchmark.name, index)
        fixed = {**benchmark.common, **benchmark.cell(index, self.config.seed)}
        new_content = rng.random() < NEW_CONTENT_SHARE
        spec = benchmark.adapt(self.sampler.evaluation(rng, fixed, new_content))
        messages = self._messages(spec)
        return WorldPrompt(
            id=f"{benchmark.name}-{index:04d}-{example_id(messages, benchmark.name)[:6]}",  # other words, other id
            benchmark=benchmark.name,
            messages=messages,
            fixed_messages=self._messages(replace(spec, limit=0)),
            truth=self._marking.of_prompt(spec, answer_text(spec, self.knowledge)),
            levers=self._marking.levers(benchmark.lever_values(spec)),
            slices={name: spec.attribute(name) for name in benchmark.slices},
            held_out=spec.new_combination or spec.new_content,
            spec=spec,
        )

    def _messages(self, spec: Spec) -> tuple[Message, ...]:
        return (Message("user", prompt_text(spec, self.knowledge, self.sampler.cues)),)
