"""`LocalRunner`: asks a model on this machine in batches; a batch is on the disk before the next begins."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from treasure.errors import AnnotationError, Interrupted
from treasure.llm.config import ModelAccess
from treasure.llm.record import Record, Status, Turn, Usage, failure
from treasure.llm.records import Records
from treasure.llm.request import Request
from treasure.stopping import deferred_stop, stop_asked

if TYPE_CHECKING:
    from treasure.llm.local import LocalModel

_BUSY_S = 0.5


class LocalRunner:
    """The model is loaded when the first request needs it. Failures (a prompt too long) are tried by each start."""

    def __init__(self, access: ModelAccess, records: Records) -> None:
        self._access, self._records = access, records
        self._model: LocalModel | None = None
        self._failed: dict[str, Record] = {}

    def run(self, requests: Sequence[Request], on_done: Callable[[int], object]) -> dict[str, Record]:
        """Key -> record of each request, answered or failed; `on_done` is told of each number that got there.

        Raises:
            AnnotationError: no prompt at all fits into the model's context.
            ConfigError: the model cannot be loaded.
            Interrupted: a signal asked to stop.
        """
        wanted = {request.key: request for request in requests}
        done = self._records.find(wanted)
        todo = [request for key, request in wanted.items() if key not in done or not self.is_settled(done[key])]
        on_done(len(wanted) - len(todo))
        todo.sort(key=lambda request: (request.system, len(request.user)))  # shared beginnings and little padding
        with deferred_stop():
            while todo and not stop_asked():
                todo = self._round(todo, on_done)
                if todo:
                    time.sleep(_BUSY_S)
        if stop_asked():
            raise Interrupted(stop_asked())
        failed = {key: self._failed[key] for key in wanted if key in self._failed}
        return failed | self._records.find(wanted)  # another process may try a failure again, and have it open

    def is_settled(self, record: Record) -> bool:
        """Whether this start asks no more."""
        return record.status is Status.ANSWERED or record.key in self._failed

    def _round(self, requests: Sequence[Request], on_done: Callable[[int], object]) -> list[Request]:
        """Goes through `requests` once; returns those that another process has in hand."""
        busy: list[Request] = []
        for start in range(0, len(requests), self._access.local.batch_size):
            if stop_asked():
                break
            batch = requests[start : start + self._access.local.batch_size]
            turns = dict(zip(batch, self._records.send(batch), strict=True))
            self._ask([request for request, turn in turns.items() if turn is Turn.OURS])
            busy += [request for request, turn in turns.items() if turn is Turn.BUSY]
            on_done(sum(turn is not Turn.BUSY for turn in turns.values()))
        return busy

    def _ask(self, batch: Sequence[Request]) -> None:
        if self._model is None:
            from treasure.llm.local import LocalModel  # torch takes seconds, which other annotators save

            self._model = LocalModel(self._access)
        fitting = [request for request in batch if self._fits(self._model, request)]
        if fitting:
            replies = self._model.ask(fitting)
            self._records.answered({request.key: reply for request, reply in zip(fitting, replies, strict=True)})

    def _fits(self, model: "LocalModel", request: Request) -> bool:
        problem = model.problem(request)
        if not problem:
            return True
        self._records.attempt_failed(request.key, problem, Usage(), for_good=True)
        self._failed[request.key] = failure(request.key, problem, 1)
        most = self._access.runner.max_failures_in_a_row
        if len(self._failed) >= most and not self._records.totals().num_answered:
            raise AnnotationError(f"No prompt fits: {problem}.")
        return False
