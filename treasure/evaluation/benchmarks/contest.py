"""A contest: answers against an opponent's, scored by verdicts. What benchmarks with a judge share."""

from collections.abc import Mapping, Sequence
from typing import Any

from treasure.evaluation.benchmarks.protocol import Answer, Score
from treasure.evaluation.judge.config import JudgeConfig
from treasure.evaluation.judge.game import Game, Pair, failed_share, is_flipped, win
from treasure.evaluation.judge.source import VerdictSource, verdict_source

NO_OPPONENT = "the opponent has no answer to this prompt"
NO_JUDGE = "neither a judge nor stored verdicts were given"
NO_VERDICT = "the file of verdicts has none on this prompt"


def reference(question: str, opponent: str | None, model: str) -> dict[str, Any]:
    """What scoring needs beside an answer: what a judge reads as the prompt, and the opponent's answer, if any."""
    return {"question": question} | ({} if opponent is None else {"opponent": opponent, "opponent_model": model})


def pair_of(answer: Answer) -> Pair:
    """`answer` and its opponent's; that may be missing, and is then empty."""
    return Pair(
        prompt_id=answer.prompt_id,
        prompt=str(answer.reference.get("question", answer.prompt)),
        answer=answer.content,
        opponent=str(answer.reference.get("opponent", "")),
        asked=answer.prompt,
    )


class Contest:
    """Answers against their opponents', decided by `judge` or the file `verdicts`; opened when it is first needed."""

    def __init__(self, judge: JudgeConfig | None, verdicts: str) -> None:
        self._judge, self._verdicts = judge, verdicts
        self._source: VerdictSource | None = None

    @property
    def is_decided(self) -> bool:
        """Whether there is a judge, or a file of verdicts."""
        return self._judge is not None or bool(self._verdicts)

    def scores(self, answers: Sequence[Answer]) -> list[Score]:
        """One score for each answer.

        `win_rate` is 1, 0.5 or 0 a game (ties half, games without a verdict 0) and their mean over both orders;
        `judge_failed` the share of games without a verdict, `flip` whether the winner changes with the order (only
        where both have a verdict), `length_difference` by how many characters the answer is longer than its opponent.

        Raises:
            AnnotationError: the judge refuses, or its budget is used up; what is judged is kept.
            DataError: the stored verdicts, or the records of the judge, cannot be used.
            Interrupted: a signal asked to stop; what is judged is kept.
        """
        if self._source is None:
            self._source = verdict_source(self._judge, self._verdicts)
        source = self._source
        if source is None:
            return [Score(unscored=NO_JUDGE)] * len(answers)
        fit = [bool(self._verdicts) or "opponent" in answer.reference for answer in answers]
        compared = iter(source.compare([pair_of(answer) for answer, fits in zip(answers, fit, strict=True) if fits]))
        return [
            _score(answer, next(compared), source.identity) if fits else Score(unscored=NO_OPPONENT)
            for answer, fits in zip(answers, fit, strict=True)
        ]


def _score(answer: Answer, games: Sequence[Game], judge: Mapping[str, Any]) -> Score:
    if not games:
        return Score(unscored=NO_VERDICT)
    scores = {"win_rate": win(games), "judge_failed": failed_share(games)}
    flipped = is_flipped(games)
    if flipped is not None:
        scores["flip"] = float(flipped)
    if "opponent" in answer.reference:
        scores["length_difference"] = float(len(answer.content) - len(answer.reference["opponent"]))
    return Score(scores=scores, details={"judge": dict(judge), "games": [game.to_dict() for game in games]})
