"""Open-ended prompts: each public shape of file, and the real ones where they are."""

import csv
import gzip
import json

import numpy as np
import pytest
from shared_files import EVAL, needs_files

from treasure.analysis.scores.open_ended import open_ended_figures
from treasure.data.example import Message
from treasure.errors import ConfigError, DataError
from treasure.evaluation.benchmarks.open_ended import OpenEnded
from treasure.evaluation.benchmarks.open_ended_config import OpenEndedConfig
from treasure.evaluation.benchmarks.protocol import Answer, Benchmark
from treasure.evaluation.exchange.answers import read_answers, write_alpaca_outputs, write_arena_answers
from treasure.evaluation.exchange.scored import score_stored, stored_answers, stored_verdicts
from treasure.evaluation.exchange.verdicts import read_verdicts, write_arena_judgments
from treasure.evaluation.judge.config import JudgeConfig
from treasure.evaluation.record import read_records, write_records
from treasure.evaluation.suite import stored_answers as suite_answers


def save(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


PROMPTS = [{"uid": f"u{n}", "category": "arena", "cluster": f"c{n % 2}", "prompt": f"Why {n}?"} for n in range(6)]
OPPONENT = [{"instruction": f"Why {n}?", "output": f"So {n}.", "generator": "base"} for n in range(5)]


def benchmark(tmp_path, prompts=PROMPTS, **options):
    given = {"opponent": save(tmp_path / "opponent.jsonl", OPPONENT)} | options
    return OpenEnded(OpenEndedConfig(prompts=save(tmp_path / "prompts.jsonl", prompts), **given))


def judgment(uid, *scores):
    return {"uid": uid, "model": "m", "judge": "gpt", "baseline": "base", "games": [{"score": s} for s in scores]}


def test_prompts_know_their_opponents_and_slices(tmp_path):
    found = benchmark(tmp_path, slices={"domain": "cluster"}, levers={"quality_bucket": "1"})
    assert isinstance(found, Benchmark)
    prompts = found.prompts()
    assert [prompt.id for prompt in prompts] == [row["uid"] for row in PROMPTS]
    assert prompts[1].slices == {"domain": "c1"}
    assert prompts[1].levers == {"quality_bucket": "1"} and prompts[1].fixed_messages is None
    assert prompts[1].reference == {"question": "Why 1?", "opponent": "So 1.", "opponent_model": "base"}
    assert "opponent" not in prompts[5].reference


@pytest.mark.parametrize(
    ("row", "messages"),
    [
        ({"instruction": "Why?"}, (Message("user", "Why?"),)),
        ({"question_id": 3, "turns": [{"content": "Why?"}]}, (Message("user", "Why?"),)),
        ({"question_id": 3, "turns": ["Why?", "And then?"]}, (Message("user", "Why?"),)),
        ({"messages": [{"role": "system", "content": "Be"}, {"role": "user", "content": "Why?"}]},
         (Message("system", "Be"), Message("user", "Why?"))),
    ],
)  # fmt: skip
def test_any_shape_of_prompts_is_read(row, messages, tmp_path):
    (prompt,) = benchmark(tmp_path, [row]).prompts()
    assert prompt.messages == messages
    assert len(prompt.id) == (16 if "question_id" not in row else 1)
    assert prompt.reference["question"].endswith("Why?")


def test_the_same_words_asked_twice_are_two_prompts_but_an_id_stands_once(tmp_path):
    first, second = benchmark(tmp_path, [{"prompt": "Why?"}] * 2).prompts()
    assert first.id != second.id
    with pytest.raises(DataError, match=r"prompts\.jsonl:3: The id 'u0'"):
        benchmark(tmp_path, [*PROMPTS[:2], PROMPTS[0]]).prompts()


@pytest.mark.parametrize(
    ("row", "said"),
    [({"text": "Why?"}, "No prompt here"), ({"prompt": 3}, "'prompt' must be text"), ({"prompt": " "}, "is empty"),
     ({"turns": []}, "'turns'"), ({"messages": [{"role": "bot", "content": "x"}]}, "role"),
     ({"messages": [{"role": "assistant", "content": "x"}]}, "last turn"), ({"id": 1.5, "prompt": "x"}, "id must be")],
)  # fmt: skip
def test_bad_rows_are_refused_with_their_place(row, said, tmp_path):
    with pytest.raises(DataError, match=said) as error:
        benchmark(tmp_path, [PROMPTS[0], row]).prompts()
    assert "prompts.jsonl:2: " in str(error.value)


def test_an_empty_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="no prompt"):
        benchmark(tmp_path, []).prompts()


def test_annotations_give_slices_and_levers(tmp_path):
    rows = [
        {
            "messages": [{"role": "user", "content": "Why 1?"}],
            "markers": {"domain": ["Legal", "News"], "lang": "French"},
        }
    ]
    found = benchmark(tmp_path, annotations=save(tmp_path / "marked.jsonl", rows), annotated_levers=["lang"],
                      levers={"lang": "English", "quality_bucket": "1"}, slices={"domain": "cluster"})  # fmt: skip
    first, second = found.prompts()[:2]
    assert first.slices == {"domain": "c0"} and second.slices == {"domain": "Legal", "lang": "French"}
    assert first.levers["lang"] == "English" and second.levers == {"lang": "French", "quality_bucket": "1"}
    with pytest.raises(DataError, match=r"marked\.jsonl:1: No markers"):
        benchmark(tmp_path, annotations=save(tmp_path / "marked.jsonl", [{"prompt": "x"}])).prompts()
    rows[0]["messages"][0]["content"] = "Why 99?"
    with pytest.raises(DataError, match=r"marked\.jsonl: None of its 1 prompts is one of"):
        benchmark(tmp_path, annotations=save(tmp_path / "marked.jsonl", rows)).prompts()


def test_stored_verdicts_score_without_any_judge_and_records_give_them_back(tmp_path):
    path = save(
        tmp_path / "v.jsonl", [judgment("u0", "B>A", "B>A"), judgment("u1", "A=B", None), judgment("u5", "B>A", "A>B")]
    )
    found = benchmark(tmp_path, verdicts=path)
    answers = save(
        tmp_path / "a.jsonl", [{"instruction": f"Why {n}?", "output": "x", "generator": "m"} for n in (0, 1, 2, 5)]
    )
    records = score_stored(found, read_answers(answers))
    assert [dict(record.scores) for record in records[:2]] == [
        {"win_rate": 0.5, "judge_failed": 0.0, "flip": 1.0, "length_difference": -4.0},
        {"win_rate": 0.25, "judge_failed": 0.5, "length_difference": -4.0},
    ]
    assert "verdicts" in records[2].unscored and "no answer" in records[3].unscored
    assert records[5].scores == {"win_rate": 1.0, "judge_failed": 0.0, "flip": 0.0}  # no opponent to measure
    write_records(tmp_path / "records.jsonl", records)
    again = read_records(tmp_path / "records.jsonl")
    assert again == records
    write_arena_judgments(tmp_path / "w.jsonl", stored_verdicts(again, "m"))
    old, new = read_verdicts(path).rows, read_verdicts(str(tmp_path / "w.jsonl")).rows
    assert [[g.verdict for g in v.games] for v in old] == [[g.verdict for g in v.games] for v in new]
    for write, name in ((write_arena_answers, "x.jsonl"), (write_alpaca_outputs, "x.json")):
        write(tmp_path / name, stored_answers(again[:3], "m"))
        assert read_answers(str(tmp_path / name)).find("u1", "Why 1?").content == "x"


def test_the_suite_reads_answers_of_the_public_files(tmp_path):
    found = benchmark(tmp_path)
    path = tmp_path / "a.jsonl"
    save(path, [{"instruction": f"Why {n}?", "output": "x", "generator": "m"} for n in (2, 4, 99)])
    assert [answer.prompt_id for answer in suite_answers("open_ended", found, path)] == ["u2", "u4"]
    save(path, [{"prompt": "Why 99?", "content": "x"}])
    with pytest.raises(DataError, match="no answer to a prompt"):
        suite_answers("open_ended", found, path)


def test_without_a_judge_nothing_is_scored_and_that_is_said(tmp_path):
    found = benchmark(tmp_path)
    (score,) = found.score([Answer(prompt_id="u0", prompt="Why 0?", content="x")])
    assert not score.scores and "judge" in score.unscored


@pytest.mark.parametrize(
    ("options", "said"),
    [({"prompts": ""}, "prompts"), ({"name": "Arena Hard"}, "name"), ({"annotated_levers": ["lang"]}, "annotations"),
     ({"judge": JudgeConfig(model="m", records="r")}, "opponent"),
     ({"judge": JudgeConfig(model="m", records="r"), "opponent": "o", "verdicts": "v"}, "both")],
)  # fmt: skip
def test_options_are_checked(options, said):
    with pytest.raises(ConfigError, match=said):
        OpenEndedConfig(**{"prompts": "p", **options})


ALPACA = EVAL / "alpaca_eval"
MODELS = (
    "alpaca-7b",
    "falcon-7b-instruct",
    "gemma-2b-it",
    "gpt4_1106_preview",
    "phi-2",
    "text_davinci_003",
    "vicuna-7b",
)


@needs_files
@pytest.mark.parametrize("model", MODELS)
def test_win_rates_are_the_mean_of_stored_preferences_and_hold_those_of_the_whole_set(model):
    preferences = ALPACA / "gpt4_turbo_preferences" / f"{model}.jsonl.gz"
    config = OpenEndedConfig(
        prompts=str(ALPACA / "prompts.jsonl.gz"),
        opponent=str(ALPACA / "model_outputs" / "gpt4_1106_preview.jsonl.gz"),
        verdicts=str(preferences),
    )
    records = score_stored(OpenEnded(config), read_answers(str(ALPACA / "model_outputs" / f"{model}.jsonl.gz")))
    (figure,) = [f for f in open_ended_figures(records) if f.metric == "win_rate" and not f.slices]
    with gzip.open(preferences, "rt") as file:
        stored = [json.loads(line)["preference"] - 1 for line in file]
    assert figure.interval.estimate == np.mean(stored)
    assert (figure.interval.n, figure.num_failed) == (len(stored), 403 - len(stored))
    with (ALPACA / "leaderboard_weighted_gpt4_turbo.csv").open() as file:
        board = {row[""]: float(row["win_rate"]) / 100 for row in csv.DictReader(file)}
    if model in board:  # the leaderboard does not list text_davinci_003
        assert figure.interval.low <= board[model] <= figure.interval.high
    else:
        assert model == "text_davinci_003"


@needs_files
def test_every_real_arena_prompt_has_its_opponent():
    folder = EVAL / "arena_hard_v0.1"
    config = OpenEndedConfig(
        prompts=str(folder / "question.jsonl.gz"),
        opponent=str(folder / "model_answer" / "gpt-4-0314.jsonl.gz"),
        slices={"domain": "cluster"},
    )
    prompts = OpenEnded(config).prompts()
    assert len(prompts) == 250
    assert all(prompt.reference["opponent"] and prompt.slices["domain"] for prompt in prompts)
