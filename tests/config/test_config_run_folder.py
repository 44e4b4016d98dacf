import errno
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from treasure.config.run_folder import RunFolder, config_hash, to_plain
from treasure.config.run_lock import LOCK, living_holder, run_lock
from treasure.errors import ConfigError, DiskFullError, Interrupted, TreasureError
from treasure.jsonl import write_text

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3),
    max_leaves=8,
)
configs = st.dictionaries(st.text("abc", min_size=1, max_size=3), values, max_size=4)


class Kind(Enum):
    FAST = "fast"


@dataclass(kw_only=True, slots=True)
class Part:
    rate: float = 0.5
    kind: Kind = Kind.FAST


@dataclass(kw_only=True, slots=True)
class Options:
    seed: int = 0
    part: Part = field(default_factory=Part)
    paths: dict[str, Path] = field(default_factory=lambda: {"outputs": Path("outputs")})


@given(configs)
def test_hash_forgets_order_and_keeps_the_rest(config: dict):
    backwards = dict(reversed(config.items()))
    assert config_hash(config) == config_hash(backwards)
    assert config_hash(config) != config_hash({**config, "more": 1})


@given(configs, values)
def test_ignored_keys_do_not_count(config: dict, value: object):
    assert config_hash({**config, "paths": value}, ["paths"]) == config_hash({**config, "paths": 0}, ["paths"])
    nested = {**config, "part": {"shown": value, "rate": 1}}
    assert config_hash(nested, ["part.shown"]) == config_hash(
        {**config, "part": {"rate": 1, "shown": 0}}, ["part.shown"]
    )
    assert config_hash(nested, ["part.shown"]) != config_hash(
        {**config, "part": {"rate": 2, "shown": 0}}, ["part.shown"]
    )


@given(configs)
def test_the_configuration_survives_its_file(config: dict):
    plain = to_plain(config)
    assert yaml.safe_load(yaml.safe_dump(plain)) == plain


def test_plain_values():
    assert to_plain(Options()) == {
        "seed": 0,
        "part": {"rate": 0.5, "kind": "fast"},
        "paths": {"outputs": "outputs"},
    }


@pytest.mark.parametrize("key", ["nope", "part.nope", "nope.rate"])
def test_an_ignored_key_that_is_none_is_our_mistake(key: str):
    with pytest.raises((AssertionError, KeyError)):
        config_hash(to_plain(Options()), [key])


def folder(parent: Path, **options: int) -> RunFolder:
    return RunFolder.of(parent, "run", Options(**options), ignore=["paths"])


class TestRunFolder:
    def test_path_tells_configurations_apart(self, tmp_path: Path):
        assert folder(tmp_path).path == folder(tmp_path).path
        assert folder(tmp_path).path != folder(tmp_path, seed=1).path
        assert folder(tmp_path).path.parent == tmp_path
        assert folder(tmp_path).path.name.startswith("run-")
        assert len(folder(tmp_path).path.name) == len("run-") + 8

    def test_ignored_options_share_a_folder(self, tmp_path: Path):
        elsewhere = Options(paths={"outputs": Path("/scratch")})
        assert RunFolder.of(tmp_path, "run", elsewhere, ignore=["paths"]).path == folder(tmp_path).path

    @pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "a b", "a\n"])
    def test_names_that_cannot_be_folders(self, tmp_path: Path, name: str):
        with pytest.raises(ConfigError, match="name"):
            RunFolder.of(tmp_path, name, Options())

    def test_nothing_is_written_before_work(self, tmp_path: Path):
        run = folder(tmp_path)
        assert not run.is_done
        assert "new" in run.note
        assert list(tmp_path.iterdir()) == []

    def test_files_are_there_first(self, tmp_path: Path):
        run = folder(tmp_path, seed=4)
        with run.work() as path:
            assert path == run.path
            assert yaml.safe_load((path / "config.yaml").read_text(encoding="utf-8"))["seed"] == 4
            assert "python" in json.loads((path / "provenance.json").read_text(encoding="utf-8"))
            assert json.loads((path / LOCK).read_text(encoding="utf-8"))["pid"] == os.getpid()
            assert not run.is_done
        assert {item.name for item in run.path.iterdir()} == {"config.yaml", "provenance.json", "DONE"}

    def test_done_is_skipped_and_never_overwritten(self, tmp_path: Path):
        run = folder(tmp_path)
        with run.work() as path:
            (path / "result").write_text("1", encoding="utf-8")
        assert run.is_done
        assert "skipped" in run.note
        with pytest.raises(ConfigError, match="never overwritten"), run.work() as path:
            (path / "result").write_text("2", encoding="utf-8")
        assert (run.path / "result").read_text(encoding="utf-8") == "1"
        assert run.is_done
        assert not (run.path / "FAILED").exists()

    @pytest.mark.parametrize("error", [ValueError("no luck"), KeyboardInterrupt("no luck"), SystemExit("no luck")])
    def test_failed_is_tried_again_in_the_same_folder(self, tmp_path: Path, error: BaseException):
        run = folder(tmp_path)
        with pytest.raises(type(error)), run.work() as path:
            _write_and_raise(path / "half", error)
        assert not run.is_done
        assert "no luck" in run.note
        assert "trying again" in run.note
        with folder(tmp_path).work() as path:
            assert (path / "half").read_text(encoding="utf-8") == "kept"
            assert not (path / "FAILED").exists()
        assert run.is_done

    def test_part_of_the_work_leaves_no_mark(self, tmp_path: Path):
        run = folder(tmp_path)
        with run.work(whole=False):
            pass
        assert not run.is_done
        assert "cut short" in run.note
        with run.work():
            pass
        assert run.is_done

    def test_an_interrupted_run_is_neither_done_nor_failed(self, tmp_path: Path):
        run = folder(tmp_path)
        with pytest.raises(Interrupted), run.work() as path:
            _write_and_raise(path / "half", Interrupted("SIGTERM"))
        marks = {item.name for item in run.path.iterdir()} - {"config.yaml", "provenance.json", "half"}
        assert marks == {"INTERRUPTED"}
        assert run.note.endswith("was cut short: trying again.")
        (run.path / "state" / "step-12").mkdir(parents=True)
        (run.path / "state" / "step-12" / "state.json").touch()
        assert run.note.endswith("was cut short: going on at step 12.")
        run.mark_failed("No luck")
        assert run.note.endswith("failed last time (No luck): going on at step 12.")
        with run.work():
            assert not (run.path / "INTERRUPTED").exists()
        assert run.is_done

    def test_marking_done_early_stands(self, tmp_path: Path):
        run = folder(tmp_path)
        with pytest.raises(ValueError, match="late"), run.work():
            _mark_and_raise(run, ValueError("late"))
        assert run.is_done
        assert not (run.path / "FAILED").exists()

    def test_other_ranks_leave_marks_and_lock_to_the_first(self, tmp_path: Path, monkeypatch):
        run = folder(tmp_path)
        monkeypatch.setenv("RANK", "1")  # whoever knows how many processes share the run says which this is
        with run.work():
            with run.work(rank=1) as path:
                assert path == run.path
            assert not run.is_done
            with pytest.raises(ConfigError, match="in use"), run.work():
                pass
        assert run.is_done


class TestLock:
    def test_a_living_holder_keeps_it_and_is_named(self, tmp_path: Path):
        with run_lock(tmp_path):
            with (
                pytest.raises(TreasureError, match=f"process {os.getpid()} on {socket.gethostname()}"),
                run_lock(tmp_path),
            ):
                pass
            assert (tmp_path / LOCK).exists()
        assert not (tmp_path / LOCK).exists()

    def test_a_dead_child_that_nobody_waited_for_loses_it(self, tmp_path: Path):
        with subprocess.Popen(["true"], stdin=subprocess.DEVNULL) as child:
            while Path(f"/proc/{child.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z":
                pass
            holder = {"pid": child.pid, "host": socket.gethostname(), "born": None, "since": ""}
            (tmp_path / LOCK).write_text(json.dumps(holder), encoding="utf-8")
            with run_lock(tmp_path):
                pass

    def test_a_killed_holder_loses_it(self, tmp_path: Path):
        code = (
            "import os, pathlib, signal, sys; from treasure.config.run_lock import run_lock\n"
            "with run_lock(pathlib.Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
        )
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
        subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, env=environment)
        assert (tmp_path / LOCK).exists()
        with run_lock(tmp_path):
            assert json.loads((tmp_path / LOCK).read_text(encoding="utf-8"))["pid"] == os.getpid()

    @pytest.mark.parametrize(
        ("change", "is_taken_over"),
        [
            ({"born": 1}, True),
            ({"born": None}, False),
            ({"pid": 2**22 + 1}, True),
        ],
        ids=["reused id", "no /proc", "gone"],
    )
    def test_who_counts_as_alive(self, tmp_path: Path, change: dict, is_taken_over: bool):
        with run_lock(tmp_path):
            holder = json.loads((tmp_path / LOCK).read_text(encoding="utf-8"))
        (tmp_path / LOCK).write_text(json.dumps(holder | change), encoding="utf-8")
        if is_taken_over:
            with run_lock(tmp_path):
                pass
        else:
            with pytest.raises(ConfigError, match="in use"), run_lock(tmp_path):
                pass

    @pytest.mark.parametrize("lives", [False, True])
    def test_a_holder_on_another_host_keeps_it_while_it_shows_life(self, tmp_path: Path, monkeypatch, capfd, lives):
        monkeypatch.setattr("treasure.config.run_lock._BEAT_S", 0.05)
        monkeypatch.setattr("treasure.config.run_lock._GONE_S", 0.6)
        holder = {"pid": 1, "host": "elsewhere", "born": None, "since": "yesterday"}
        (tmp_path / LOCK).write_text(json.dumps(holder), encoding="utf-8")
        with ThreadPoolExecutor() as pool:
            if lives:
                pool.submit(lambda: (time.sleep(0.3), os.utime(tmp_path / LOCK)))
                with pytest.raises(ConfigError, match="process 1 on elsewhere since yesterday"), run_lock(tmp_path):
                    pass
            else:
                with run_lock(tmp_path):
                    assert json.loads((tmp_path / LOCK).read_text(encoding="utf-8"))["pid"] == os.getpid()
        assert "for a sign of life" in capfd.readouterr().err
        assert (tmp_path / LOCK).exists() == lives

    def test_status_believes_a_holder_on_another_host_for_some_minutes(self, tmp_path: Path):
        holder = {"pid": 1, "host": "elsewhere", "born": None, "since": "yesterday"}
        (tmp_path / LOCK).write_text(json.dumps(holder), encoding="utf-8")
        assert living_holder(tmp_path) == holder
        an_hour_ago = time.time() - 3600
        os.utime(tmp_path / LOCK, (an_hour_ago, an_hour_ago))
        assert living_holder(tmp_path) is None

    def test_the_holder_shows_life(self, tmp_path: Path, monkeypatch):
        monkeypatch.setattr("treasure.config.run_lock._BEAT_S", 0.02)
        with run_lock(tmp_path):
            os.utime(tmp_path / LOCK, (0, 0))
            deadline = time.monotonic() + 10
            while (tmp_path / LOCK).stat().st_mtime == 0:
                assert time.monotonic() < deadline
        assert not (tmp_path / LOCK).exists()

    def test_who_lost_it_does_no_more(self, tmp_path: Path):
        code = (
            "import pathlib, sys, time; from treasure.config import run_lock\n"
            "run_lock._BEAT_S = 0.05\n"
            "with run_lock.run_lock(pathlib.Path(sys.argv[1])): print('in', flush=True); time.sleep(60)"
        )
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
        command = [sys.executable, "-c", code, str(tmp_path)]
        other = json.dumps({"pid": 1, "host": "elsewhere", "born": None, "since": "now"})
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None and process.stderr is not None
            assert process.stdout.readline() == b"in\n"
            write_text(tmp_path / LOCK, other)
            assert process.wait(10) == -signal.SIGKILL
            assert b"taken over by process 1 on elsewhere" in process.stderr.read()
        assert (tmp_path / LOCK).read_text(encoding="utf-8") == other

    def test_the_lock_of_another_stays(self, tmp_path: Path):
        other = json.dumps({"pid": 1, "host": "elsewhere", "born": None, "since": "now"})
        with run_lock(tmp_path):
            write_text(tmp_path / LOCK, other)
        assert (tmp_path / LOCK).read_text(encoding="utf-8") == other

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', "12"])
    def test_a_damaged_lock_is_taken_over(self, tmp_path: Path, text: str):
        (tmp_path / LOCK).write_text(text, encoding="utf-8")
        with run_lock(tmp_path):
            assert json.loads((tmp_path / LOCK).read_text(encoding="utf-8"))["pid"] == os.getpid()

    def test_only_one_of_many_gets_in(self, tmp_path: Path):
        (tmp_path / LOCK).write_text(
            json.dumps({"pid": 2**22 + 1, "host": socket.gethostname(), "born": 1, "since": ""})
        )
        context = multiprocessing.get_context("fork")
        gate, done, entered = context.Event(), context.Barrier(9), context.Value("i", 0)
        workers = [context.Process(target=_try_to_enter, args=(tmp_path, gate, done, entered)) for _ in range(8)]
        for worker in workers:
            worker.start()
        gate.set()
        done.wait(timeout=30)
        for worker in workers:
            worker.join(timeout=30)
        assert entered.value == 1
        assert not (tmp_path / LOCK).exists()


def _write_and_raise(path: Path, error: BaseException) -> None:
    path.write_text("kept", encoding="utf-8")
    raise error


def _mark_and_raise(run: RunFolder, error: BaseException) -> None:
    run.mark_done()
    raise error


def _try_to_enter(path: Path, gate, done, entered) -> None:
    gate.wait()
    try:
        with run_lock(path):
            with entered.get_lock():
                entered.value += 1
            done.wait(timeout=30)
    except ConfigError:
        done.wait(timeout=30)


class TestWithoutRoom:
    def test_a_run_that_met_a_full_disk_says_so_and_where(self, tmp_path: Path):
        run = RunFolder.of(tmp_path, "run", Options())
        with pytest.raises(DiskFullError, match=str(run.path)), run.work():
            raise OSError(errno.ENOSPC, "No space left on device")
        assert (run.path / "FAILED").read_text().startswith("DiskFullError: There is no room for the files of the run")

    def test_a_signal_stays_a_signal_where_its_mark_finds_no_room(self, tmp_path: Path):
        run = RunFolder.of(tmp_path, "run", Options())
        with pytest.raises(Interrupted), run.work():
            _block_and_stop(run.path / "INTERRUPTED")
        assert not (run.path / LOCK).exists()


def _block_and_stop(mark: Path) -> None:
    mark.mkdir()  # nothing can be written there, as on a full disk
    raise Interrupted("SIGTERM")
