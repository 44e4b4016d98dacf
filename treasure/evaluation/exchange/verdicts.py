"""Verdicts of a judge, in the shapes of Arena-Hard (`model_judgment`) and AlpacaEval (`annotations.json`).

In both the opponent is the first to be shown: it is A in the first game of Arena-Hard, which then swaps, and output_1
of AlpacaEval, where 1 means that output_1 is better, 2 that output_2 is, 1.5 (in old files 0) a tie.

Source of the shapes: github.com/lmarena/arena-hard-auto and github.com/tatsu-lab/alpaca_eval.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from treasure.data.raw_rows import RawRow, raw_rows
from treasure.evaluation.exchange.cells import cells, id_cell, text_cell
from treasure.evaluation.exchange.prompt_index import PromptIndex
from treasure.evaluation.judge.game import Game, win
from treasure.evaluation.judge.verdict import VERDICTS, worth
from treasure.jsonl import write_json, write_jsonl


@dataclass(frozen=True, kw_only=True)
class StoredVerdict:
    """What `judge` said of an answer of `model` against one of `opponent`, in one game or more."""

    prompt_id: str
    model: str
    opponent: str
    judge: str
    games: tuple[Game, ...]
    prompt: str = ""
    answer: str = ""
    opponent_answer: str = ""
    category: str = ""


VerdictIndex = PromptIndex[StoredVerdict]
"""Verdicts on one model."""


def read_verdicts(path: str) -> VerdictIndex:
    """The verdicts in a file of either shape, plain or packed, JSON or JSON Lines.

    Raises:
        DataError: a row is of neither shape, they are on several models, or a prompt stands there twice.
    """
    return VerdictIndex((_verdict(row) for row in raw_rows(path)), path)


def write_arena_judgments(path: Path, verdicts: Sequence[StoredVerdict]) -> None:
    """Writes a `model_judgment` file of Arena-Hard; a game without a verdict has the score null."""
    write_jsonl(path, (_arena_row(verdict) for verdict in verdicts))


def write_alpaca_annotations(path: Path, verdicts: Sequence[StoredVerdict]) -> None:
    """Writes an `annotations.json` of AlpacaEval, with the mean of both orders as preference.

    That is null where a game has no verdict, as AlpacaEval has it for what could not be read.
    """
    write_json(path, [_alpaca_row(verdict) for verdict in verdicts])


def _verdict(row: RawRow) -> StoredVerdict:
    if "games" in cells(row):
        games = row.fields["games"]
        if not isinstance(games, list) or not games or not all(isinstance(game, dict) for game in games):
            raise row.error("'games' must be a list of games, not empty.")
        return StoredVerdict(
            prompt_id=id_cell(row),
            model=text_cell(row, "model"),
            opponent=str(row.fields.get("baseline") or ""),
            judge=text_cell(row, "judge"),
            games=tuple(_arena_game(row, game, number) for number, game in enumerate(games)),
            category=str(row.fields.get("category") or ""),
        )
    if "preference" in row.fields:
        return StoredVerdict(
            prompt_id=id_cell(row),
            model=text_cell(row, "generator_2"),
            opponent=text_cell(row, "generator_1"),
            judge=text_cell(row, "annotator"),
            games=(_alpaca_game(row),),
            prompt=str(row.fields.get("instruction") or ""),
            answer=str(row.fields.get("output_2") or ""),
            opponent_answer=str(row.fields.get("output_1") or ""),
        )
    raise row.error(
        "Neither a judgement of Arena-Hard (columns uid or question_id, model, judge, games) nor an annotation of "
        "AlpacaEval (generator_1, generator_2, annotator, preference)."
    )


def _arena_game(row: RawRow, game: dict[str, Any], number: int) -> Game:
    score, answer_is_b = game.get("score"), number % 2 == 0
    said = game.get("judgment")
    text = said.get("answer", "") if isinstance(said, dict) else said or ""
    if score is None:
        return Game(preference=None, answer_is_b=answer_is_b, text=str(text), problem="no verdict in the file")
    if not isinstance(score, str):
        raise row.error(f"The score of a game must be one of {', '.join(VERDICTS)} or null, got {score!r}.")
    if score not in VERDICTS:  # Arena-Hard keeps whatever stood in brackets, such as 'A<B', and drops the game later
        return Game(preference=None, answer_is_b=answer_is_b, text=str(text), problem=f"'{score}' is no verdict")
    return Game(
        preference=worth(score, answer_is_b=answer_is_b), answer_is_b=answer_is_b, verdict=score, text=str(text)
    )


def _alpaca_game(row: RawRow) -> Game:
    given = row.fields["preference"]
    if given is None or given != given:
        return Game(preference=None, problem="no preference in the file")
    if isinstance(given, bool) or not isinstance(given, int | float) or not (1 <= given <= 2 or given == 0):
        raise row.error(f"'preference' must be in [1, 2], 0 or null, got {given!r}.")
    return Game(preference=0.5 if given == 0 else given - 1)


def _arena_row(verdict: StoredVerdict) -> dict[str, Any]:
    games = [
        {"score": game.verdict or None, "judgment": {"answer": game.text or game.problem}}
        for game in sorted(verdict.games, key=lambda game: not game.answer_is_b)
    ]
    return {
        "uid": verdict.prompt_id,
        "category": verdict.category,
        "judge": verdict.judge,
        "model": verdict.model,
        "baseline": verdict.opponent,
        "games": games,
    }


def _alpaca_row(verdict: StoredVerdict) -> dict[str, Any]:
    is_whole = all(game.preference is not None for game in verdict.games)
    return {
        **({"id": verdict.prompt_id} if verdict.prompt_id else {}),
        "instruction": verdict.prompt,
        "output_1": verdict.opponent_answer,
        "generator_1": verdict.opponent,
        "output_2": verdict.answer,
        "generator_2": verdict.model,
        "annotator": verdict.judge,
        "preference": 1 + win(verdict.games) if is_whole else None,
    }
