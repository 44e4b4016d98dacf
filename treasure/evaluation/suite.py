"""Builds the benchmarks that a configuration names, and reads answers that others stored for them."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from treasure.errors import ConfigError, DataError
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
_STORED: dict[str, Callable[[Any, str], list[Answer]]] = {"language_confusion": LanguageConfusion.stored_answers}
"""Public formats of answers that name their prompts in a way of their own."""
_EXCHANGED = ("open_ended", "length_instructed", "reward_levers")
"""Benchmarks whose answers lie in files of Arena-Hard or AlpacaEval, which may hold other prompts too."""


def benchmarks_of(config: SuiteConfig) -> dict[str, Benchmark]:
    """Kind (the name of its options) -> benchmark, of all that are chosen."""
    return {kind: _MAKERS[kind](getattr(config, kind)) for kind in config.chosen}


def stored_answers(kind: str, benchmark: Benchmark, path: Path) -> list[Answer]:
    """Answers of a file: in the benchmark's public format, else {'prompt_id', 'content'} an object and line, or
    {'prompt', 'content'}; prompts of the same words are answered in their order.

    Raises:
        DataError: a row names no prompt of the benchmark, or a prompt twice; with file and line.
    """
    if kind in _STORED:
        return _STORED[kind](benchmark, str(path))
    prompts = benchmark.prompts()
    if kind in _EXCHANGED:
        if not (known := stored_as_answers(prompts, read_answers(str(path)))):
            raise DataError(f"The file holds no answer to a prompt of {benchmark.name}.", path)
        return known
    by_name: dict[str, list[BenchmarkPrompt]] = {}
    for prompt in prompts:
        for name in dict.fromkeys((prompt.id, prompt.messages[-1].content)):
            by_name.setdefault(name, []).append(prompt)
    found: dict[str, Answer] = {}
    for line, row in read_jsonl(path):
        name = row.get("prompt_id", row.get("prompt", row.get("instruction")))
        content = row.get("content", row.get("output", row.get("response")))
        if not isinstance(name, str) or not isinstance(content, str):
            raise DataError("Expected {'prompt_id' or 'prompt': text, 'content': text}.", path, line)
        if name not in by_name:
            raise DataError(f"{benchmark.name} has no prompt '{_short(name)}'.", path, line)
        prompt = next((one for one in by_name[name] if one.id not in found), None)  # of the same words the next
        if prompt is None:
            raise DataError(f"The prompt '{by_name[name][-1].id}' has an answer already.", path, line)
        found[prompt.id] = answer_to(prompt, content)
    if not found:
        raise DataError("The file holds no answer.", path)
    return list(found.values())


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


def check_files(config: SuiteConfig, folder: str) -> None:
    """Refuses benchmarks whose files should lie in `folder`, the one of all public benchmarks, and do not.

    Raises:
        ConfigError: names the option and the folder that is not there.
    """
    for kind in config.chosen:
        for name, value in asdict(getattr(config, kind)).items():
            for path in map(Path, value if isinstance(value, list) else [value] if isinstance(value, str) else []):
                if not path.is_relative_to(folder) or path == Path(folder):
                    continue
                own = Path(folder) / path.relative_to(folder).parts[0]
                if not own.exists():
                    raise ConfigError(
                        f"suite.{kind}.{name}: '{own}' is not there. Name the folder that holds the files of the "
                        f"benchmarks, paths.benchmarks=FOLDER (given: {folder}); docs/evaluation.md lists them."
                    )


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:60] + "…"
