import json
import os
import sqlite3
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace

import pytest

from treasure.errors import DataError
from treasure.llm.record import Reply, Status, Totals, Turn, Usage
from treasure.llm.records import Records
from treasure.llm.request import Choice, Request

CHOICE = Choice("task", ("Rewrite", "Reasoning"), "Unspecified", ("Reasoning", "Unspecified", "Rewrite"))
REQUEST = Request("k", "example", (CHOICE,), "system", "user")
REPLY = Reply({"task": "Rewrite"}, {"task": {"Rewrite": 1.0}}, Usage(10, 2, 0.5), 0.25)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new" / "records.sqlite"


@pytest.fixture
def records(path):
    opened = Records(path, "m")
    yield opened
    opened.close()


def test_an_answer_is_kept_with_all_that_it_took(records):
    assert records.find(["k"]) == {}
    assert records.send([REQUEST]) == [Turn.OURS]
    records.attempt_failed("k", "HTTP 500", Usage(), for_good=False)
    assert records.find(["k"]) == {}
    assert records.send([REQUEST]) == [Turn.OURS]
    records.answered({"k": REPLY})
    record = records.find(["k"])["k"]
    assert record.status is Status.ANSWERED and record.answers == {"task": "Rewrite"} and record.num_sent == 2
    assert records.totals() == Totals(1, 0, 2, 0, 10, 2, 0.5)
    assert records.spent() == 0.5
    assert records.send([REQUEST]) == [Turn.DONE]
    assert records.totals().num_sent == 2


def test_a_failure_is_kept_as_a_failure_and_may_be_tried_again(records):
    records.send([REQUEST])
    records.attempt_failed("k", "bad \ud800 label", Usage(5, 1, 0.25), for_good=True)
    record = records.find(["k"])["k"]
    assert record.status is Status.FAILED and record.answers == {} and "bad" in record.error and record.cost == 0.25
    assert records.send([REQUEST]) == [Turn.OURS]
    records.answered({"k": REPLY})
    assert records.find(["k"])["k"].status is Status.ANSWERED and records.spent() == 0.75


def test_a_living_owner_keeps_its_requests_and_one_that_closed_gives_them_back(path, records):
    other = Records(path, "m")
    assert records.send([REQUEST]) == [Turn.OURS]
    assert other.send([REQUEST, replace(REQUEST, key="l")]) == [Turn.BUSY, Turn.OURS]
    records.attempt_failed("k", "HTTP 500", Usage(), for_good=False)
    assert other.send([REQUEST]) == [Turn.BUSY]  # it waits for its retry
    other.close()
    assert records.send([replace(REQUEST, key="l")]) == [Turn.OURS]
    assert len(list(path.parent.glob("*.owner-*"))) == 1


OWNER = """
import json, sys, time
sys.path[:0] = json.loads(sys.argv[1])
from pathlib import Path
from test_llm_records import REQUEST, Records
records = Records(Path(sys.argv[2]), "m")
records.send([REQUEST])
print("sent", flush=True)
time.sleep(600)
"""


def test_a_dead_owner_loses_its_requests_and_its_cut_off_attempt_is_counted(path, records):
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, json.dumps(sys.path), str(path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "sent\n"
        assert records.send([REQUEST]) == [Turn.BUSY]
    finally:
        process.kill()
        process.communicate()
    assert records.send([REQUEST]) == [Turn.OURS]
    records.answered({"k": REPLY})
    totals = records.totals()
    assert (totals.num_sent, totals.num_cut_off, totals.num_answered) == (2, 1, 1)
    assert len(list(path.parent.glob("*.owner-*"))) == 1  # the dead one's file is gone


def test_a_file_that_is_damaged_or_not_ours_is_named(tmp_path):
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"no database at all, but long enough to look like one" * 100)
    with pytest.raises(DataError, match=r"broken\.sqlite.*move it away"):
        Records(broken, "m")
    foreign = tmp_path / "foreign.sqlite"
    with sqlite3.connect(foreign) as db:
        db.execute("CREATE TABLE t (x)")
    db.close()
    with pytest.raises(DataError, match="not one of this version's"):
        Records(foreign, "m")


def test_damage_within_is_told_when_it_is_met(path, records):
    for number in range(300):
        records.send([replace(REQUEST, key=f"{number:05}", user="x" * 100)])
    records.close()
    data = bytearray(path.read_bytes())
    data[8192:] = os.urandom(len(data) - 8192)
    path.write_bytes(data)
    damaged = Records(path, "m")
    with pytest.raises(DataError, match="cannot be used"):
        damaged.find([f"{number:05}" for number in range(300)])
    with suppress(DataError):
        damaged.close()
    path.unlink()
    records.__init__(path, "m")  # for the fixture to close


def test_nothing_is_read_of_other_models_for_estimates(path, records):
    assert records.experience() is None
    records.send([REQUEST])
    records.answered({"k": REPLY})
    known = records.experience()
    assert (known.num_requests, known.completion_tokens, known.latency_s) == (1, 2, 0.25)
    assert known.token_ratio == pytest.approx(10 / REQUEST.num_tokens)
    other = Records(path, "other")
    assert other.experience() is None
    other.close()


def test_what_the_dead_leave_is_removed_and_the_living_are_left_alone(path, records):
    stale = path.with_name(f"{path.name}.owner-{'0' * 32}")
    stale.touch()
    other = Records(path, "m")
    assert not stale.exists()
    assert len(list(path.parent.glob("*.owner-*"))) == 2
    records.send([REQUEST])
    assert other.send([REQUEST]) == [Turn.BUSY]
    other.close()
