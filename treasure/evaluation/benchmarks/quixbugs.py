"""QuixBugs in python: classic algorithms with one bug each, repaired and scored by their tests.

Source: Lin et al. 2017, 'QuixBugs', SPLASH; the file is that of OctoPack, arXiv 2308.07124.
"""

import functools
import re
from collections.abc import Sequence
from pathlib import Path

from treasure.data.example import Message
from treasure.errors import DataError
from treasure.evaluation.benchmarks.protocol import Answer, BenchmarkPrompt, Score
from treasure.evaluation.benchmarks.quixbugs_config import QuixBugsConfig
from treasure.evaluation.code.harness import Harness
from treasure.evaluation.code.probe import Probe, probe
from treasure.evaluation.code.rows import QuixBugsRow, read_quixbugs
from treasure.evaluation.code.scoring import probe_case, score_programs
from treasure.evaluation.code.versions import probe_folder, versions_of


class QuixBugs:
    """One prompt a program, its id the program's name; levers and slices are `task` CodeFix and `code_type` python."""

    name = "quixbugs"

    def __init__(self, config: QuixBugsConfig) -> None:
        self._config = config

    def prompts(self) -> list[BenchmarkPrompt]:
        """All prompts, in the order of the file.

        Raises:
            DataError: the file is missing, or a row is not as it should be; with file and line.
        """
        levers = {"task": "CodeFix", "code_type": "python"}
        return [
            BenchmarkPrompt(
                id=row.name,
                messages=(Message("user", self._text(row)),),
                levers=levers,
                slices=levers,
                reference=harness_of(row).to_reference(),
            )
            for row in self._rows
        ]

    def score(self, answers: Sequence[Answer]) -> list[Score]:
        """Metric `passed`; no score if a given solution does not pass here, or a buggy program does.

        Raises:
            DataError: the file that holds those is missing or bad.
        """
        rights = {row.name: row.solution for row in self._rows}
        return score_programs(answers, lambda _: self.probe, lambda name: rights.get(name, ""), self._config.sandbox)

    @functools.cached_property
    def probe(self) -> Probe:
        """What became of the given solutions and the buggy programs.

        Raises:
            DataError: the file is missing, or a row is not as it should be.
        """
        cases = [probe_case(row.name, harness_of(row), row.solution, row.buggy) for row in self._rows]
        sandbox, folder = self._config.sandbox, probe_folder(self._config.probe_cache)
        return probe("python", cases, sandbox, folder, versions_of("python", sandbox))

    @functools.cached_property
    def _rows(self) -> tuple[QuixBugsRow, ...]:
        rows = read_quixbugs(Path(self._config.file))
        for row in rows:
            if _heading(row) is None:
                raise DataError(f"Program '{row.name}' does not define a function of that name.", self._config.file)
        return rows

    def _text(self, row: QuixBugsRow) -> str:
        said = row.docstring.strip().strip('"').strip()
        told = f"What it is for:\n\n{said}\n\n" if self._config.shows_docstring and said else ""
        return (
            f"There is a bug in this Python program:\n\n```python\n{row.buggy.strip()}\n```\n\n{told}"
            f"Repair `{row.name}`. Give the whole program in one code block."
        )


def harness_of(row: QuixBugsRow) -> Harness:
    """The buggy program stands first, so that an answer may leave out what needs no repair."""
    return Harness(language="python", declaration=f"{row.buggy}\n\n{_heading(row)}\n", test=row.tests)


def _heading(row: QuixBugsRow) -> str | None:
    found = re.search(rf"^def {re.escape(row.name)}\b.*?:[ \t]*(?:#.*)?$", row.buggy, re.MULTILINE | re.DOTALL)
    return found and found[0]
