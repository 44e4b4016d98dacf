"""The options of one job as a file, for processes that cannot get them as objects; read as written, not composed."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import is_dataclass
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from treasure.config.enum_values import member_text
from treasure.config.run_folder import to_plain
from treasure.jsonl import write_json

T = TypeVar("T")
_JOB_FILE = "job.json"


@contextmanager
def job_file(folder: Path, options: object) -> Iterator[None]:
    """Keeps the dataclass `options` in `folder` during the block, as `read_job` wants it."""
    write_json(folder / _JOB_FILE, to_plain(options))
    try:
        yield
    finally:
        (folder / _JOB_FILE).unlink(missing_ok=True)


def read_job(folder: Path, schema: type[T]) -> T:
    """The options that `job_file` put into `folder`, equal to what was written."""
    return _built(schema, json.loads((folder / _JOB_FILE).read_text(encoding="utf-8")))


def _built(kind: Any, value: Any) -> Any:
    """What `to_plain` made `value` of, which was of the type `kind`."""
    if kind is Any or value is None:
        return value
    if get_origin(kind) in (Union, UnionType):
        kinds = [part for part in get_args(kind) if part is not NoneType]
        return _built(kinds[0], value) if len(kinds) == 1 else value  # of several, all are plain
    if is_dataclass(kind):
        types = get_type_hints(kind)
        return kind(**{name: _built(types[name], item) for name, item in value.items()})  # pyright: ignore[reportCallIssue]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(member for member in kind if member_text(member) == value)
    if isinstance(value, Mapping):
        _, of = get_args(kind) or (str, Any)
        return {key: _built(of, item) for key, item in value.items()}
    if isinstance(value, list):
        (of,) = get_args(kind) or (Any,)
        return [_built(of, item) for item in value]
    return kind(value)
