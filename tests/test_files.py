"""Disks that have no room, places that cannot be used, and what killed processes leave behind."""

import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from treasure.data.growing_arrays import ValueIndex
from treasure.errors import DiskFullError, UnusablePathError
from treasure.files import is_full, own_folder, told_when_full, told_when_unusable
from treasure.jsonl import write_json, write_jsonl, write_text
from treasure.model.tokenizer import cached_tokenizer, train_tokenizer

REPOSITORY = Path(__file__).parents[1]


@contextmanager
def room_for(num_bytes: int) -> Iterator[None]:
    """Lets no file of this process grow larger, as `ulimit -f` does; to programs it looks like a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def save_values(folder: Path) -> None:
    index = ValueIndex()
    index.add([7] * 100_000)
    index.save(folder)


WRITERS = {
    "text": lambda folder: write_text(folder / "file", "a" * 100_000),
    "array": save_values,
    "safetensors": lambda folder: save_file({"a": np.zeros(100_000)}, folder / "file"),
    "tokenizer": lambda folder: train_tokenizer(["some text"], 500).save_pretrained(folder),
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=list(WRITERS))
def test_a_full_disk_is_known_whatever_library_met_it(write, tmp_path):
    with (
        room_for(4096),
        pytest.raises(DiskFullError, match="no room for the files") as refused,
        told_when_full("the files"),
    ):
        write(tmp_path)
    assert "give the same command again" in str(refused.value)


@pytest.mark.parametrize(
    "error", [OSError("connection lost"), RuntimeError("error 28"), DiskFullError("a", "(os error 28)")]
)
def test_other_errors_are_no_full_disk(error):
    assert not is_full(error)


@pytest.mark.parametrize("write", [write_text, write_json, lambda path, text: write_jsonl(path, [{"a": text}])])
def test_what_could_not_be_written_to_its_end_takes_no_room(write, tmp_path):
    write(tmp_path / "file", "kept")
    kept = (tmp_path / "file").read_text()
    with room_for(4096), pytest.raises(OSError, match="large"):
        write(tmp_path / "file", "a" * 100_000)
    assert [path.name for path in tmp_path.iterdir()] == ["file"] and (tmp_path / "file").read_text() == kept


def test_a_tokenizer_that_could_not_be_written_takes_no_room_either(tmp_path):
    with room_for(4096), pytest.raises(DiskFullError), told_when_full("it"):
        cached_tokenizer(["some text"], 500, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", ["half", "empty"])
def test_a_damaged_tokenizer_of_the_cache_is_made_anew(damage, tmp_path):
    expected = cached_tokenizer(["some text"], 500, tmp_path)
    (home,) = tmp_path.iterdir()
    if damage == "half":
        os.truncate(home / "tokenizer.json", 1000)
    else:
        for path in home.iterdir():
            path.unlink()
    assert cached_tokenizer(["some text"], 500, tmp_path).get_vocab() == expected.get_vocab()
    assert list(tmp_path.iterdir()) == [home]


def test_a_damaged_tokenizer_is_never_removed_under_its_name(tmp_path):
    """Another process makes it anew while this one trains its own."""
    cached_tokenizer(["some text"], 500, tmp_path, key="k")
    (home,) = tmp_path.iterdir()
    os.truncate(home / "tokenizer.json", 1000)

    class Texts:
        def __iter__(self):
            assert home.is_dir()
            cached_tokenizer(["some text"], 500, tmp_path, key="k")
            (home / "mark").touch()
            return iter(["some text"])

    cached_tokenizer(Texts(), 500, tmp_path, key="k")
    assert (home / "mark").is_file(), "the folder of the process that was first stays"
    assert list(tmp_path.iterdir()) == [home]


def _below_a_file(folder: Path) -> None:
    (folder / "file").touch()
    (folder / "file" / "runs").mkdir(parents=True)


def _instead_of_a_file(folder: Path) -> None:
    (folder / "new").mkdir()
    (folder / "file").touch()
    os.replace(folder / "new", folder / "file")


def _too_long(folder: Path) -> None:
    (folder / ("a" * 300)).mkdir()


def _a_folder_as_file(folder: Path) -> None:
    folder.read_text()


@pytest.mark.parametrize("use", [_below_a_file, _instead_of_a_file, _too_long, _a_folder_as_file])
def test_a_place_that_cannot_be_used_is_named_with_the_reason(use, tmp_path):
    with pytest.raises(UnusablePathError) as refused, told_when_unusable():
        use(tmp_path)
    text = str(refused.value)
    assert str(tmp_path) in text and "(" in text and "paths.outputs=FOLDER" in text
    assert "new" not in text, "the place that is wanted, not what was to be moved there"
    assert isinstance(refused.value.__cause__, OSError)


def test_errors_that_name_no_place_stay_what_they_are():
    with pytest.raises(PermissionError), told_when_unusable():
        raise PermissionError(1, "not permitted")  # as for a signal to another's process


def test_a_name_that_is_taken_keeps_its_traceback(tmp_path):
    with pytest.raises(FileExistsError), told_when_unusable():
        tmp_path.mkdir()


class TestOwnFolder:
    def test_what_a_killed_process_left_is_removed_and_what_a_living_one_fills_is_not(self, tmp_path):
        code = (
            "import sys, time; from pathlib import Path; from treasure.files import own_folder\n"
            "with own_folder(Path(sys.argv[1]), 'tokens-*') as own:\n"
            "    (own / 'ids').touch(); print(own.name, flush=True); time.sleep(60)"
        )
        environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
        with subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "tokens-1")], stdout=subprocess.PIPE, text=True, env=environment
        ) as process:
            try:
                assert process.stdout is not None
                theirs = tmp_path / process.stdout.readline().strip()
                for removed in (False, True):
                    with own_folder(tmp_path / "tokens-2", "tokens-*") as own:
                        assert own.is_dir() and (theirs / "ids").is_file() is not removed
                    process.kill()
                    process.wait()
            finally:
                process.kill()
        assert list(tmp_path.iterdir()) == []

    def test_it_may_become_the_folder(self, tmp_path):
        (tmp_path / "tokens-3").mkdir()
        (tmp_path / ".bpe-1-x").mkdir()
        with own_folder(tmp_path / "tokens-4", "tokens-*") as own:
            os.replace(own, tmp_path / "tokens-4")
        assert {path.name for path in tmp_path.iterdir()} == {"tokens-3", "tokens-4", ".bpe-1-x"}

    def test_what_another_machine_may_be_filling_stays_until_it_is_old(self, tmp_path):
        """Locks may end at the machine."""
        names = {".tokens-1@elsewhere@1@a", ".tokens-1-b", ".new-c"}
        for name in names:
            (tmp_path / name).mkdir()
            (tmp_path / name / "ids").touch()
        with own_folder(tmp_path / "tokens-4", "tokens-*") as own:
            assert socket.gethostname() in own.name and str(os.getpid()) in own.name
        assert {path.name for path in tmp_path.iterdir()} == names
        a_month_ago = time.time() - 30 * 24 * 3600
        for name in names:
            os.utime(tmp_path / name / "ids", (a_month_ago, a_month_ago))
            if name != ".tokens-1-b":
                os.utime(tmp_path / name, (a_month_ago, a_month_ago))
        with own_folder(tmp_path / "tokens-4", "tokens-*"):
            pass
        assert [path.name for path in tmp_path.iterdir()] == [".tokens-1-b"], "something changed there lately"
