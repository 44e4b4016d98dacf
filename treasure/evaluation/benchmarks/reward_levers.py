"""`RewardLevers`: the same prompts at each quality, from the worst to the best, scored by a reward model.

`quality_bucket` is set together with `quality`, the 95th percentile of that bucket in the prompt's language. Regimes
without levers are what setting a quality is compared with: one answer stands beside all qualities.

Source: D'souza et al. 2025, arXiv 2506.14702, Figure 4.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from treasure.annotation.quality import LANGUAGE, QUALITY
from treasure.annotation.quality_edges import BUCKET
from treasure.data.example import Example, Message, example_id
from treasure.errors import ConfigError
from treasure.evaluation.benchmarks.prompt_file import FilePrompt, read_prompts
from treasure.evaluation.benchmarks.protocol import Answer, BenchmarkPrompt, Score
from treasure.evaluation.benchmarks.quality_numbers import QualityNumbers, numbers_of_edges, numbers_of_examples
from treasure.evaluation.benchmarks.reward_levers_config import RewardLeversConfig
from treasure.evaluation.exchange.answers import AnswerIndex, read_answers

if TYPE_CHECKING:
    from treasure.annotation.reward_model import RewardModel

_SLICES = {"domain": "domain", "lang": "lang", "category": "category", "dataset": "dataset"}
_DECIMALS = 6
"""Scores that are nearer than this are a tie: the last digits depend on the batch."""


class RewardLevers:
    """The prompts of a file at each quality."""

    def __init__(self, config: RewardLeversConfig) -> None:
        self._config, self.name = config, config.name
        self._model: RewardModel | None = None

    def prompts(self) -> list[BenchmarkPrompt]:
        """Each prompt of the file once for each bucket.

        Raises:
            ConfigError: a prompt is in a language for which a bucket has no number.
            DataError: a file is missing, or a row is not as it should be; with file and line.
        """
        config = self._config
        numbers = (
            numbers_of_edges(config.edges, config.scorer) if config.edges else numbers_of_examples(config.training)
        )
        opponent = read_answers(config.opponent) if config.opponent else None
        rows = read_prompts(config.prompts, _SLICES)
        return [self._prompt(row, bucket, numbers, opponent) for row in rows for bucket in config.buckets]

    def score(self, answers: Sequence[Answer]) -> list[Score]:
        """`reward`, on the model's own scale; with an opponent `reward_win_rate`: 1, 0.5 for a tie, or 0.

        An empty answer is scored like any other.

        Raises:
            ConfigError: the reward model does not fit what is asked of it.
            CheckpointError: it cannot be loaded.
        """
        own = [_example(answer.reference["messages"], answer.content) for answer in answers]
        others = {
            place: _example(answer.reference["messages"], answer.reference["opponent"])
            for place, answer in enumerate(answers)
            if "opponent" in answer.reference
        }
        found = self._rewards([*own, *others.values()])
        return [
            _score(found[example.id], found[others[place].id] if place in others else None, self._version)
            for place, example in enumerate(own)
        ]

    @property
    def _version(self) -> str:
        return "" if self._model is None else self._model.version

    def _rewards(self, examples: Sequence[Example]) -> dict[str, float | str]:
        """Id -> score, or why there is none; the same answer to the same prompt is scored once."""
        if not examples:
            return {}
        if self._model is None:
            from treasure.annotation.reward_model import RewardModel  # torch takes seconds, which other benchmarks save

            self._model = RewardModel(self._config.reward)
        different = {example.id: example for example in examples}
        return dict(zip(different, self._model.score(list(different.values())), strict=True))

    def _prompt(
        self, row: FilePrompt, bucket: str, numbers: QualityNumbers, opponent: AnswerIndex | None
    ) -> BenchmarkPrompt:
        language = row.slices.get(LANGUAGE, self._config.language)
        if (language, bucket) not in numbers:
            known = ", ".join(sorted({name for name, _ in numbers}))
            raise ConfigError(
                f"There is no quality of bucket '{bucket}' in '{language}'; the training data know {known}, and not "
                "each bucket in each. Leave out such prompts, or set reward_levers.language and .buckets."
            )
        reference: dict[str, Any] = {"asked": row.id, "messages": [asdict(message) for message in row.messages]}
        other = None if opponent is None else opponent.find(row.id, row.text)
        if other is not None:
            reference |= {"opponent": other.content, "opponent_model": other.model}
        return BenchmarkPrompt(
            id=f"{row.id}-quality{bucket}",
            messages=row.messages,
            levers={BUCKET: bucket, QUALITY: numbers[language, bucket]},
            slices={**row.slices, LANGUAGE: language, BUCKET: bucket},
            reference=reference,
        )


def _example(turns: Sequence[dict[str, str]], completion: str) -> Example:
    messages = tuple(Message(turn["role"], turn["content"]) for turn in turns)
    return Example(example_id(messages, completion), messages, completion, "answers")


def _score(own: float | str, other: float | str | None, version: str) -> Score:
    if isinstance(own, str):
        return Score(unscored=own)
    details: dict[str, Any] = {"reward_model": version}
    if isinstance(other, str):
        return Score(scores={"reward": own}, details=details | {"opponent_not_scored": other})
    if other is None:
        return Score(scores={"reward": own}, details=details)
    ahead = round(own - other, _DECIMALS)
    won = 0.5 if ahead == 0 else float(ahead > 0)
    return Score(scores={"reward": own, "reward_win_rate": won}, details=details | {"opponent_reward": other})
