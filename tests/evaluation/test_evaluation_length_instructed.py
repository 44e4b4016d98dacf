"""Limits of words: how words are counted, what is asked in each regime, and what counts as a win."""

import json

import pytest
from shared_files import EVAL, needs_files

from treasure.analysis.scores.length_instructed import length_instructed_figures
from treasure.data.example import Message
from treasure.errors import ConfigError, DataError
from treasure.evaluation.benchmarks.length_instructed import LengthInstructed
from treasure.evaluation.benchmarks.length_instructed_config import LengthInstructedConfig, WordCount
from treasure.evaluation.benchmarks.protocol import Answer, Benchmark
from treasure.evaluation.exchange.answers import AnswerIndex, StoredAnswer, read_answers
from treasure.evaluation.exchange.scored import score_stored
from treasure.evaluation.metrics.words import count_blank_words, count_words


def row(number, limit, **more):
    return {"dataset": "koala", "instruction": f"Answer using {limit} words or less.\n\nWhy {number}?",
            "output": "It is so.", "generator": "AlpacaEval-LI", "max_len": limit,
            "original_instruction": f"Why {number}?"} | more  # fmt: skip


def benchmark(tmp_path, rows, **options):
    (tmp_path / "li.json").write_text(json.dumps(rows))  # the official file is a JSON list without ids
    return LengthInstructed(LengthInstructedConfig(prompts=str(tmp_path / "li.json"), **options))


@pytest.mark.parametrize(
    ("text", "num_words", "num_blank"),
    [("", 0, 0), ("One two, three.", 3, 3), ("don't stop", 3, 2), ("well — so ...", 2, 4), ("**Bold** `x`", 2, 2),
     ("a (b) [c] \"d\"", 4, 4), ("twenty-one 3.5 U.S. x/y", 4, 4), ("the actor's\nhat!", 4, 3), ("日本語", 1, 1)],
)  # fmt: skip
def test_words_by_hand(text, num_words, num_blank):
    assert (count_words(text), count_blank_words(text)) == (num_words, num_blank)


def test_the_example_of_the_official_page_has_as_many_words_as_its_limit():
    text = (
        "Superman, the iconic comic book superhero, was created by writer Jerry Siegel and artist Joe Shuster. "
        "Superman first appeared in Action Comics #1, which was published by Detective Comics, Inc. (later DC Comics) "
        "in June 1938. The character's immense popularity established him as one of the most enduring and recognizable "
        "figures in the superhero genre."
    )
    assert (count_words(text), count_blank_words(text)) == (56, 55)


def test_the_limit_stands_in_the_text_or_in_the_lever_but_not_in_both(tmp_path):
    found = benchmark(tmp_path, [row(1, 20), row(1, 30)])
    assert isinstance(found, Benchmark)
    prompt, other = found.prompts()
    assert prompt.messages == (Message("user", "Answer using 20 words or less.\n\nWhy 1?"),)
    assert prompt.fixed_messages == (Message("user", "Why 1?"),)
    assert prompt.levers == {"length_tokens": 20} and prompt.slices == {"dataset": "koala"}
    assert prompt.reference["question"] == "Why 1?" and prompt.id != other.id
    assert prompt.id == benchmark(tmp_path, [row(1, 20)]).prompts()[0].id


def answers(found, contents):
    pairs = zip(found.prompts(), contents, strict=True)
    return [Answer(prompt_id=p.id, prompt=p.messages[0].content, content=c, reference=p.reference) for p, c in pairs]


def test_an_answer_beyond_its_limit_has_lost_whatever_a_judge_says(tmp_path):
    rows = [row(n, 3, id=n) for n in range(4)]
    verdicts = tmp_path / "v.jsonl"
    judged = [{"id": n, "model": "m", "judge": "gpt", "games": [{"score": "B>A"}, {"score": s}]}
              for n, s in ((0, "A>B"), (1, "A>B"), (2, "A=B"))]  # fmt: skip
    verdicts.write_text("".join(json.dumps(one) + "\n" for one in judged))
    found = benchmark(tmp_path, rows, verdicts=str(verdicts))
    within, beyond, tie, nobody = found.score(answers(found, ["One, two, three!", "one two three four", "a b", "a"]))
    assert within.scores["length_violation"] == 0 and within.scores["win_rate"] == 1
    assert beyond.scores == {"num_words": 4.0, "empty": 0.0, "length_violation": 1.0, "win_rate": 0.0}
    assert tie.scores["win_rate"] == 0.75
    assert nobody.scores == {"num_words": 1.0, "empty": 0.0, "length_violation": 0.0} and nobody.details["not_compared"]


def test_without_a_judge_violations_are_measured_alone(tmp_path):
    found = benchmark(tmp_path, [row(n, 2) for n in range(2)])
    scores = [score.scores for score in found.score(answers(found, ["a b", "a b c"]))]
    assert [(one["num_words"], one["length_violation"]) for one in scores] == [(2, 0), (3, 1)]
    blank = benchmark(tmp_path, [row(1, 2), row(2, 2)], words=WordCount.BLANKS)
    assert [s.scores["num_words"] for s in blank.score(answers(blank, ["don't go", "a - b"]))] == [2, 3]


def test_only_answers_within_the_limit_are_asked_about(tmp_path, monkeypatch):
    asked = []

    class Counting:
        identity = {"model": "counting"}

        def compare(self, pairs):
            asked.extend(pairs)
            return [()] * len(pairs)

    monkeypatch.setattr("treasure.evaluation.benchmarks.contest.verdict_source", lambda *_: Counting())
    found = benchmark(tmp_path, [row(n, 2) for n in range(2)], verdicts="judged.json")
    found.score(answers(found, ["a b", "a b c"]))
    assert [(pair.prompt, pair.answer, pair.opponent) for pair in asked] == [("Why 0?", "a b", "It is so.")]


def test_an_empty_answer_keeps_no_limit_has_lost_and_nobody_is_asked_about_it(tmp_path):
    rows = [row(n, 3, id=n) for n in range(4)]
    verdicts = tmp_path / "v.jsonl"
    judged = [{"id": n, "model": "m", "judge": "gpt", "games": [{"score": "B>A"}, {"score": "A>B"}]} for n in range(4)]
    verdicts.write_text("".join(json.dumps(one) + "\n" for one in judged))
    found = benchmark(tmp_path, rows, verdicts=str(verdicts))
    none, blank, marks, good = (score.scores for score in found.score(answers(found, ["", " \n", "?!", "a b"])))
    assert none == blank == {"num_words": 0.0, "empty": 1.0, "win_rate": 0.0}
    assert marks["length_violation"] == 0 and marks["empty"] == 0 and marks["win_rate"] == 1  # an answer, if of no word
    assert good["length_violation"] == 0 and good["empty"] == 0
    alone = benchmark(tmp_path, rows[:1])
    assert [score.scores for score in alone.score(answers(alone, [""]))] == [{"num_words": 0.0, "empty": 1.0}]


def test_figures_count_violations_wins_and_empty_answers(tmp_path):
    rows = [row(n, 3, id=n) for n in range(10)]
    verdicts = tmp_path / "v.jsonl"
    judged = [{"id": n, "model": "m", "judge": "gpt", "games": [{"score": "B>A"}, {"score": "A>B"}]} for n in range(10)]
    verdicts.write_text("".join(json.dumps(one) + "\n" for one in judged))
    stored = [StoredAnswer(prompt_id=str(n), prompt="", content="word " * (n % 5), model="m") for n in range(9)]
    records = score_stored(benchmark(tmp_path, rows, verdicts=str(verdicts)), AnswerIndex(stored, "x"))
    found = {figure.metric: figure for figure in length_instructed_figures(records)}
    rate, wins, empty = (found[name] for name in ("length_violation_rate", "win_rate", "empty_rate"))
    assert rate.interval.estimate == pytest.approx(1 / 7)  # four words of three; two of nine answers are empty
    assert (rate.interval.n, rate.num_failed) == (7, 3)  # and one has none
    assert wins.interval.estimate == pytest.approx(6 / 9) and (wins.interval.n, wins.num_failed) == (9, 1)
    assert empty.interval.estimate == pytest.approx(2 / 9) and empty.interval.n == 9
    assert found["win_rate_within_limit"].interval.estimate == 1 and found["win_rate_within_limit"].interval.n == 6


@pytest.mark.parametrize(
    ("bad", "said"),
    [({"max_len": 0}, "max_len"), ({"max_len": "20"}, "max_len"), ({"output": None}, "output"),
     ({"original_instruction": 3}, "original_instruction")],
)  # fmt: skip
def test_bad_rows_are_refused_with_their_place(bad, said, tmp_path):
    with pytest.raises(DataError, match=f"item 2: '{said}'"):
        benchmark(tmp_path, [row(1, 20), row(2, 20, **bad)]).prompts()
    with pytest.raises(DataError, match="'a' stands in the file twice"):
        benchmark(tmp_path, [row(1, 20, id="a"), row(2, 20, id="a")]).prompts()


def test_the_same_words_and_limit_may_stand_twice_in_a_file_without_ids(tmp_path):
    first, other, second, third = benchmark(tmp_path, [row(1, 20), row(1, 21), row(1, 20), row(1, 20)]).prompts()
    assert (second.id, third.id) == (first.id + "+", first.id + "++")
    assert second.messages == first.messages and not other.id.startswith(first.id)


@pytest.mark.parametrize(
    ("options", "said"), [({"prompts": ""}, "prompts"), ({"name": "A"}, "name"), ({"lever": ""}, "lever")]
)
def test_options_are_checked(options, said):
    with pytest.raises(ConfigError, match=said):
        LengthInstructedConfig(**{"prompts": "p", **options})


FILE = EVAL / "alpaca_eval_li" / "alpaca_eval_li_reconstructed.jsonl.gz"


@needs_files
def test_the_files_own_answers_keep_all_limits_and_a_wordy_model_few():
    found = LengthInstructed(LengthInstructedConfig(prompts=str(FILE)))
    own = [StoredAnswer(prompt_id=p.id, prompt="", content=p.reference["opponent"], model="x") for p in found.prompts()]
    assert len(own) == 403
    assert sum(r.scores["length_violation"] for r in score_stored(found, AnswerIndex(own, "x"))) == 0
    wordy = read_answers(str(EVAL / "alpaca_eval" / "model_outputs" / "gpt4_1106_preview_verbose.jsonl.gz"))
    assert sum(r.scores["length_violation"] for r in score_stored(found, wordy)) > 0.9 * 403
