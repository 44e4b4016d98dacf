"""The judge against a real server of the OpenAI protocol, on loopback, that also fails; and on this machine."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from byte_model import save_model
from judge_client import pairs
from shared_files import EVAL, needs_files

from treasure.errors import AnnotationError
from treasure.evaluation.benchmarks.contest import Contest
from treasure.evaluation.benchmarks.open_ended import OpenEnded
from treasure.evaluation.benchmarks.open_ended_config import OpenEndedConfig
from treasure.evaluation.benchmarks.protocol import Answer
from treasure.evaluation.exchange.answers import read_answers
from treasure.evaluation.exchange.scored import score_stored, stored_as_answers
from treasure.evaluation.judge.game import Pair, win
from treasure.evaluation.judge.judge import SAME_TEXT, Judge
from treasure.evaluation.record import read_records
from treasure.evaluation.run_benchmark import record_stored, rescore
from treasure.llm.config import LocalConfig


def pair(prompt, answer, opponent):
    return Pair(prompt_id=prompt, prompt=prompt, answer=answer, opponent=opponent)


def verdicts(games):
    return [game.verdict for game in games]


def test_each_pair_is_judged_in_both_orders_and_the_verdict_belongs_to_the_answer(serve, judge_config):
    server = serve()
    better, worse, tie, same = Judge(judge_config(server)).compare(
        [pair("p", "grade=9", "grade=2"), pair("q", "grade=1", "grade=2"), pair("r", "x grade=4", "grade=4"),
         pair("s", "alike", "alike")]
    )  # fmt: skip
    assert verdicts(better) == ["B>>A", "A>>B"] and win(better) == 1
    assert verdicts(worse) == ["A>B", "B>A"] and win(worse) == 0
    assert verdicts(tie) == ["A=B", "A=B"] and win(tie) == 0.5
    assert win(same) == 0.5 and same[0].text == SAME_TEXT
    assert len(server.requests) == 6  # nobody is asked about the same text
    assert [game.answer_is_b for game in better] == [True, False]
    assert "One is better" in better[0].text
    assert better[0].time.startswith("20") and better[0].time.endswith("Z")


def test_what_was_judged_is_never_asked_again(serve, judge_config):
    server = serve()
    first = Judge(judge_config(server)).compare(pairs(6))
    num_asked = len(server.requests)
    assert num_asked == len({row["key"] for row in server.requests})
    assert Judge(judge_config(server)).compare(pairs(6)) == first
    assert len(server.requests) == num_asked
    Judge(judge_config(server, explain=False)).compare(pairs(2)[1:])  # another wording is another question
    assert len(server.requests) > num_asked


def test_faults_are_asked_again_until_there_is_a_verdict(serve, judge_config):
    faults = ["500", "bad_json", "cut", "bad_label", "empty", "429", "timeout", "bad_label"]
    server = serve(first_faults=faults, hang_s=1.0, retry_after="0.05")
    games = Judge(judge_config(server, timeout_s=0.5)).compare(pairs(12)[1:5])
    assert all(game.preference is not None for both in games for game in both)
    assert sum(server.kinds.values()) == len(faults) + server.kinds["answered"]


def answer(prompt, content, opponent):
    return Answer(prompt_id=prompt, prompt=prompt, content=content, reference={"opponent": opponent})


def test_what_is_never_a_verdict_counts_as_lost_and_is_told(serve, judge_config):
    server = serve()
    good, poisoned, biased, lone = Contest(judge_config(server, max_attempts=3), "").scores(
        [answer("p", "grade=9", "grade=2"), answer("POISON", "grade=9", "grade=2"), answer("BIASED", "abc", "d"),
         Answer(prompt_id="l", prompt="l", content="x")],
    )  # fmt: skip
    assert good.scores == {"win_rate": 1.0, "judge_failed": 0.0, "flip": 0.0, "length_difference": 0.0}
    assert poisoned.scores == {"win_rate": 0.0, "judge_failed": 1.0, "length_difference": 0.0}
    assert all("3 attempts" in game["problem"] for game in poisoned.details["games"])
    assert biased.scores == {"win_rate": 0.5, "judge_failed": 0.0, "flip": 1.0, "length_difference": 2.0}
    assert "opponent" in lone.unscored and not lone.scores
    who = good.details["judge"]
    assert (who["model"], who["endpoint"], len(who["prompt_hash"])) == ("fake", server.base_url, 12)
    json.dumps([score.details for score in (good, poisoned, biased)])


def test_a_judgement_that_is_cut_has_no_verdict(serve, judge_config):
    judge = Judge(judge_config(serve(), max_attempts=2))
    fine, cut = judge.compare([pair("p", "grade=9", "grade=2"), pair("ENDLESS", "grade=9", "grade=2")])
    assert win(fine) == 1 and win(cut) == 0
    assert all(game.preference is None and "max_answer_tokens" in game.problem for game in cut)


def test_a_server_that_refuses_stops_all_with_its_reason(serve, judge_config):
    with pytest.raises(AnnotationError, match="401"):
        Judge(judge_config(serve(first_faults=["401"] * 50))).compare(pairs(4))


def test_a_judge_that_never_says_a_verdict_stops_all(serve, judge_config):
    server = serve(first_faults=["bad_label"] * 500)
    with pytest.raises(AnnotationError, match="in a row"):
        Judge(judge_config(server, max_attempts=2, max_failures_in_a_row=5)).compare(pairs(20))


def start(records, server, output):
    command = [sys.executable, str(Path(__file__).with_name("judge_client.py")), str(records), server.base_url, "60",
               str(output)]  # fmt: skip
    folders = os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": folders})


def test_scoring_records_again_asks_only_for_what_failed(serve, judge_config, tmp_path):
    (tmp_path / "prompts.jsonl").write_text("".join(f'{{"id": {n}, "prompt": "Why {n}?"}}\n' for n in range(4)))
    save_answers(tmp_path / "opponent.jsonl", "base", ["grade=3"] * 4)
    save_answers(tmp_path / "answers.jsonl", "m", ["grade=5", "grade=1", "grade=9", "x"])
    server = serve(first_faults=["bad_label", "500", "bad_json"])

    def benchmark(**options):
        return OpenEnded(OpenEndedConfig(prompts=str(tmp_path / "prompts.jsonl"),
                                         opponent=str(tmp_path / "opponent.jsonl"),
                                         judge=judge_config(server, **options)))  # fmt: skip

    once = benchmark(max_attempts=1)
    answers = stored_as_answers(once.prompts(), read_answers(str(tmp_path / "answers.jsonl")))
    assert len(record_stored(once, answers, tmp_path / "run")) == 4
    first = read_records(tmp_path / "run" / "records.jsonl")
    assert sum(record.scores["judge_failed"] for record in first) == 1.5  # three games of eight, one attempt each
    assert len(server.requests) == 8
    again = rescore(benchmark(), tmp_path / "run")
    assert len(server.requests) == 8 + 3
    assert [record.scores["win_rate"] for record in again] == [1, 0, 1, 0]
    assert all(record.scores["judge_failed"] == 0 for record in again)


def save_answers(path, model, contents):
    rows = (
        {"id": n, "instruction": f"Why {n}?", "output": text, "generator": model} for n, text in enumerate(contents)
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@needs_files
@pytest.mark.slow
def test_every_row_of_the_real_arena_is_judged_through_a_server_that_fails(serve, judge_config):
    folder = EVAL / "arena_hard_v0.1"
    server = serve(fault_rate=0.1, faults=["500", "cut", "bad_json", "bad_label"])
    config = OpenEndedConfig(
        prompts=str(folder / "question.jsonl.gz"),
        opponent=str(folder / "model_answer" / "gpt-4-0314.jsonl.gz"),
        judge=judge_config(server),
    )
    records = score_stored(
        OpenEnded(config), read_answers(str(folder / "model_answer" / "gpt-3.5-turbo-0125.jsonl.gz"))
    )
    assert len(records) == 250
    assert all(record.scores["win_rate"] == 0.5 and not record.scores["judge_failed"] for record in records)
    assert server.kinds["answered"] == 500  # no answer says a grade, so all are ties


@pytest.mark.slow
def test_two_kills_lose_no_verdict_and_ask_none_again(serve, judge_config, tmp_path):
    server = serve(fault_rate=0.2, faults=["500", "cut", "bad_label"], delay_s=0.05, seed=3)
    records, output = tmp_path / "verdicts.sqlite", tmp_path / "games.json"
    for num_requests in (25, 70):
        process = start(records, server, output)
        deadline = time.monotonic() + 120
        while len(server.requests) < num_requests:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        process.kill()
        process.wait()
        assert not output.exists()
    assert start(records, server, output).wait(300) == 0
    found = json.loads(output.read_text())
    for one, games in zip(pairs(60), found, strict=True):
        own, other = int(one.answer[-1]), int(one.opponent[-1])
        assert [game["preference"] for game in games] == [0.5 + 0.5 * ((own > other) - (own < other))] * 2
    paid = [row["key"] for row in server.requests if row["kind"] == "answered"]
    assert len(paid) - len(set(paid)) <= 2 * 4  # only what was in flight at a kill


def test_a_model_on_this_machine_chooses_the_most_probable_of_the_five(judge_config, tmp_path):
    save_model(tmp_path / "model")
    local = LocalConfig(accelerator="cpu", batch_size=4)
    config = judge_config(model=str(tmp_path / "model"), on_this_machine=True, local=local)
    judge = Judge(config)
    games = judge.compare([pair("Why?", "because", "so"), pair("Who?", "me", "you and me")])
    assert all(game.verdict and game.preference is not None for both in games for game in both)
    assert judge.compare([pair("Why?", "because", "so")]) == games[:1]
    assert judge.identity["endpoint"] == "this machine"
