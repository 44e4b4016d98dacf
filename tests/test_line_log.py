"""A log of lines: nothing whole is lost, nothing is there twice, and one process at a time is at it."""

import os
import resource
import signal
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasure.errors import ConfigError, DataError, Interrupted
from treasure.jsonl import read_jsonl
from treasure.line_log import line_log
from treasure.stopping import stop_signals

WORDS = {"holds": "answers", "remedy": "name another file"}


def rows_in(path):
    with line_log(path, **WORDS) as log:
        return log.rows()


def test_others_lines_are_told_with_their_number(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"a": 1}\nnonsense\n')
    with pytest.raises(DataError, match=r"log.jsonl:2: .*Remove the file"):
        rows_in(path)


@given(st.lists(st.text(), max_size=5))
def test_any_text_is_kept(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    with line_log(path, **WORDS) as log:
        for text in texts:
            log.append([{"text": text}])
    assert [row["text"] for row in rows_in(path)] == texts


@given(st.integers(0, 200), st.booleans())
def test_wherever_it_is_cut_whole_lines_stay_and_the_next_stand_behind_them(tmp_path_factory, cut, is_read):
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    with line_log(path, **WORDS) as log:
        log.append({"n": n, "text": "é \ud83d"} for n in range(4))
    data = path.read_bytes()
    path.write_bytes(data[: cut % (len(data) + 1)])
    with line_log(path, **WORDS) as log:
        whole = len(log.lines())
        assert path.read_bytes() == data[: cut % (len(data) + 1)]  # who only looks changes nothing
        assert not is_read or [row["n"] for row in log.rows()] == list(range(whole))
        log.append([{"n": n} for n in range(whole, 5)])
    assert [row["n"] for _, row in read_jsonl(path)] == list(range(5))


def test_reading_changes_nothing(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"n": 0}\n')
    os.utime(path, (1, 1))
    assert rows_in(path) == [{"n": 0}] and path.stat().st_mtime == 1


def test_one_at_a_time_and_an_empty_one_is_removed(tmp_path):
    path = tmp_path / "new" / "log.jsonl"
    with line_log(path, **WORDS):
        with pytest.raises(ConfigError, match=r"writes answers to '.*log.jsonl'\. Wait for it, or name another file"), \
                line_log(path, **WORDS):  # fmt: skip
            pass
        assert path.exists()
    assert not path.exists()


def test_one_that_another_has_made_meanwhile_is_left_alone(tmp_path):
    path = tmp_path / "log.jsonl"
    with line_log(path, **WORDS):
        path.unlink()
        path.touch()  # of another process, which has not written yet
    assert path.exists()


def test_the_lock_of_a_killed_process_is_gone_and_its_lines_are_there(tmp_path):
    path = tmp_path / "log.jsonl"
    code = """
import os, signal, sys
from pathlib import Path
from treasure.line_log import line_log
with line_log(Path(sys.argv[1]), holds="answers", remedy="") as log:
    log.append([{"n": 1}])
    print("ready", flush=True)
    sys.stdin.readline()
"""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code, str(path)], **pipes) as process:
        assert process.stdout.readline() == "ready\n"
        with pytest.raises(ConfigError, match="Another process"):
            rows_in(path)
        process.kill()
        process.wait()
        assert rows_in(path) == [{"n": 1}]


def test_a_disk_without_room_leaves_whole_lines(tmp_path):
    path, before = tmp_path / "log.jsonl", resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with line_log(path, **WORDS) as log:
        log.append([{"n": 0}])
        resource.setrlimit(resource.RLIMIT_FSIZE, (50, before[1]))
        try:
            with pytest.raises(OSError, match="too large"):
                log.append([{"text": "x" * 100}])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, handler)
        assert path.stat().st_size == 50
        log.append([{"n": 1}])
        assert log.rows() == [{"n": 0}, {"n": 1}]


def test_a_signal_waits_for_the_lines_at_hand(tmp_path):
    path = tmp_path / "log.jsonl"
    with line_log(path, **WORDS) as log, pytest.MonkeyPatch.context() as patch:
        sync = os.fsync
        patch.setattr(os, "fsync", lambda number: (os.kill(os.getpid(), signal.SIGTERM), sync(number)))
        with pytest.raises(Interrupted), stop_signals():
            log.append([{"n": 0}])
        patch.undo()
        log.append([{"n": 1}])
    assert rows_in(path) == [{"n": 0}, {"n": 1}]
