"""`LengthInstructed`: prompts with a limit of words, which an answer must keep to win.

Regimes: where no lever is set the limit stands in the prompt; in `fixed` and `forced` the prompt has none, and the
lever says the number. Answers are compared with the file's own, on the prompt without the limit, so that all regimes
are judged alike.

Source: Yuan et al. 2024, Following Length Constraints in Instructions, arXiv 2406.17744; the file is that of
github.com/facebookresearch/RAM, projects/length_instruct.
"""

from collections.abc import Sequence
from dataclasses import replace

from treasure.data.example import Message, example_id
from treasure.data.raw_rows import RawRow, raw_rows
from treasure.errors import DataError
from treasure.evaluation.benchmarks.contest import Contest, reference
from treasure.evaluation.benchmarks.length_instructed_config import LengthInstructedConfig, WordCount
from treasure.evaluation.benchmarks.protocol import Answer, BenchmarkPrompt, Score
from treasure.evaluation.exchange.cells import cells, id_cell, text_cell
from treasure.evaluation.exchange.prompt_index import REPEAT
from treasure.evaluation.metrics.words import count_blank_words, count_words


class LengthInstructed:
    """The prompts of AlpacaEval-LI."""

    def __init__(self, config: LengthInstructedConfig) -> None:
        self._config, self.name = config, config.name
        self._contest = Contest(config.judge, config.verdicts)

    def prompts(self) -> list[BenchmarkPrompt]:
        """All prompts, in the order of the file.

        Raises:
            DataError: the file is missing or empty, or a row is not as it should be; with file and line.
        """
        found: dict[str, BenchmarkPrompt] = {}
        for row in raw_rows(self._config.prompts):
            prompt = self._prompt(row)
            if prompt.id in found and id_cell(row):
                raise row.error(f"The prompt '{prompt.id}' stands in the file twice.")
            while prompt.id in found:  # the same words and limit asked twice
                prompt = replace(prompt, id=prompt.id + REPEAT)
            found[prompt.id] = prompt
        if not found:
            raise DataError("There is no prompt in this file.", self._config.prompts)
        return list(found.values())

    def score(self, answers: Sequence[Answer]) -> list[Score]:
        """One score for each answer.

        `num_words`; `empty`, 1 for an answer without a visible character; of others `length_violation`, 1 for more
        words than the limit. With a judge or stored verdicts also the scores of `Contest`, with what that raises; an
        answer that is empty or beyond its limit has lost, and nobody is asked about it.
        """
        counts = [self._num_words(answer.content) for answer in answers]
        fits = [
            _is_said(answer) and count <= answer.reference["max_len"]
            for answer, count in zip(answers, counts, strict=True)
        ]
        is_decided = self._contest.is_decided
        kept = [answer for answer, does in zip(answers, fits, strict=True) if does]
        compared = iter(self._contest.scores(kept) if is_decided else [Score()] * len(kept))
        return [
            _score(answer, count, next(compared) if does else None, is_decided=is_decided)
            for answer, count, does in zip(answers, counts, fits, strict=True)
        ]

    def _num_words(self, text: str) -> int:
        return count_words(text) if self._config.words is WordCount.NLTK else count_blank_words(text)

    def _prompt(self, row: RawRow) -> BenchmarkPrompt:
        asked, original = text_cell(row, "instruction"), text_cell(row, "original_instruction")
        limit = cells(row).get("max_len")
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            raise row.error(f"'max_len' must be a whole number of at least 1, got {limit!r}.")
        messages = (Message("user", original),)
        dataset = row.fields.get("dataset")
        return BenchmarkPrompt(
            id=id_cell(row) or example_id(messages, str(limit)),
            messages=(Message("user", asked),),
            fixed_messages=messages,
            levers={self._config.lever: limit},
            slices={"dataset": str(dataset)} if dataset else {},
            reference={
                **reference(original, text_cell(row, "output"), str(row.fields.get("generator") or "")),
                "max_len": limit,
            },
        )


def _is_said(answer: Answer) -> bool:
    return bool(answer.content.strip())


def _score(answer: Answer, num_words: int, compared: Score | None, *, is_decided: bool) -> Score:
    """`compared` is None for an answer that is empty or beyond its limit."""
    scores = {"num_words": float(num_words), "empty": float(not _is_said(answer))}
    if _is_said(answer):
        scores["length_violation"] = float(compared is None)
    if compared is not None:
        return Score(scores={**scores, **compared.scores}, details=dict(compared.details) | _why(compared))
    return Score(scores={**scores, "win_rate": 0.0} if is_decided else scores)


def _why(compared: Score) -> dict[str, str]:
    return {"not_compared": compared.unscored} if compared.unscored else {}
