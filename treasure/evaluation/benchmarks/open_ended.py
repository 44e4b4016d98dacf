"""`OpenEnded`: prompts without a right answer, decided by comparing each answer with an opponent's.

Source: Li et al. 2024, Arena-Hard, arXiv 2406.11939; Dubois et al. 2024, AlpacaEval 2, arXiv 2404.04475. The wording of
the judge is our own, so numbers with other judges or wordings are not comparable.
"""

from collections.abc import Sequence
from typing import Any

from treasure.evaluation.benchmarks.contest import Contest, reference
from treasure.evaluation.benchmarks.open_ended_config import OpenEndedConfig
from treasure.evaluation.benchmarks.prompt_file import FilePrompt, read_prompts
from treasure.evaluation.benchmarks.protocol import Answer, BenchmarkPrompt, Score
from treasure.evaluation.exchange.answers import AnswerIndex, read_answers


class OpenEnded:
    """The prompts of a file, with an opponent's answers where these are given."""

    def __init__(self, config: OpenEndedConfig) -> None:
        self._config, self.name = config, config.name
        self._contest = Contest(config.judge, config.verdicts)

    def prompts(self) -> list[BenchmarkPrompt]:
        """All prompts, in the order of the file.

        Raises:
            DataError: a file is missing, or a row is not as it should be; with file and line.
        """
        config = self._config
        opponent = read_answers(config.opponent) if config.opponent else None
        rows = read_prompts(config.prompts, config.slices, config.annotations, config.annotated)
        return [self._prompt(row, opponent) for row in rows]

    def score(self, answers: Sequence[Answer]) -> list[Score]:
        """One score for each answer, with what is raised: see `Contest.scores`."""
        return self._contest.scores(answers)

    def _prompt(self, row: FilePrompt, opponent: AnswerIndex | None) -> BenchmarkPrompt:
        other = None if opponent is None else opponent.find(row.id, row.text)
        levers: dict[str, Any] = dict(self._config.levers)
        levers |= {name: row.markers[name] for name in self._config.annotated_levers if name in row.markers}
        return BenchmarkPrompt(
            id=row.id,
            messages=row.messages,
            levers=levers,
            slices=row.slices,
            reference=reference(
                row.conversation, None if other is None else other.content, "" if other is None else other.model
            ),
        )
