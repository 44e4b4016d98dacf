"""Runs a benchmark: a backend answers every prompt in every regime, the answers are scored, records are written.

<folder>/setting.json    what decides the result: benchmark, model, options
<folder>/answers.jsonl   grows as prompts are answered
<folder>/scores.jsonl    grows as answers are scored
<folder>/records.jsonl   both together, written when all is done; `rescore` makes it anew from itself

A run that was stopped goes on from the answers and scores that are there; one with another setting is refused.
"""

import hashlib
import json
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from treasure.errors import ConfigError, DataError
from treasure.evaluation.benchmark_rows import (
    ANSWERS,
    SCORES,
    Asked,
    Key,
    answer_of,
    answer_row,
    key_of,
    mark_of,
    open_log,
    read_answer,
    read_rows,
    record_of,
    row_key,
    row_of,
    score_row,
    stored_record,
)
from treasure.evaluation.benchmarks.protocol import Answer, Benchmark, BenchmarkPrompt, Score
from treasure.evaluation.record import EvaluationRecord, read_records, write_records
from treasure.inference.request import NO_ANSWER, Generation, GenerationRequest
from treasure.jsonl import write_json
from treasure.line_log import LineLog

RECORDS, SETTING = "records.jsonl", "setting.json"
_SCORED_AT_ONCE = 64
"""Answers whose scores are kept together; a kill loses no more."""

Answering = Callable[[Sequence[GenerationRequest], str, int], list[Generation]]
"""Answers requests, with a description for the bar, and the number of the first of them, by which draws are keyed."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What decides the records of a benchmark beside its prompts: plain JSON, by name, such as model and generation.

    `facts` decide the answers. `scoring` is any text that changes with what decides their scores: answers that are
    there are then scored anew.
    """

    benchmark: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    scoring: str = ""

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
    """Answers what has no answer yet, scores what has no score by these rules yet, and writes the records of all.

    `batch_size` answers are asked for and kept together.

    Raises:
        ConfigError: the folder holds answers of another setting, and says which; or another process works there.
        DataError: a file of the folder was changed by hand, or two prompts have the same id.
    """
    _check_ids(benchmark.name, asked)
    prompts = list({one.prompt.id: one.prompt for one in asked}.values())
    with open_log(folder, ANSWERS) as answer_log, open_log(folder, SCORES) as score_log:
        _keep_setting(folder / SETTING, setting.to_dict(prompts))
        answers = _answered(benchmark.name, asked, answering, answer_log, batch_size)
        scores = _scored(benchmark, [answers[one.key] for one in asked], score_log, setting.scoring)
        records = [record_of(benchmark.name, one, answers[one.key], scores[one.key], seed) for one in asked]
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
        return _scores(benchmark, [answer_of(record) for record in records])
    except KeyError as error:
        raise DataError(
            f"The reference of a record lacks {error}, which {benchmark.name} scores by. These records were edited, or "
            "another version wrote them: run the benchmark again.",
            path,
        ) from error


def record_stored(
    benchmark: Benchmark, answers: Sequence[Answer], folder: Path, *, seed: int = 0, scoring: str = ""
) -> list[EvaluationRecord]:
    """Scores answers that somebody else's model gave and writes their records; `scoring` is that of a `Setting`."""
    with open_log(folder, SCORES) as log:
        scores = _scored(benchmark, list(answers), log, scoring)
        records = [stored_record(benchmark.name, answer, scores[key_of(answer)], seed) for answer in answers]
        write_records(folder / RECORDS, records)
    return records


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
    name: str, asked: Sequence[Asked], answering: Answering, log: LineLog, batch_size: int
) -> dict[Key, Answer]:
    """The answers of all that is asked: those of the log, and new ones, which go there; what never came is new.

    A question is asked once.
    """
    rows = {row_key(row): row for row in read_rows(log) if not never_came(row["problems"])}
    first_to_ask: dict[Hashable, Key] = {}
    for one in asked:
        first_to_ask.setdefault(one.question, one.key)
    for start in range(0, len(asked), batch_size):
        part = asked[start : start + batch_size]
        if all(one.key in rows for one in part):
            continue
        place = "" if len(asked) <= batch_size else f" · {start // batch_size + 1}/{-(-len(asked) // batch_size)}"
        own = [one for one in part if first_to_ask[one.question] == one.key]
        given = answering([one.request for one in own], f"{name}{place}", start) if own else []
        fresh = {one.key: answer_row(answer) for one, answer in zip(own, given, strict=True)}
        answered = {**fresh, **rows}
        new = [row_of(one, answered[first_to_ask[one.question]]) for one in part if one.key not in rows]
        log.append(new)
        rows |= {row_key(row): row for row in new}
    return {one.key: read_answer(one, rows[one.key]) for one in asked}


def _scored(benchmark: Benchmark, answers: Sequence[Answer], log: LineLog, scoring: str) -> dict[Key, Score]:
    """The scores of all answers: those of the log, where answer and rules are still the same, and new ones, which go
    there. What had no score is scored again, since what was missing may be there now.
    """
    marks = {key_of(answer): mark_of(answer, scoring) for answer in answers}
    found = {
        key: Score(scores=row["scores"], unscored=row["unscored"], details=row["details"])
        for row in read_rows(log)
        if marks.get(key := row_key(row)) == row["answer"] and not row["unscored"]
    }
    left = [answer for answer in answers if key_of(answer) not in found]
    bar = tqdm(total=len(left), desc=f"{benchmark.name} · scores", unit="answer", leave=False, disable=not left)
    with bar:
        for start in range(0, len(left), _SCORED_AT_ONCE):
            part = left[start : start + _SCORED_AT_ONCE]
            scores = _scores(benchmark, part)
            log.append(score_row(answer, marks, score) for answer, score in zip(part, scores, strict=True))
            found |= {key_of(answer): score for answer, score in zip(part, scores, strict=True)}
            bar.update(len(part))
    return found


def _scores(benchmark: Benchmark, answers: Sequence[Answer]) -> list[Score]:
    """A score for each answer; one that never came says nothing of the model, and has none."""
    there = [answer for answer in answers if not never_came(answer.problems)]
    scores = iter(benchmark.score(there) if there else [])
    return [Score(unscored=answer.problems[0]) if never_came(answer.problems) else next(scores) for answer in answers]


def never_came(problems: Sequence[str]) -> bool:
    """Whether these problems of an answer say that a server never gave it."""
    return any(problem.startswith(NO_ANSWER) for problem in problems)


def unscored_reasons(records: Iterable[EvaluationRecord]) -> dict[str, int]:
    """Why answers have no score -> how many."""
    found: dict[str, int] = {}
    for record in records:
        if record.unscored:
            found[record.unscored] = found.get(record.unscored, 0) + 1
    return found
