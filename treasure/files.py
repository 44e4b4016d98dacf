"""Folders that appear whole or not at all, even when the machine stops, and disks that have no room or no way in."""

import errno
import fcntl
import os
import re
import shutil
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from treasure.errors import DiskFullError, TreasureError, UnusablePathError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_WAY_IN = (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG)

_UNSEEN = ".new-"
_OLD_S = 7 * 24 * 3600.0


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Gives a hidden folder to fill, which becomes `folder` when the block ends well; an earlier one is replaced.

    All bytes are on the disk before the name is. When the block fails, nothing of it stays, so that its room is free.
    """
    partial, old = (folder.with_name(f".{folder.name}.{kind}") for kind in ("partial", "old"))
    remove_folder(partial)
    partial.mkdir(parents=True)
    try:
        yield partial
        for path in (*partial.rglob("*"), partial):
            sync(path)
        remove_folder(old)
        if folder.exists():
            os.replace(folder, old)
        os.replace(partial, folder)
        sync(folder.parent)
    except BaseException:
        remove_folder(partial)
        raise
    remove_folder(old)


@contextmanager
def own_folder(folder: Path, like: str) -> Iterator[Path]:
    """Gives a hidden folder beside `folder` that no other process fills, for the block to fill and rename.

    What is left of it after the block is removed; so is what killed processes left for folders whose names fit the glob
    pattern `like`: at once where they ran on this machine, of others after a week.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in _leftovers(folder.parent, like):
        with _claimed(left) as is_ours:
            if is_ours:
                remove_folder(left)
    own = _hidden(folder)
    unseen = folder.with_name(f"{_UNSEEN}{uuid.uuid4().hex}")  # nobody takes it for a leftover before it is claimed
    unseen.mkdir()
    with _claimed(unseen):
        try:
            os.replace(unseen, own)
            yield own
        finally:
            remove_folder(own)


def _hidden(folder: Path) -> Path:
    """A name beside `folder` that nobody else has, and that says whose it is."""
    return folder.with_name(f".{folder.name}{_own_host()}{os.getpid()}@{uuid.uuid4().hex}")


def _own_host() -> str:
    return f"@{socket.gethostname()}@"


def _leftovers(folder: Path, like: str) -> Iterator[Path]:
    """What may be claimed in `folder`: where locks end at the machine, nothing that another one may be filling."""
    for path in folder.glob(f".{like}"):
        if _own_host() in path.name or _is_old(path):
            yield path
    yield from filter(_is_old, folder.glob(f"{_UNSEEN}*"))


def _is_old(folder: Path) -> bool:
    """Whether nothing in `folder` changed for so long that nobody fills it."""
    try:
        newest = max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
    except OSError:  # somebody is at it
        return False
    return time.time() - newest > _OLD_S


def place(partial: Path, folder: Path, is_whole: Callable[[Path], bool]) -> None:
    """Gives `partial` the name `folder`, unless another process was first with one that `is_whole`: that is the same.

    What stands there and is not whole is moved aside before it is removed: under its name it might be whole by then.
    """
    try:
        os.replace(partial, folder)
        return
    except OSError:
        if is_whole(folder):
            return
    broken = _hidden(folder)
    with suppress(FileNotFoundError):  # another process did so
        os.replace(folder, broken)
        remove_folder(broken)
    try:
        os.replace(partial, folder)
    except OSError:
        if not is_whole(folder):
            raise


@contextmanager
def _claimed(folder: Path) -> Iterator[bool]:
    """Whether this process alone holds `folder` during the block; the kernel lets go of it when the process dies."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:  # gone meanwhile, or a file
        yield False
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_ours = True
    except OSError:  # another process fills it, or the disk knows no locks
        is_ours = False
    try:
        yield is_ours
    finally:
        os.close(handle)


def sync(path: Path) -> None:
    """Waits until the file or folder is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_folder(folder: Path) -> None:
    """Removes `folder` with all that is in it, if it is there."""
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def told_when_full(what: str) -> Iterator[None]:
    """Turns the errors of a full disk within the block into one that people can read; `what` was being written.

    Raises:
        DiskFullError: a write failed for lack of room, quota, or because files may not grow that large.
    """
    try:
        yield
    except Exception as error:
        if not is_full(error):
            raise
        raise DiskFullError(what, _reason(error)) from error


@contextmanager
def told_when_unusable() -> Iterator[None]:
    """Turns the errors of a file or folder that cannot be what the block wants into one that people can read.

    The error itself stays as the cause. A name that is taken is none of these: it may as well be a mistake of ours.

    Raises:
        UnusablePathError: a disk is read-only, rights are missing, a file stands where a folder should, or a name is
            too long.
    """
    try:
        yield
    except OSError as error:
        place = error.filename if error.filename2 is None else error.filename2  # where something was to be moved to
        if error.errno not in _NO_WAY_IN or place is None:
            raise
        raise UnusablePathError(place, os.strerror(error.errno)) from error


def is_full(error: BaseException) -> bool:
    """Whether a write failed for lack of room."""
    return _number(error) in _NO_ROOM or _is_cut_array(error)


def is_of_system(error: BaseException | None) -> bool:
    """Whether the system refused something, whatever library met it; that a file is not there is no refusal."""
    return error is not None and _number(error) not in (None, errno.ENOENT)


def _number(error: BaseException) -> int | None:
    if isinstance(error, OSError):
        return error.errno
    # Libraries in Rust know no OSError: that of safetensors has a class of its own, tokenizers raises a bare Exception.
    found = re.search(r"\(os error (\d+)\)", str(error))
    return int(found[1]) if found and not isinstance(error, TreasureError) else None


def _is_cut_array(error: BaseException) -> bool:
    """Whether numpy wrote a part of an array, which it says in words alone."""
    words = r"\d+ requested and \d+ written"
    return isinstance(error, OSError) and error.errno is None and re.fullmatch(words, str(error)) is not None


def _reason(error: BaseException) -> str:
    number = _number(error)
    return os.strerror(number) if number is not None else str(error)
