"""Folders that appear whole or not at all, even when the machine stops, and disks that have no room left."""

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from treasure.errors import DiskFullError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


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
    except (OSError, SafetensorError) as error:
        if not is_full(error):
            raise
        raise DiskFullError(what, _reason(error)) from error


def is_full(error: BaseException) -> bool:
    """Whether a write failed for lack of room."""
    return _number(error) in _NO_ROOM


def _number(error: BaseException) -> int | None:
    if isinstance(error, OSError):
        return error.errno
    found = re.search(r"os error (\d+)", str(error)) if isinstance(error, SafetensorError) else None
    return int(found[1]) if found else None


def _reason(error: BaseException) -> str:
    number = _number(error)
    return os.strerror(number) if number is not None else str(error)
