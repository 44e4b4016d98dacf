"""Answers that are kept while a command goes on, so that it need not begin anew when it is stopped.

<output>.part      line 1: what the answers belong to; then one answer a line, in the order of the prompts
<output>           all of them, when the last is there

A line that was cut off as its process died is left out. One process at a time fills a file: see `line_log`.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from treasure.config.schema import GenerateCommand
from treasure.errors import ConfigError, DataError
from treasure.inference.config import BackendKind
from treasure.inference.request import GenerationRequest
from treasure.jsonl import read_jsonl, write_jsonl
from treasure.line_log import LineLog, line_log
from treasure.model.levers import LEVERS_FILE
from treasure.model.weights import weights_sum
from treasure.stopping import deferred_stop

_HEAD = "answers_of"


def origin(config: GenerateCommand, requests: Sequence[GenerationRequest]) -> dict[str, str]:
    """What decides the answers: a digest each of the model, the prompts with their levers, and the options."""
    folder, backend = Path(config.checkpoint), config.backend
    asked = [
        [[[m.role, m.content] for m in r.messages], r.fixed.to_dict(), r.forced.to_dict(),
         {name: sorted(map(str, values)) for name, values in r.forbidden.items()}]
        for r in requests
    ]  # fmt: skip
    generation = {name: getattr(config.generation, name) for name in ("max_new_tokens", "temperature", "top_p", "seed")}
    how: list[Any] = [generation, config.generation.header, backend.kind]
    how += backend.deciding.values()
    if backend.kind is BackendKind.TRANSFORMERS:
        choosing, guidance = config.choosing, config.guidance
        how += [choosing.num_headers, choosing.by, guidance.weight, guidance.against, guidance.header]
    levers = (folder / LEVERS_FILE).read_text(encoding="utf-8")
    return {"model": _digest([levers, weights_sum(folder)]), "prompts": _digest(asked), "options": _digest(how)}


def _digest(value: Any) -> str:
    return hashlib.blake2b(json.dumps(value, sort_keys=True, default=str).encode(), digest_size=8).hexdigest()


class KeptAnswers:
    """What `kept_answers` gives: the open log, in which the first `num_kept` answers are."""

    def __init__(self, output: Path, log: LineLog, of: Mapping[str, str]) -> None:
        self.path, self.num_kept = log.path, 0
        self._output, self._log, self._of = output, log, of

    def begin(self) -> None:
        """Takes over what is in the file, or begins it.

        Raises:
            ConfigError: it holds answers of another command.
            DataError: one of its answers was changed by hand.
        """
        lines = self._log.lines()
        if len(lines) > 1:
            self._check(lines[0])
            self.num_kept = len(self._log.rows()) - 1
        else:
            self._log.clear()
            self._log.append([{_HEAD: dict(self._of)}])

    def _check(self, head: bytes) -> None:
        remedy = f"To begin anew delete '{self.path}', or name another output."
        try:
            found = dict(json.loads(head)[_HEAD])
        except (ValueError, TypeError, KeyError) as error:
            raise ConfigError(f"'{self.path}' is no file of answers that treasure-generate began. {remedy}") from error
        if other := [name for name, value in self._of.items() if found.get(name) != value]:
            raise ConfigError(
                f"'{self.path}' holds the first answers of a command with other {' and other '.join(other)}. Give that "
                f"command again to go on with it. {remedy}"
            )

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keeps the next answers; when this ends they are on the disk."""
        with deferred_stop():
            self._log.append(rows)
            self.num_kept += len(rows)

    def finish(self) -> int:
        """Writes all answers to the output, which is whole or untouched; how many there are."""
        with deferred_stop():
            number = write_jsonl(self._output, (row for _, row in islice(read_jsonl(self.path), 1, None)))
            self.path.unlink()
        return number


@contextmanager
def kept_answers(output: Path, of: Mapping[str, str]) -> Iterator[KeptAnswers]:
    """The answers that a command `of` these digests has kept for `output`; nothing stays of one that kept none.

    Raises:
        ConfigError: what is kept there belongs to another command, or another process is at it.
    """
    path = output.with_name(output.name + ".part")
    if path.exists() and not path.is_file():
        raise DataError("This is where unfinished answers are kept, and it is no file. Name another output.", path)
    with line_log(path, holds="answers", remedy="name another output") as log:
        kept = KeptAnswers(output, log, of)
        kept.begin()
        try:
            yield kept
        finally:
            if not kept.num_kept:
                log.clear()
