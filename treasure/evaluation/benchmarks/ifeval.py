"""IFEval and M-IFEval: instructions whose following a program can check."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from treasure.data.example import Message
from treasure.errors import DataError
from treasure.evaluation.benchmarks.ifeval_config import IFEvalConfig
from treasure.evaluation.benchmarks.ifeval_levers import levers_of
from treasure.evaluation.benchmarks.protocol import Answer, BenchmarkPrompt, Score
from treasure.evaluation.metrics.ifeval.registry import NEEDS_JANOME, full_id, problem_of
from treasure.evaluation.metrics.ifeval.units import japanese_tokenizer
from treasure.evaluation.metrics.ifeval.verdict import follows, follows_loosely
from treasure.jsonl import read_jsonl


class IFEval:
    """Prompts with verifiable instructions, and how many of these an answer follows.

    `reference` holds the full ids and the arguments of the instructions. Metrics: `prompt_strict` and `prompt_loose`
    are 1 where all instructions are followed; `followed_strict` and `followed_loose` count those that are, of
    `num_instructions`. `details` has the verdict on each.
    """

    name = "ifeval"

    def __init__(self, config: IFEvalConfig) -> None:
        self._config = config

    def prompts(self) -> Sequence[BenchmarkPrompt]:
        """All prompts of the languages in the order of the options.

        Raises:
            DataError: a file is missing, or a row is not as it should be; with file and line.
            MissingExtraError: Japanese is asked without its tokenizer.
        """
        found = [prompt for code in self._config.languages for prompt in _read(self._path(code), code)]
        if any(one["id"] in NEEDS_JANOME for prompt in found for one in prompt.reference["instructions"]):
            japanese_tokenizer()
        return found

    def score(self, answers: Sequence[Answer]) -> list[Score]:
        """A score for each answer. A blank one follows nothing."""
        return [_score(answer.content, answer.reference["instructions"]) for answer in answers]

    def _path(self, code: str) -> Path:
        folder, names = Path(self._config.folder), [f"{code}_input_data.jsonl"]
        if code == "en":  # as IFEval and its copy on the hub name it
            names += ["input_data.jsonl", "ifeval_input_data.jsonl"]
        for name in (f"{name}{ending}" for name in names for ending in ("", ".gz")):
            if (folder / name).is_file():
                return folder / name
        raise DataError(
            f"No file of IFEval for '{code}' here. Expected {' or '.join(names)}, plain or .gz; name the folder as "
            "suite.ifeval.folder, or leave the language out of suite.ifeval.languages.",
            folder,
        )


def _score(content: str, instructions: Sequence[Mapping[str, Any]]) -> Score:
    verdicts = [
        {
            "id": one["id"],
            "strict": follows(content, one["id"], one["arguments"]),
            "loose": follows_loosely(content, one["id"], one["arguments"]),
        }
        for one in instructions
    ]
    strict, loose = ([verdict[mode] for verdict in verdicts] for mode in ("strict", "loose"))
    scores = {
        "prompt_strict": float(all(strict)),
        "prompt_loose": float(all(loose)),
        "followed_strict": float(sum(strict)),
        "followed_loose": float(sum(loose)),
        "num_instructions": float(len(verdicts)),
    }
    return Score(scores=scores, details={"instructions": verdicts})


def _read(path: Path, code: str) -> Iterator[BenchmarkPrompt]:
    seen: dict[str, int] = {}
    line = 0
    for line, row in read_jsonl(path):
        instructions = _instructions(row, path, line)
        prompt_id = f"{code}-{row['key']}"
        if prompt_id in seen:
            raise DataError(
                f"The key {row['key']} stands in line {seen[prompt_id]} too; keys must be unique.", path, line
            )
        seen[prompt_id] = line
        yield BenchmarkPrompt(
            id=prompt_id,
            messages=(Message("user", row["prompt"]),),
            levers=levers_of([(one["id"], one["arguments"]) for one in instructions]),
            slices={"lang": code},
            reference={"instructions": instructions},
        )
    if not line:
        raise DataError("There is no prompt in this file.", path)


def _instructions(row: Mapping[str, Any], path: Path, line: int) -> list[dict[str, Any]]:
    """Ids and arguments of a row; what is null was not given."""
    for name, kind in (("prompt", str), ("key", (int, str)), ("instruction_id_list", list), ("kwargs", list)):
        given = row.get(name)
        if not isinstance(given, kind) or isinstance(given, bool) or (kind is str and not str(given).strip()):
            raise DataError(
                "A row needs key (number or text), prompt (text), instruction_id_list (list) and kwargs (list); "
                f"'{name}' is {repr(given)[:60] if name in row else 'missing'}.",
                path,
                line,
            )
    ids, all_arguments = row["instruction_id_list"], row["kwargs"]
    if len(ids) != len(all_arguments) or not ids:
        raise DataError(
            f"{len(ids)} instructions have {len(all_arguments)} sets of kwargs; one each is needed.", path, line
        )
    found: list[dict[str, Any]] = []
    for one, arguments in zip(ids, all_arguments, strict=True):
        if not isinstance(one, str) or not isinstance(arguments, dict):
            raise DataError(
                f"An instruction is a string with an object of kwargs; got {one!r}, {arguments!r}.", path, line
            )
        given = {name: value for name, value in arguments.items() if value is not None}
        if problem := problem_of(full_id(one), given):
            raise DataError(problem, path, line)
        found.append({"id": full_id(one), "arguments": given})
    return found
