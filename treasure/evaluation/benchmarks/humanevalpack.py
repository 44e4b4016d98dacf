"""HumanEvalPack: functions to write, to repair and to translate in six languages, each scored by its tests.

Source: Muennighoff et al. 2023, 'OctoPack', arXiv 2308.07124; translation as in HumanEval-X, arXiv 2303.17568.
"""

import functools
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

from treasure.data.example import Message
from treasure.errors import DataError
from treasure.evaluation.benchmarks.humanevalpack_config import HumanEvalPackConfig
from treasure.evaluation.benchmarks.protocol import Answer, BenchmarkPrompt, Score
from treasure.evaluation.code.harness import Harness
from treasure.evaluation.code.languages import LANGUAGES
from treasure.evaluation.code.probe import Probe, probe
from treasure.evaluation.code.rows import PackRow, pack_file, read_pack
from treasure.evaluation.code.scoring import probe_case, score_programs
from treasure.evaluation.code.versions import probe_folder, versions_of

_WHOLE = "Give the whole function in one code block"


class HumanEvalPack:
    """The tasks of the configuration in each language, and for translation in each ordered pair of languages.

    A prompt's id is task/language/number, or task/from-to/number. Its levers are `task` and `code_type`; its slices
    are these, and `pair` for translations. The number is the same for one problem in all languages and tasks.
    """

    name = "humanevalpack"

    def __init__(self, config: HumanEvalPackConfig) -> None:
        self._config = config
        self._probes: dict[str, Probe] = {}

    def prompts(self) -> list[BenchmarkPrompt]:
        """All prompts: task by task, language by language (pair by pair), by number.

        Raises:
            DataError: a language has no file, or a row is not as it should be; with file and line.
        """
        found = []
        for task in self._config.tasks:
            if task == "CodeTranslation":
                for source, target in permutations(self._config.languages, 2):
                    found += self._translations(source, target)
            else:
                for language in self._config.languages:
                    found += [self._prompt(task, language, row, self._text(task, row)) for row in self.rows(language)]
        return found

    def score(self, answers: Sequence[Answer]) -> list[Score]:
        """Metric `passed`; no score for a language whose canonical solutions do not all pass here, or buggy ones do.

        Raises:
            DataError: the files that hold those solutions are missing or bad.
        """
        return score_programs(answers, self.probe, self._right, self._config.sandbox)

    def probe(self, language: str) -> Probe:
        """What became of the canonical and the buggy solutions of `language`; they are run at most once.

        Raises:
            DataError: the language has no file, or a row is not as it should be.
        """
        if language not in self._probes:
            cases = []
            for row in self.rows(language):
                id = f"{language}/{row.number}"
                right, wrong = (row.declaration + known for known in (row.canonical, row.buggy))
                cases.append(probe_case(id, Harness.of_row(row), right, wrong))
            sandbox = self._config.sandbox
            folder = probe_folder(self._config.probe_cache)
            self._probes[language] = probe(language, cases, sandbox, folder, versions_of(language, sandbox))
        return self._probes[language]

    def _right(self, prompt_id: str) -> str:
        """The canonical solution to a prompt, '' where the files have no such problem."""
        _, place, number = prompt_id.split("/")
        rows = self.rows(place.rpartition("-")[2])
        return next((row.declaration + row.canonical for row in rows if str(row.number) == number), "")

    def rows(self, language: str) -> tuple[PackRow, ...]:
        """The problems in `language`, by number.

        Raises:
            DataError: there is no file, or a row is not as it should be.
        """
        return _read(Path(self._config.folder), language)

    def _translations(self, source: str, target: str) -> list[BenchmarkPrompt]:
        originals = {row.number: row for row in self.rows(source)}
        return [
            self._prompt("CodeTranslation", f"{source}-{target}", row, _translation(originals[row.number], row))
            for row in self.rows(target)
            if row.number in originals
        ]

    def _text(self, task: str, row: PackRow) -> str:
        if task == "CodeGeneration":
            return (
                f"{row.instruction.strip()}\n\n{_WHOLE}, which begins with\n\n{_block(row.language, row.declaration)}"
            )
        title, function = LANGUAGES[row.language].title, Harness.of_row(row).function
        if self._config.fix_context == "docstring":
            code = row.prompt.replace("fn main(){}", "").strip("\n") + "\n" + row.buggy
            told = ""
        else:
            code = _with_imports(row) + row.buggy
            told = f"It should pass these tests, and does not:\n\n{_block(row.language, row.test)}\n\n"
        return (
            f"There is a bug in this {title} function:\n\n{_block(row.language, code)}\n\n{told}"
            f"Repair `{function}`. {_WHOLE}."
        )

    def _prompt(self, task: str, place: str, row: PackRow, text: str) -> BenchmarkPrompt:
        levers = {"task": task, "code_type": row.language}
        return BenchmarkPrompt(
            id=f"{task}/{place}/{row.number}",
            messages=(Message("user", text),),
            levers=levers,
            slices=levers | ({"pair": place} if task == "CodeTranslation" else {}),
            reference=Harness.of_row(row).to_reference(),
        )


def _translation(original: PackRow, row: PackRow) -> str:
    source, target = LANGUAGES[original.language].title, LANGUAGES[row.language].title
    code = _block(original.language, _with_imports(original) + original.canonical)
    return (
        f"Translate this {source} function to {target}:\n\n{code}\n\n"
        f"{_WHOLE}, which begins with\n\n{_block(row.language, row.declaration)}"
    )


def _with_imports(row: PackRow) -> str:
    return f"{row.imports.strip()}\n\n{row.declaration.strip()}\n".lstrip("\n")


def _block(language: str, code: str) -> str:
    return f"```{LANGUAGES[language].fences[0]}\n{code.strip(chr(10)).rstrip()}\n```"


@functools.cache
def _read(folder: Path, language: str) -> tuple[PackRow, ...]:
    path = pack_file(folder, LANGUAGES[language])
    if path is None:
        stem = LANGUAGES[language].stem
        raise DataError(
            f"No file of HumanEvalPack for {language} here. Expected {stem}.jsonl or {stem}/humanevalpack.jsonl, "
            "plain or .gz; leave the language out of suite.humanevalpack.languages if it is not wanted.",
            folder,
        )
    return read_pack(path, LANGUAGES[language])
