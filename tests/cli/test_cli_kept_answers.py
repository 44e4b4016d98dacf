"""A command that is stopped keeps its answers, and the same command goes on behind them, with the same result."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import tiny
from commands import REPOSITORY, call
from hypothesis import given
from hypothesis import strategies as st

from treasure.cli.jobs.kept_answers import kept_answers, origin
from treasure.config.schema import GenerateCommand
from treasure.data.example import Message
from treasure.errors import ConfigError, DataError
from treasure.inference.config import BackendConfig, BackendKind, GenerationConfig, RemoteConfig
from treasure.inference.guidance_config import GuidanceConfig
from treasure.inference.request import GenerationRequest
from treasure.jsonl import read_jsonl
from treasure.markers.config import MarkerMode
from treasure.model.checkpoint import save_checkpoint

OF = {"model": "a", "prompts": "b", "options": "c"}
ROWS = [{"content": f"{number} é \ud83d"} for number in range(4)]


def keep(output, rows):
    with kept_answers(output, OF) as kept:
        kept.add(rows)
    return kept.path


def contents(path):
    return [row for _, row in read_jsonl(path)]


@given(st.integers(0, 10_000), st.integers(1, 3))
def test_wherever_the_file_is_cut_off_the_answers_are_whole_and_each_there_once(tmp_path_factory, cut, size):
    output = tmp_path_factory.mktemp("out") / "answers.jsonl"
    kept = keep(output, ROWS[:3])
    data = kept.read_bytes()
    kept.write_bytes(data[: cut % (len(data) + 1)])
    with kept_answers(output, OF) as kept:
        assert kept.num_kept <= 3
        while kept.num_kept < len(ROWS):
            kept.add(ROWS[kept.num_kept : kept.num_kept + size])
        assert kept.finish() == len(ROWS)
    assert contents(output) == ROWS
    assert [path.name for path in output.parent.iterdir()] == [output.name]


@pytest.mark.parametrize("part", OF)
def test_answers_of_another_command_are_refused_and_stay(part, tmp_path):
    kept = keep(tmp_path / "out", ROWS)
    before = kept.read_bytes()
    with pytest.raises(ConfigError, match=f"other {part}.*delete"), kept_answers(tmp_path / "out", OF | {part: "x"}):
        pass
    assert kept.read_bytes() == before


@pytest.mark.parametrize("text", ["not JSON\n[]\n", '{"prompt": "a"}\n{"prompt": "b"}\n', "[1]\n[2]\n", "\x00\n\x00\n"])
def test_another_file_in_that_place_is_left_alone(text, tmp_path):
    (tmp_path / "out.part").write_text(text)
    with pytest.raises(ConfigError, match="no file of answers"), kept_answers(tmp_path / "out", OF):
        pass
    assert (tmp_path / "out.part").read_text() == text
    (tmp_path / "folder.part").mkdir()
    with pytest.raises(DataError, match="no file"), kept_answers(tmp_path / "folder", OF):
        pass


def test_one_process_at_a_time_and_nothing_stays_of_none(tmp_path):
    with kept_answers(tmp_path / "out", OF):
        with pytest.raises(ConfigError, match="Another process"), kept_answers(tmp_path / "out", OF):
            pass
        assert [path.name for path in tmp_path.iterdir()] == ["out.part"]
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "model"
    save_checkpoint(tiny.checkpoint(MarkerMode.TOKENS), folder)
    return folder


def test_what_decides_answers_tells_commands_apart_and_nothing_else_does(model, tmp_path):
    command = GenerateCommand(checkpoint=str(model), prompt="a")
    asked = [GenerationRequest((Message("user", "a"),))]
    mine = origin(command, asked)
    same = replace(command, generation=GenerationConfig(batch_size=1), output="elsewhere", posteriors=False)
    assert origin(same, asked) == mine
    other = origin(command, [GenerationRequest((Message("user", "b"),))])
    assert {name for name in mine if mine[name] != other[name]} == {"prompts"}
    for changed in (
        replace(command, generation=GenerationConfig(max_new_tokens=1)),
        replace(command, guidance=GuidanceConfig(weight=2.0)),
    ):
        assert {name for name in mine if mine[name] != origin(changed, asked)[name]} == {"options"}
    served = [
        BackendConfig(kind=BackendKind.REMOTE, remote=RemoteConfig(base_url=f"http://{name}", model=name))
        for name in ("m", "n")
    ]
    assert served[0].deciding != served[1].deciding
    options = {origin(replace(command, backend=backend), asked)["options"] for backend in served}
    assert len(options | {mine["options"]}) == 3
    save_checkpoint(tiny.checkpoint(MarkerMode.TOKENS, seed=1), tmp_path / "model")
    other = origin(replace(command, checkpoint=str(tmp_path / "model")), asked)
    assert {name for name in mine if mine[name] != other[name]} == {"model"}


def words(model, folder: Path, *more: str, number: int = 10) -> list[str]:
    prompts = [{"prompt": f"What is {i} plus 1?", "levers": {"lang": "French"} if i % 3 else {}} for i in range(number)]
    (folder / "asked.jsonl").write_text("".join(json.dumps(row) + "\n" for row in prompts))
    size = ["generation.batch_size=1", "generation.max_new_tokens=8"]
    files = [f"input='{folder / 'asked.jsonl'}'", f"output='{folder / 'out.jsonl'}'"]
    return [f"checkpoint='{model}'", *files, *size, *more]


DRAWN = "generation.temperature=1"


@pytest.mark.parametrize("option", [DRAWN, "choosing.num_headers=2", "guidance.weight=2"])
def test_a_command_goes_on_to_the_same_answers(model, tmp_path, option, capfd):
    asked = words(model, tmp_path, option, DRAWN)
    assert call("treasure-generate", *asked) == 0, capfd.readouterr().err
    whole = (tmp_path / "out.jsonl").read_text()
    assert len(set(whole.splitlines())) == 10
    (tmp_path / "out.jsonl").unlink()
    kept = tmp_path / "out.jsonl.part"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("treasure.cli.jobs.kept_answers.KeptAnswers.finish", _stopped)
        assert call("treasure-generate", *asked) == 75
    assert f"behind 10 of 10 answers, kept in '{kept}'" in capfd.readouterr().err
    lines = kept.read_bytes().splitlines(keepends=True)
    kept.write_bytes(b"".join([*lines[:6], lines[6][:20]]))  # in the middle of a batch, and of a line
    assert call("treasure-generate", *asked) == 0
    assert "Going on behind 5 of 10 answers" in capfd.readouterr().out
    assert (tmp_path / "out.jsonl").read_text() == whole and not kept.exists()


def _stopped(_):
    signal.raise_signal(signal.SIGTERM)


def test_prompts_beyond_the_context_are_told_and_cost_no_other_answer(model, tmp_path, capfd):
    texts = ["What is 1 plus 1?", "and so on " * 10_000, "What is 2 plus 1?", "and so on " * 400, "What is 3 plus 1?"]
    (tmp_path / "asked.jsonl").write_text("".join(json.dumps({"prompt": text}) + "\n" for text in texts))
    files = [f"input='{tmp_path / 'asked.jsonl'}'", f"output='{tmp_path / 'out.jsonl'}'"]
    asked = [f"checkpoint='{model}'", *files, "generation.max_new_tokens=8", DRAWN]
    assert call("treasure-generate", *asked) == 0
    told = capfd.readouterr().err
    assert re.search(r"asked\.jsonl:2: the prompt has \d{5,} tokens", told) and "asked.jsonl:4: the prompt has" in told
    assert f"2 prompts of 5 not asked: the model was trained with a context of {tiny.CONTEXT} tokens" in told
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["prompt"] for row in rows] == texts
    assert [bool(row["content"]) for row in rows] == [True, False, True, False, True]
    assert "longer than the context" in rows[1]["problems"][0] and not rows[1]["finished"]
    (tmp_path / "asked.jsonl").write_text("".join(json.dumps({"prompt": text}) + "\n" for text in texts[::2]))
    assert call("treasure-generate", *asked, "generation.batch_size=1") == 0
    alone = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert alone == rows[::2]  # drawn as if nothing else had been asked
    assert call("treasure-generate", f"checkpoint='{model}'", f"prompt='{texts[3]}'") == 2
    assert "in which it leaves no room for an answer" in capfd.readouterr().err


@pytest.mark.parametrize("name", ["lever", "Levers", "levrs"])
def test_a_slip_in_a_name_is_told_and_other_fields_are_let_be(model, tmp_path, name, capfd):
    (tmp_path / "asked.jsonl").write_text(json.dumps({"prompt": "a", "id": 3, "prompt_id": "x", name: {}}) + "\n")
    assert call("treasure-generate", f"checkpoint='{model}'", f"input='{tmp_path / 'asked.jsonl'}'") == 2
    assert f"asked.jsonl:1: '{name}' is not read here: levers stand in 'levers'" in capfd.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_real_process_keeps_what_is_done(model, tmp_path, number):
    asked = words(model, tmp_path, "generation.batch_size=2", "generation.max_new_tokens=40", number=400)
    code = "import sys; sys.argv[0] = 'treasure-generate'; from treasure.cli.generate import main; main()"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}

    def start(*more):
        return subprocess.Popen(
            [sys.executable, "-c", code, *asked, *more], cwd=REPOSITORY, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    process, kept = start(), tmp_path / "out.jsonl.part"
    deadline = time.monotonic() + 200
    while process.poll() is None and (not kept.exists() or len(kept.read_bytes().splitlines()) < 10):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(number)
    _, said = process.communicate(timeout=100)
    assert process.returncode == (-9 if number == signal.SIGKILL else 75), said
    assert "Traceback" not in said
    done = len(kept.read_bytes().split(b"\n")) - 2
    assert 9 <= done < 400 and not (tmp_path / "out.jsonl").exists()
    if number != signal.SIGKILL:
        assert f"behind {done} of 400 answers" in said
    process = start("generation.batch_size=100")
    out, said = process.communicate(timeout=200)
    assert process.returncode == 0, said
    assert f"Going on behind {done} of 400 answers" in out
    prompts = [row["prompt"] for row in contents(tmp_path / "out.jsonl")]
    assert prompts == [f"What is {i} plus 1?" for i in range(400)] and not kept.exists()
