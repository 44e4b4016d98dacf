"""What a benchmark keeps on the disk: rows of answers and of scores, and records of both together."""

import hashlib
import json
from collections.abc import Hashable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from treasure.errors import DataError
from treasure.evaluation.benchmarks.protocol import Answer, BenchmarkPrompt, Score
from treasure.evaluation.fields import check_fields
from treasure.evaluation.record import EvaluationRecord, Regime
from treasure.inference.request import Generation, GenerationRequest
from treasure.line_log import LineLog, line_log

ANSWERS, SCORES = "answers.jsonl", "scores.jsonl"
_OF_ANSWER = {"prompt_id": str, "regime": str, "sample": int}
_OF_LOG = {
    ANSWERS: {**_OF_ANSWER, "content": str, "predicted": dict, "problems": list, "finished": bool},
    SCORES: {**_OF_ANSWER, "answer": str, "scores": dict, "unscored": str, "details": dict},
}
"""Log -> what each of its rows holds."""

Key = tuple[str, str, int]
"""Prompt, regime and sample of an answer."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A prompt as it is asked in one regime; `sample` counts the answers to it from 0."""

    prompt: BenchmarkPrompt
    regime: Regime
    request: GenerationRequest
    sample: int = 0

    @property
    def key(self) -> Key:
        """What tells its answer from others."""
        return (self.prompt.id, str(self.regime), self.sample)

    @property
    def question(self) -> Hashable:
        """What decides its answer: prompts may differ by levers alone, and regimes without levers ask them alike."""
        request = self.request
        forbidden = tuple(sorted((name, tuple(sorted(map(str, one)))) for name, one in request.forbidden.items()))
        return (request.messages, request.fixed, request.forced, forbidden, self.regime, self.sample)


def open_log(folder: Path, name: str) -> AbstractContextManager[LineLog]:
    """The log `ANSWERS` or `SCORES` of a folder.

    Raises:
        ConfigError: another process is at it.
    """
    return line_log(folder / name, holds=name.partition(".")[0], remedy="give another folder (folder=…)")


def read_rows(log: LineLog) -> list[dict[str, Any]]:
    """The rows of a log, each with the fields that it should have.

    Raises:
        DataError: one has others; names file and line.
    """
    rows = log.rows()
    for number, row in enumerate(rows, start=1):
        try:
            check_fields(row, _OF_LOG[log.path.name], log.path, number)
        except DataError as error:
            raise DataError(f"{error} Remove the file to do its work again, or mend that line.") from error
    return rows


def key_of(answer: Answer) -> Key:
    """What tells an answer from others."""
    return (answer.prompt_id, str(answer.regime), answer.sample)


def row_key(row: Mapping[str, Any]) -> Key:
    """The same of a row of either log."""
    return (row["prompt_id"], row["regime"], row["sample"])


def mark_of(answer: Answer, scoring: str) -> str:
    """A hash of what a score depends on, so that no answer gets the score of another, or by other rules."""
    content = json.dumps([scoring, asdict(answer)], sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def row_of(one: Asked, row: Mapping[str, Any]) -> dict[str, Any]:
    """`row` as that of `one`."""
    own = dict(zip(("prompt_id", "regime", "sample"), one.key, strict=True))
    return {**own, **row, **own}


def answer_row(answer: Generation) -> dict[str, Any]:
    """What a row of the log of answers holds beside whose it is."""
    return {
        "content": answer.content,
        "predicted": answer.markers.to_dict(),
        "problems": list(answer.problems),
        "finished": answer.finished,
        "num_tokens": answer.num_tokens,
    }


def read_answer(one: Asked, row: Mapping[str, Any]) -> Answer:
    """The answer that a row of the log of answers holds."""
    shown = one.request.fixed if len(one.request.fixed) else one.request.forced
    return Answer(
        prompt_id=one.prompt.id,
        prompt=one.request.messages[-1].content,
        content=row["content"],
        regime=one.regime,
        sample=one.sample,
        reference=one.prompt.reference,
        slices=one.prompt.slices,
        levers=shown.to_dict(),
        predicted=row["predicted"],
        problems=tuple(row["problems"]),
        finished=row["finished"],
    )


def score_row(answer: Answer, marks: Mapping[Key, str], score: Score) -> dict[str, Any]:
    """A row of the log of scores; `marks` are those of the answers."""
    prompt_id, regime, sample = key_of(answer)
    about = {"prompt_id": prompt_id, "regime": regime, "sample": sample, "answer": marks[key_of(answer)]}
    return {**about, "scores": dict(score.scores), "unscored": score.unscored, "details": dict(score.details)}


def record_of(name: str, one: Asked, answer: Answer, score: Score, seed: int) -> EvaluationRecord:
    """The record of an answer that was asked for."""
    truth = {str(category): value for category, value in one.prompt.levers.items()}
    return replace(stored_record(name, answer, score, seed), truth=truth)


def stored_record(name: str, answer: Answer, score: Score, seed: int) -> EvaluationRecord:
    """The record of an answer that somebody else's model gave."""
    return EvaluationRecord(
        benchmark=name,
        prompt_id=answer.prompt_id,
        regime=answer.regime,
        seed=seed,
        step=0,
        prompt=answer.prompt,
        content=answer.content,
        scores=dict(score.scores),
        slices=dict(answer.slices),
        levers=dict(answer.levers),
        predicted=dict(answer.predicted),
        problems=answer.problems,
        sample=answer.sample,
        reference=dict(answer.reference),
        unscored=score.unscored,
        details=dict(score.details),
        finished=answer.finished,
    )


def answer_of(record: EvaluationRecord) -> Answer:
    """The answer that a record holds."""
    return Answer(
        prompt_id=record.prompt_id,
        prompt=record.prompt,
        content=record.content,
        regime=record.regime,
        sample=record.sample,
        reference=record.reference,
        slices=record.slices,
        levers=record.levers,
        predicted=record.predicted,
        problems=record.problems,
        finished=record.finished,
    )
