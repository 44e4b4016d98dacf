"""Builds the benchmarks that a configuration names, and reads answers that others stored for them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from treasure.errors import ConfigError, DataError
from treasure.evaluation.benchmarks import language_confusion
from treasure.evaluation.benchmarks.humanevalpack import HumanEvalPack
from treasure.evaluation.benchmarks.ifeval import IFEval
from treasure.evaluation.benchmarks.language_confusion import LanguageConfusion
from treasure.evaluation.benchmarks.length_instructed import LengthInstructed
from treasure.evaluation.benchmarks.open_ended import OpenEnded
from treasure.evaluation.benchmarks.protocol import Answer, Benchmark, BenchmarkPrompt
from treasure.evaluation.benchmarks.quixbugs import QuixBugs
from treasure.evaluation.benchmarks.reward_levers import RewardLevers
from treasure.evaluation.benchmarks.translation import Translation
from treasure.evaluation.exchange.answers import read_answers
from treasure.evaluation.exchange.scored import stored_as_answers
from treasure.evaluation.suite_config import SuiteConfig
from treasure.jsonl import read_jsonl

_MAKERS: dict[str, Callable[[Any], Benchmark]] = {
    "ifeval": IFEval,
    "language_confusion": LanguageConfusion,
    "open_ended": OpenEnded,
    "length_instructed": LengthInstructed,
    "humanevalpack": HumanEvalPack,
    "quixbugs": QuixBugs,
    "reward_levers": RewardLevers,
    "translation": Translation,
}
_STORED: dict[str, Callable[[str], list[Answer]]] = {"language_confusion": language_confusion.stored_answers}
"""Public formats of answers that name their prompts in a way of their own."""
_EXCHANGED = ("open_ended", "length_instructed", "reward_levers")
"""Benchmarks whose answers lie in files of Arena-Hard or AlpacaEval, which may hold other prompts too."""


def benchmarks_of(config: SuiteConfig) -> dict[str, Benchmark]:
    """Kind (the name of its options) -> benchmark, of all that are chosen."""
    return {kind: _MAKERS[kind](getattr(config, kind)) for kind in config.chosen}


def stored_answers(kind: str, benchmark: Benchmark, path: Path) -> list[Answer]:
    """Answers of a file: in the benchmark's public format, else {'prompt_id', 'content'} an object and line, or
    {'prompt', 'content'}.

    Raises:
        DataError: a row names no prompt of the benchmark, or a prompt twice; with file and line.
    """
    if kind in _STORED:
        return _STORED[kind](str(path))
    prompts = benchmark.prompts()
    if kind in _EXCHANGED:
        if not (known := stored_as_answers(prompts, read_answers(str(path)))):
            raise DataError(f"The file holds no answer to a prompt of {benchmark.name}.", path)
        return known
    by_name = {name: prompt for prompt in prompts for name in (prompt.id, prompt.messages[-1].content)}
    found: dict[str, Answer] = {}
    for line, row in read_jsonl(path):
        name = row.get("prompt_id", row.get("prompt", row.get("instruction")))
        content = row.get("content", row.get("output", row.get("response")))
        if not isinstance(name, str) or not isinstance(content, str):
            raise DataError("Expected {'prompt_id' or 'prompt': text, 'content': text}.", path, line)
        prompt = by_name.get(name)
        if prompt is None:
            raise DataError(f"{benchmark.name} has no prompt '{_short(name)}'.", path, line)
        if prompt.id in found:
            raise DataError(f"The prompt '{prompt.id}' has an answer already.", path, line)
        found[prompt.id] = answer_to(prompt, content)
    if not found:
        raise DataError("The file holds no answer.", path)
    return list(found.values())


def num_unanswered(kind: str, benchmark: Benchmark, answers: Sequence[Answer]) -> int:
    """How many prompts have none of `answers`; 0 where a public format names its prompts itself."""
    return 0 if kind in _STORED else len(benchmark.prompts()) - len(answers)


def answer_to(prompt: BenchmarkPrompt, content: str) -> Answer:
    """An answer to `prompt` by a model that is not ours."""
    return Answer(
        prompt_id=prompt.id,
        prompt=prompt.messages[-1].content,
        content=content,
        reference=prompt.reference,
        slices=prompt.slices,
    )


def check_names(benchmarks: dict[str, Benchmark]) -> None:
    """Refuses two benchmarks that would share a folder.

    Raises:
        ConfigError: names both.
    """
    kinds: dict[str, str] = {}
    for kind, benchmark in benchmarks.items():
        if benchmark.name in kinds:
            raise ConfigError(f"suite.{kinds[benchmark.name]} and suite.{kind} are both named '{benchmark.name}'.")
        kinds[benchmark.name] = kind


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:60] + "…"
