"""Answers and verdicts in the public files: read, written, and refused with file and line."""

import gzip
import json
from dataclasses import replace

import pytest

from treasure.errors import DataError
from treasure.evaluation.exchange.answers import (
    StoredAnswer,
    read_answers,
    write_alpaca_outputs,
    write_arena_answers,
)
from treasure.evaluation.exchange.verdicts import (
    StoredVerdict,
    read_verdicts,
    write_alpaca_annotations,
    write_arena_judgments,
)
from treasure.evaluation.judge.game import Game, win

ARENA = {
    "uid": "a1",
    "ans_id": "x",
    "model": "m",
    "tstamp": 1.5,
    "messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": {"answer": "So."}}],
}
OLD_ARENA = {
    "question_id": "a1",
    "answer_id": "x",
    "model_id": "m",
    "choices": [{"index": 0, "turns": [{"content": "So.", "token_len": 2}]}],
}
MT_BENCH = {"question_id": 81, "model_id": "m", "choices": [{"index": 0, "turns": ["So.", "And then."]}]}
ALPACA = {"dataset": "koala", "instruction": "Why?", "output": "So.", "generator": "m"}


def save(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.mark.parametrize(
    ("row", "prompt_id", "prompt"),
    [(ARENA, "a1", "Why?"), (OLD_ARENA, "a1", ""), (MT_BENCH, "81", ""), (ALPACA, "", "Why?"),
     ({**ALPACA, "id": 7}, "7", "Why?"), ({"prompt_id": "a1", "content": "So.", "model": "m"}, "a1", "")],
)  # fmt: skip
def test_answers_of_each_public_shape(row, prompt_id, prompt, tmp_path):
    index = read_answers(save(tmp_path / "a.jsonl", [row]))
    assert index.model == "m"
    found = index.find(prompt_id or "?", prompt or "?")
    assert (found.prompt_id, found.prompt, found.content) == (prompt_id, prompt, "So.")
    assert index.find("other", "other") is None


def test_json_lists_and_packed_files_are_read_too(tmp_path):
    (tmp_path / "model_outputs.json").write_text(json.dumps([ALPACA]))
    assert read_answers(str(tmp_path / "model_outputs.json")).find("", "Why?").content == "So."
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(json.dumps(ARENA).encode()))
    assert read_answers(str(tmp_path / "a.jsonl.gz")).find("a1", "Why?").content == "So."


ANSWERS = [StoredAnswer(prompt_id=str(n), prompt=f"Why {n}?", content=f"So {n}\n“é”", model="m") for n in range(3)]


@pytest.mark.parametrize(("write", "name"), [(write_arena_answers, "a.jsonl"), (write_alpaca_outputs, "a.json")])
def test_written_answers_are_read_as_they_were(write, name, tmp_path):
    write(tmp_path / name, ANSWERS)
    assert read_answers(str(tmp_path / name)).rows == tuple(ANSWERS)


@pytest.mark.parametrize(
    ("row", "said"),
    [({"foo": 1}, "Neither an answer"), ({**ALPACA, "output": 3}, "'output' must be text"),
     ({**ARENA, "messages": []}, "two turns"), ({**ARENA, "uid": 1.5}, "id must be"),
     ({**OLD_ARENA, "choices": []}, "choices"), ({**ARENA, "model": "other"}, "one model")],
)  # fmt: skip
def test_bad_answers_are_refused_with_their_place(row, said, tmp_path):
    path = save(tmp_path / "a.jsonl", [ALPACA, row])
    with pytest.raises(DataError, match=said) as error:
        read_answers(path)
    assert str(error.value).startswith(path if "one model" in said else f"{path}:2: ")


def judgment(*scores, **more):
    return {"uid": "a1", "model": "m", "judge": "gpt", "games": [{"score": score} for score in scores], **more}


def annotation(preference, **more):
    return {"generator_1": "base", "generator_2": "m", "annotator": "gpt", "preference": preference, **more}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (judgment("A>>B", "B>A"), 0.0),
        (judgment("B>A", "A>>B"), 1.0),
        (judgment("A=B", "A>B"), 0.75),
        (judgment(None, "A>B"), 0.5),
        (judgment("A<B", "A>B"), 0.5),
        ({**judgment("B>A", "A>B"), "question_id": "a1"}, 1.0),
        (annotation(1.25), 0.25),
        (annotation(2), 1.0),
        (annotation(1.5), 0.5),
        (annotation(0), 0.5),
        (annotation(None), 0.0),
    ],
)
def test_verdicts_of_each_public_shape(row, expected, tmp_path):
    (verdict,) = read_verdicts(save(tmp_path / "v.jsonl", [row])).rows
    assert win(verdict.games) == expected
    assert (verdict.model, verdict.judge) == ("m", "gpt")


GAMES = (
    Game(preference=1.0, answer_is_b=True, verdict="B>>A", text="B is right."),
    Game(preference=0.5, answer_is_b=False, verdict="A=B", text="Both are."),
)


def verdict(games):
    return StoredVerdict(prompt_id="a1", model="m", opponent="base", judge="gpt", games=games, prompt="Why?",
                         answer="So.", opponent_answer="No.", category="c")  # fmt: skip


def test_written_judgements_are_read_as_they_were(tmp_path):
    path = tmp_path / "v.jsonl"
    write_arena_judgments(path, [verdict(GAMES[::-1])])
    (found,) = read_verdicts(str(path)).rows
    assert found.games == GAMES  # the first game has the opponent as A
    assert (found.prompt_id, found.model, found.opponent, found.category) == ("a1", "m", "base", "c")
    write_arena_judgments(path, [verdict((Game(preference=None, problem="cut"), GAMES[1]))])
    (found,) = read_verdicts(str(path)).rows
    assert [game.preference for game in found.games] == [None, 0.5]


def test_written_annotations_have_the_mean_of_both_orders(tmp_path):
    path = tmp_path / "annotations.json"
    write_alpaca_annotations(
        path, [verdict(GAMES), replace(verdict((Game(preference=None, problem="cut"), GAMES[1])), prompt_id="a2")]
    )
    whole, failed = read_verdicts(str(path)).rows
    assert win(whole.games) == win(GAMES) == 0.75
    assert failed.games[0].preference is None
    assert (whole.prompt, whole.answer, whole.opponent_answer) == ("Why?", "So.", "No.")


@pytest.mark.parametrize(
    ("row", "said"),
    [({"foo": 1}, "Neither a judgement"), (judgment(7), "score of a game"), (judgment(), "'games'"),
     (annotation(2.5), "'preference'"), (annotation("2"), "'preference'"), (annotation(True), "'preference'")],
)  # fmt: skip
def test_bad_verdicts_are_refused_with_their_place(row, said, tmp_path):
    path = save(tmp_path / "v.jsonl", [annotation(1), row])
    with pytest.raises(DataError, match=said) as error:
        read_verdicts(path)
    assert str(error.value).startswith(f"{path}:2: ")


def test_verdicts_on_two_models_are_refused(tmp_path):
    path = save(tmp_path / "v.jsonl", [annotation(1), {**annotation(1), "generator_2": "n"}])
    with pytest.raises(DataError, match="m, n"):
        read_verdicts(path)


def test_an_answer_to_another_prompt_under_the_same_id_is_refused(tmp_path):
    index = read_answers(save(tmp_path / "a.jsonl", [{**ALPACA, "id": 7}]))
    assert index.find("7", "Use few words. Why?", "Why?").content == "So."
    with pytest.raises(DataError, match="belongs to these prompts"):
        index.find("7", "What is that?")


def test_an_id_that_stands_twice_is_refused_and_words_that_do_are_told_apart(tmp_path):
    with pytest.raises(DataError, match="'a1' stands in this file twice"):
        read_answers(save(tmp_path / "a.jsonl", [ARENA, ARENA]))
    index = read_answers(save(tmp_path / "a.jsonl", [ALPACA, {**ALPACA, "output": "Again."}]))
    assert [index.find(name, "Why?").content for name in ("0123", "0123+", "0123++")] == ["So.", "Again.", "Again."]
