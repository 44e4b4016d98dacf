"""Language Confusion Benchmark: does a model answer in the language it is addressed in, or asked for?

The regime `inferred` is the paper's: the prompt alone says the language. `fixed` sets the marker `lang` too.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from treasure.annotation.lengths import LANGUAGE_CODES
from treasure.data.example import Message
from treasure.data.raw_rows import RawRow, raw_rows
from treasure.errors import DataError
from treasure.evaluation.benchmarks.language_confusion_config import LANGUAGES, TASKS, LanguageConfusionConfig
from treasure.evaluation.benchmarks.protocol import Answer, BenchmarkPrompt, Score
from treasure.evaluation.metrics.language_confusion import judge_language
from treasure.evaluation.metrics.language_tools import language_tools

_NAMES = {code: name for name, code in LANGUAGE_CODES.items()}


class LanguageConfusion:
    """The public prompts, and answers scored line by line and word by word."""

    name = "language_confusion"

    def __init__(self, config: LanguageConfusionConfig) -> None:
        self.config = config

    def prompts(self) -> Sequence[BenchmarkPrompt]:
        """The prompts that the options choose.

        Raises:
            DataError: the file is missing, a row is not as it should be, or the options leave none.
        """
        found: dict[str, BenchmarkPrompt] = {}
        for row, fields in _rows(Path(self.config.file)):
            if not self._is_chosen(fields):
                continue
            prompt = _prompt(row, fields)
            if prompt.id in found:
                raise row.error(f"The prompt '{prompt.id}' stands in the file twice.")
            found[prompt.id] = prompt
        if not found:
            raise DataError(
                "No prompt is left. Choose other suite.language_confusion.tasks, subsets or languages.",
                self.config.file,
            )
        return list(found.values())

    def score(self, answers: Sequence[Answer]) -> list[Score]:
        """`line_pass`, `word_pass` and their strict forms; see `judge_language`.

        Raises:
            MissingExtraError: a package that splits words or lists them is not installed.
            ConfigError: the model that names languages cannot be loaded.
        """
        tools = language_tools(self.config.lid_model)
        scores: list[Score] = []
        for answer in answers:
            found = judge_language(answer.content, str(answer.reference["language"]), tools)
            details = {"lines": found.judged, "wrong": list(found.wrong), "english": list(found.english)}
            scores.append(Score(scores=found.scores, details=details))
        return scores

    def stored_answers(self, path: str) -> list[Answer]:
        """The answers of a file to the prompts that the options choose; see the function of that name."""
        return [answer for answer in stored_answers(path) if self._is_chosen({**answer.slices, **answer.reference})]

    def _is_chosen(self, fields: Mapping[str, Any]) -> bool:
        config = self.config
        return (
            fields["task"] in config.tasks
            and (not config.subsets or fields["subset"] in config.subsets)
            and (not config.languages or fields["language"] in config.languages)
        )


def stored_answers(path: str) -> list[Answer]:
    """The answers of a model as the public folder `outputs` holds them: CSV, or JSON Lines with `subset` and `row`.

    The CSV names the subset `source` and counts no rows; there the answers to each language are counted from 0.

    Raises:
        DataError: the file is missing, or a row is not as it should be.
    """
    seen: Counter[tuple[str, str, str]] = Counter()
    answers: list[Answer] = []
    for row in raw_rows(path):
        fields = _checked(row, {"subset": row.fields.get("source"), **row.fields}, ("task", "subset", "language"))
        if not isinstance(fields.get("completion"), str):
            raise row.error("'completion' must be a text.")
        place = (fields["task"], fields["subset"], fields["language"])
        number = int(fields.get("row", seen[place]))
        seen[place] += 1
        answers.append(
            Answer(
                prompt_id=_id(fields, number),
                prompt="",
                content=fields["completion"],
                slices=_slices(fields, number),
                reference={"language": fields["language"]},
            )
        )
    return answers


def _rows(path: Path) -> Iterator[tuple[RawRow, dict[str, Any]]]:
    if not path.is_dir():
        for row in raw_rows(str(path)):
            yield row, _checked(row, row.fields, ("task", "subset", "language", "prompt"))
        return
    files = sorted(path.glob("*/*/*.csv"))
    if not files:
        raise DataError("No {task}/{subset}/{language}.csv lies in this folder.", path)
    for file in files:
        task, subset, language = *file.parts[-3:-1], file.stem
        for number, row in enumerate(raw_rows(str(file))):
            fields = {**row.fields, "task": task, "subset": subset, "language": language, "row": number}
            yield row, _checked(row, fields, ("task", "subset", "language", "prompt"))


def _checked(row: RawRow, fields: dict[str, Any], needed: Sequence[str]) -> dict[str, Any]:
    if row.problem:
        raise row.error(row.problem)
    for name in needed:
        if not isinstance(fields.get(name), str) or not fields[name].strip():
            raise row.error(f"'{name}' must be a text that is not empty, got {fields.get(name)!r}.")
    for name, allowed in (("task", TASKS), ("language", LANGUAGES)):
        if fields[name] not in allowed:
            raise row.error(f"'{name}' is '{fields[name]}'. Allowed: {', '.join(allowed)}.")
    if not str(fields.get("row", 0)).isdecimal():
        raise row.error(f"'row' must be a whole number of at least 0, got {fields['row']!r}.")
    return fields


def _prompt(row: RawRow, fields: Mapping[str, Any]) -> BenchmarkPrompt:
    number = int(fields.get("row", row.line - 1))
    return BenchmarkPrompt(
        id=_id(fields, number),
        messages=(Message("user", fields["prompt"]),),
        levers={"lang": _NAMES[fields["language"]]},
        slices=_slices(fields, number),
        reference={"language": fields["language"]},
    )


def _id(fields: Mapping[str, Any], number: int) -> str:
    return f"{fields['task']}/{fields['subset']}/{fields['language']}/{number}"


def _slices(fields: Mapping[str, Any], number: int) -> dict[str, str]:
    """`row` is the same for all languages of a subset where they translate, or share, one prompt."""
    return {"lang": fields["language"], "task": fields["task"], "subset": fields["subset"], "row": str(number)}
