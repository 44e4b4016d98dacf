"""Runs a benchmark: a backend answers every prompt in every regime, the answers are scored, records are written.

<folder>/setting.json    what decides the result: benchmark, model, options
<folder>/answers.jsonl   grows as prompts are answered
<folder>/scores.jsonl    grows as answers are scored
<folder>/records.jsonl   both together, written when all is done; `rescore` makes it anew from itself

A run that was stopped goes on from the answers and scores that are there; one with another setting is refused.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from treasure.errors import ConfigError, DataError
from treasure.evaluation.answer_log import AnswerLog
from treasure.evaluation.benchmarks.protocol import Answer, Benchmark, BenchmarkPrompt, Score
from treasure.evaluation.fields import check_fields
from treasure.evaluation.record import EvaluationRecord, Regime, read_records, write_records
from treasure.inference.request import Generation, GenerationRequest
from treasure.jsonl import write_json

RECORDS, ANSWERS, SCORES, SETTING = "records.jsonl", "answers.jsonl", "scores.jsonl", "setting.json"
_OF_ANSWER = {"prompt_id": str, "regime": str, "sample": int}
_OF_LOG = {
    ANSWERS: {**_OF_ANSWER, "content": str, "predicted": dict, "problems": list, "finished": bool},
    SCORES: {**_OF_ANSWER, "answer": str, "scores": dict, "unscored": str, "details": dict},
}
"""Log -> what each of its rows holds."""
_SCORED_AT_ONCE = 64
"""Answers whose scores are kept together; a kill loses no more."""

Key = tuple[str, str, int]
"""Prompt, regime and sample of an answer."""
Answering = Callable[[Sequence[GenerationRequest], str, int], list[Generation]]
"""Answers requests, with a description for the bar, and the number of the first of them, by which draws are keyed."""


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


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What decides the records of a benchmark beside its prompts: plain JSON, by name, such as model and generation."""

    benchmark: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self, prompts: Sequence[BenchmarkPrompt]) -> dict[str, Any]:
        """As the file has it, with the hash of the prompts."""
        content = json.dumps([asdict(prompt) for prompt in prompts], sort_keys=True, ensure_ascii=False)
        digest = hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
        return {"benchmark": self.benchmark, "prompts": digest, "num_prompts": len(prompts), **self.facts}


def run_benchmark(
    benchmark: Benchmark,
    asked: Sequence[Asked],
    answering: Answering,
    folder: Path,
    setting: Setting,
    *,
    seed: int = 0,
    batch_size: int = 512,
) -> list[EvaluationRecord]:
    """Answers what has no answer yet, scores what has no score yet, and writes the records of all.

    `batch_size` answers are asked for and kept together.

    Raises:
        ConfigError: the folder holds answers of another setting; says which.
        DataError: a file of the folder was changed by hand, or two prompts have the same id.
    """
    _check_ids(benchmark.name, asked)
    prompts = list({one.prompt.id: one.prompt for one in asked}.values())
    _keep_setting(folder / SETTING, setting.to_dict(prompts))
    answers = _answered(benchmark.name, asked, answering, folder / ANSWERS, batch_size)
    scores = _scored(benchmark, [answers[one.key] for one in asked], folder / SCORES)
    records = [_record(benchmark.name, one, answers[one.key], scores[one.key], seed) for one in asked]
    write_records(folder / RECORDS, records)
    return records


def rescore(benchmark: Benchmark, folder: Path) -> list[EvaluationRecord]:
    """Scores the answers in the records of `folder` anew, without a model, and writes the records again.

    Raises:
        DataError: there are no records, or they are of another benchmark.
    """
    records = read_records(folder / RECORDS)
    if others := sorted({record.benchmark for record in records} - {benchmark.name}):
        raise DataError(f"These are records of {', '.join(others)}, not of {benchmark.name}.", folder / RECORDS)
    _check_records(records, folder / RECORDS)
    found: list[EvaluationRecord] = []
    bar = tqdm(total=len(records), desc=f"{benchmark.name} · scores", unit="answer", leave=False)
    with bar:
        for start in range(0, len(records), _SCORED_AT_ONCE):
            part = records[start : start + _SCORED_AT_ONCE]
            scores = _scores_of_records(benchmark, part, folder / RECORDS)
            found += [
                replace(r, scores=dict(s.scores), unscored=s.unscored, details=dict(s.details))
                for r, s in zip(part, scores, strict=True)
            ]
            bar.update(len(part))
    write_records(folder / RECORDS, found)
    return found


def _check_records(records: Sequence[EvaluationRecord], path: Path) -> None:
    if not records:
        raise DataError("There is no record in this file, so there is nothing to score. Run the benchmark again.", path)
    seen: set[tuple[object, ...]] = set()
    for record in records:
        key = (record.prompt_id, record.regime, record.sample, record.seed, record.step)
        if key in seen:
            raise DataError(
                f"Two records are of the prompt '{record.prompt_id}' in regime {record.regime}, sample "
                f"{record.sample}; remove one.",
                path,
            )
        seen.add(key)


def _scores_of_records(benchmark: Benchmark, records: Sequence[EvaluationRecord], path: Path) -> list[Score]:
    try:
        return benchmark.score([answer_of(record) for record in records])
    except KeyError as error:
        raise DataError(
            f"The reference of a record lacks {error}, which {benchmark.name} scores by. These records were edited, or "
            "another version wrote them: run the benchmark again.",
            path,
        ) from error


def record_stored(
    benchmark: Benchmark, answers: Sequence[Answer], folder: Path, *, seed: int = 0
) -> list[EvaluationRecord]:
    """Scores answers that somebody else's model gave and writes their records."""
    scores = _scored(benchmark, list(answers), folder / SCORES)
    records = [_stored_record(benchmark.name, answer, scores[_key(answer)], seed) for answer in answers]
    write_records(folder / RECORDS, records)
    return records


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


def _check_ids(name: str, asked: Sequence[Asked]) -> None:
    seen: set[Key] = set()
    for one in asked:
        if one.key in seen:
            raise DataError(f"{name}: the prompt '{one.prompt.id}' is there twice.")
        seen.add(one.key)


def _keep_setting(path: Path, setting: dict[str, Any]) -> None:
    """Writes the setting, or compares it with the one that is there."""
    wanted = json.loads(json.dumps(setting))
    if not path.exists():
        write_json(path, wanted)
        return
    try:
        there = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"Not valid JSON: {error}. Remove its folder to begin anew.", path) from error
    if not isinstance(there, dict):
        raise DataError(f"Expected a JSON object, got {type(there).__name__}. Remove its folder to begin anew.", path)
    differing = [name for name in {**there, **wanted} if there.get(name) != wanted.get(name)]
    if differing:
        told = "; ".join(f"{name} was {there.get(name)!r} and is {wanted.get(name)!r}" for name in differing)
        raise ConfigError(
            f"'{path.parent}' holds answers of another setting: {told}. Give another folder (folder=…), or remove that "
            "one to begin anew."
        )


def _answered(
    name: str, asked: Sequence[Asked], answering: Answering, path: Path, batch_size: int
) -> dict[Key, Answer]:
    """The answers of all that is asked: those of the log at `path`, and new ones, which go there."""
    log = AnswerLog(path)
    by_key = {one.key: one for one in asked}
    found = {key: _answer(by_key[key], row) for row in _rows(log, path) if (key := _row_key(row)) in by_key}
    for start in range(0, len(asked), batch_size):
        part = asked[start : start + batch_size]
        if all(one.key in found for one in part):
            continue
        place = "" if len(asked) <= batch_size else f" · {start // batch_size + 1}/{-(-len(asked) // batch_size)}"
        given = answering([one.request for one in part], f"{name}{place}", start)
        fresh = [(one, answer) for one, answer in zip(part, given, strict=True) if one.key not in found]
        rows = [_answer_row(one, answer) for one, answer in fresh]
        log.append(rows)
        found |= {one.key: _answer(one, row) for (one, _), row in zip(fresh, rows, strict=True)}
    return found


def _scored(benchmark: Benchmark, answers: Sequence[Answer], path: Path) -> dict[Key, Score]:
    """The scores of all answers: those of the log at `path`, where the answer is still the same, and new ones."""
    log = AnswerLog(path)
    marks = {_key(answer): _mark(answer) for answer in answers}
    found = {
        key: Score(scores=row["scores"], unscored=row["unscored"], details=row["details"])
        for row in _rows(log, path)
        if marks.get(key := _row_key(row)) == row["answer"]
    }
    left = [answer for answer in answers if _key(answer) not in found]
    bar = tqdm(total=len(left), desc=f"{benchmark.name} · scores", unit="answer", leave=False, disable=not left)
    with bar:
        for start in range(0, len(left), _SCORED_AT_ONCE):
            part = left[start : start + _SCORED_AT_ONCE]
            scores = benchmark.score(part)
            log.append(_score_row(answer, marks, score) for answer, score in zip(part, scores, strict=True))
            found |= {_key(answer): score for answer, score in zip(part, scores, strict=True)}
            bar.update(len(part))
    return found


def _rows(log: AnswerLog, path: Path) -> list[dict[str, Any]]:
    """The rows of a log, each with the fields that it should have."""
    rows = log.rows()
    for number, row in enumerate(rows, start=1):
        try:
            check_fields(row, _OF_LOG[path.name], path, number)
        except DataError as error:
            raise DataError(f"{error} Remove the file to do its work again, or mend that line.") from error
    return rows


def _key(answer: Answer) -> Key:
    return (answer.prompt_id, str(answer.regime), answer.sample)


def _row_key(row: Mapping[str, Any]) -> Key:
    return (row["prompt_id"], row["regime"], row["sample"])


def _mark(answer: Answer) -> str:
    """A hash of what a score depends on, so that no answer gets the score of another."""
    content = json.dumps(asdict(answer), sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _answer_row(one: Asked, answer: Generation) -> dict[str, Any]:
    prompt_id, regime, sample = one.key
    return {
        "prompt_id": prompt_id,
        "regime": regime,
        "sample": sample,
        "content": answer.content,
        "predicted": answer.markers.to_dict(),
        "problems": list(answer.problems),
        "finished": answer.finished,
        "num_tokens": answer.num_tokens,
    }


def _answer(one: Asked, row: Mapping[str, Any]) -> Answer:
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


def _score_row(answer: Answer, marks: Mapping[Key, str], score: Score) -> dict[str, Any]:
    prompt_id, regime, sample = _key(answer)
    about = {"prompt_id": prompt_id, "regime": regime, "sample": sample, "answer": marks[_key(answer)]}
    return {**about, "scores": dict(score.scores), "unscored": score.unscored, "details": dict(score.details)}


def _record(name: str, one: Asked, answer: Answer, score: Score, seed: int) -> EvaluationRecord:
    truth = {str(category): value for category, value in one.prompt.levers.items()}
    return replace(_stored_record(name, answer, score, seed), truth=truth)


def _stored_record(name: str, answer: Answer, score: Score, seed: int) -> EvaluationRecord:
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


def unscored_reasons(records: Iterable[EvaluationRecord]) -> dict[str, int]:
    """Why answers have no score -> how many."""
    found: dict[str, int] = {}
    for record in records:
        if record.unscored:
            found[record.unscored] = found.get(record.unscored, 0) + 1
    return found
