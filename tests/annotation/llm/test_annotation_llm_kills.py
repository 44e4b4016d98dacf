import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from annotate_client import POISONED, examples
from fault_server import prompt_key
from llm_examples import TAXONOMY

from treasure.annotation.llm.config import AnswerMode, LLMConfig
from treasure.annotation.llm.prompt import PromptWriter
from treasure.annotation.llm.shots import Shots
from treasure.llm.records import Records

COUNT, CONCURRENCY, KILLS = 300, 16, 5
RUNNER = {
    "concurrency": CONCURRENCY,
    "timeout_s": 3.0,
    "backoff_s": 0.05,
    "max_backoff_s": 0.5,
    "max_attempts": 8,
    "max_failures_in_a_row": 10,
}


def start(records, server, output):
    command = [sys.executable, str(Path(__file__).with_name("annotate_client.py")), json.dumps(RUNNER), str(records),
               server.base_url, str(COUNT), str(output)]  # fmt: skip
    folders = os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": folders})


def wait_for(server, num_requests, process):
    deadline = time.monotonic() + 300
    while len(server.requests) < num_requests:
        assert process.poll() is None, "it was over before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_five_kills_and_a_server_that_fails_at_every_third_request_lose_and_repeat_nothing(serve, tmp_path):
    server = serve(fault_rate=0.3, delay_s=0.05, hang_s=4.0, seed=5)
    records, output = tmp_path / "records.sqlite", tmp_path / "found.jsonl"
    for kill in range(KILLS):
        process = start(records, server, output)
        wait_for(server, 100 * (kill + 1), process)
        process.kill()
        process.wait()
        assert not output.exists()
    assert start(records, server, output).wait(600) == 0

    found = [json.loads(line) for line in output.read_text().splitlines()]
    rows = examples(COUNT)
    assert Counter((row["id"], row["category"]) for row in found) == Counter(
        (row.id, category) for row in rows for category in ("domain", "task")
    )  # every example has its marker or a listed failure, none twice
    failed = {(row["id"], row["category"]) for row in found if row["outcome"] == "failed"}
    assert {(row.id, c) for row in rows[-POISONED:] for c in ("domain", "task")} <= failed
    assert all(row["note"] for row in found if row["outcome"] == "failed")
    for row in found:
        text = next(one.prompt for one in rows if one.id == row["id"])
        if row["outcome"] == "found":
            assert f"{row['category']}={row['values'][0]}" in text  # nothing but what the model said

    check_payments(server, records, rows)
    before = len(server.requests)
    output.unlink()
    assert start(records, server, output).wait(600) == 0
    again = [json.loads(line) for line in output.read_text().splitlines()]
    asked = {row["key"] for row in server.requests[before:]}
    assert asked == failed_prompts(rows, failed)  # failures are tried again, and nothing else
    assert [row for row in again if row["outcome"] == "found"][: len(found) - len(failed)]


def prompts(rows):
    """Prompt as the server names it -> (example, category), as an uninterrupted run would ask."""
    config = LLMConfig(model="fake", records="-")
    writer = PromptWriter(TAXONOMY, Shots(), mode=AnswerMode.STRUCTURED, seed=0, max_text_tokens=2000,
                          decides=config.access.decides)  # fmt: skip
    named = {}
    for row in rows:
        for category in ("domain", "task"):
            request = writer.request(row, [category], None)
            key = prompt_key([{"content": request.system}, {"content": request.user}])
            named[key] = (row.id, category, request.key)
    return named


def failed_prompts(rows, failed):
    return {key for key, (example_id, category, _) in prompts(rows).items() if (example_id, category) in failed}


def check_payments(server, path, rows):
    """No answered request was paid twice, but where its answer did not arrive: a kill or a time-out came first."""
    named = prompts(rows)
    paid = Counter(row["key"] for row in server.requests if row["kind"] == "answered")
    asked = Counter(row["key"] for row in server.requests)
    assert set(asked) == set(named)
    records = Records(path, "fake")
    sent = {key: records._all("SELECT num_sent, num_ended, num_silent FROM requests WHERE key = ?", [key])[0]
            for _, _, key in named.values()}  # fmt: skip
    totals = records.totals()
    records.close()
    repeated = 0
    for name, (_, _, key) in named.items():
        num_sent, num_ended, num_silent = sent[key]
        assert num_ended <= asked[name] <= num_sent  # each attempt is noted before it is sent
        assert paid[name] <= 1 + num_sent - num_ended + num_silent  # again only where an answer did not arrive
        repeated += max(0, paid[name] - 1)
    assert totals.num_sent - sum(asked.values()) <= totals.num_cut_off <= KILLS * CONCURRENCY
    assert repeated <= totals.num_cut_off + totals.num_silent
    print(
        f"{len(named)} requests, {sum(asked.values())} attempts at the server, {dict(server.kinds)}; "
        f"{totals.num_cut_off} attempts cut off by {KILLS} kills, {repeated} paid twice, "
        f"{totals.num_silent} attempts without any response"
    )
