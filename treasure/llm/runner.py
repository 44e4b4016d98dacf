"""`Runner`: sends requests to an endpoint until each has an answer, has failed for good, or something says stop.

Stopping, by a signal, by the budget or because nothing more can succeed, is always the same: nothing new is sent, what
is in flight comes to its end and is kept, and then the reason is raised.
"""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from treasure.errors import AnnotationError, Interrupted, TreasureError
from treasure.llm.chat import AttemptError, Hope, run_loop
from treasure.llm.config import ModelAccess
from treasure.llm.endpoint import AnswerForm, Endpoint
from treasure.llm.rate_limit import RateLimit
from treasure.llm.record import Record, Status, Turn, Usage, failure
from treasure.llm.records import Records
from treasure.llm.request import Request
from treasure.seeding import stream
from treasure.stopping import deferred_stop, stop_asked

_LOG = logging.getLogger(__name__)
_BUSY_S = 0.5
_ROOM_S = 0.05


class Runner:
    """Sends requests that are answered in one `form`.

    Limits of rates, and what failed for good, are remembered from one call to the next.
    """

    def __init__(self, access: ModelAccess, records: Records, form: AnswerForm) -> None:
        self._access, self._config, self._records, self._form = access, access.runner, records, form
        self._requests_limit = RateLimit(self._config.requests_per_minute)
        self._tokens_limit = RateLimit(self._config.tokens_per_minute)
        self._pause_until = 0.0
        self._failed: dict[str, Record] = {}
        self._failed_before: set[str] = set()
        self._num_failed_in_a_row = 0
        self._has_answered = False
        self._answer_tokens = access.max_answer_tokens
        experience = records.experience()
        self._token_ratio = 1.0 if experience is None else experience.token_ratio

    def run(self, requests: Sequence[Request], on_done: Callable[[int], object]) -> dict[str, Record]:
        """Key -> record of each request, answered or failed; `on_done` is told of each number that got there.

        Raises:
            AnnotationError: the budget is used up, the endpoint refuses every request, or too many failed in a row.
            Interrupted: a signal asked to stop.
        """
        wanted = {request.key: request for request in requests}
        done = self._records.find(wanted)
        todo = [request for key, request in wanted.items() if key not in done or not self.is_settled(done[key])]
        self._failed_before = {request.key for request in todo if request.key in done}
        on_done(len(wanted) - len(todo))
        if not todo:
            return done
        drive = _Drive(len(todo))
        with deferred_stop(drive.end_soon):
            if not stop_asked():
                run_loop(self._run(todo, drive, on_done))
        if stop_asked():  # an outer block defers the signal further, but there is nothing to go on with
            raise Interrupted(stop_asked())
        if drive.error is not None:
            raise drive.error
        failed = {key: self._failed[key] for key in wanted if key in self._failed}
        return failed | self._records.find(wanted)  # another process may try a failure again, and have it open

    def is_settled(self, record: Record) -> bool:
        """Whether this start asks no more: there is an answer, or a failure that is not to be tried again."""
        tried = record.key in self._failed or not self._config.retry_failed
        return record.status is Status.ANSWERED or tried

    async def _run(self, requests: Sequence[Request], drive: "_Drive", on_done: Callable[[int], object]) -> None:
        drive.start()
        slots = asyncio.Semaphore(self._config.concurrency)
        async with Endpoint(self._access, self._form) as endpoint, asyncio.TaskGroup() as group:
            for request in requests:
                group.create_task(self._settle(request, endpoint, slots, drive, on_done))

    async def _settle(
        self,
        request: Request,
        endpoint: Endpoint,
        slots: asyncio.Semaphore,
        drive: "_Drive",
        on_done: Callable[[int], object],
    ) -> None:
        """Asks until there is an answer, no hope, or reason to stop."""
        num_attempts = 0
        try:
            while not drive.is_over:
                async with slots:
                    turn = await self._turn(request, drive)
                    wait_s: float | None = _BUSY_S
                    if turn is Turn.OURS:
                        num_attempts += 1
                        wait_s = await self._attempt(request, endpoint, drive, num_attempts)
                if turn is Turn.DONE or wait_s is None:
                    drive.num_left -= 1
                    on_done(1)
                    return
                await drive.sleep(wait_s)
        except TreasureError as error:
            drive.end(error)

    async def _turn(self, request: Request, drive: "_Drive") -> Turn:
        """Waits for limits and room in the budget, and notes that the request is sent where it may be."""
        num_tokens = request.num_tokens * self._token_ratio + self._answer_tokens
        moment = max(self._requests_limit.turn(1), self._tokens_limit.turn(num_tokens))
        while not drive.is_over and (left := max(moment, self._pause_until) - time.monotonic()) > 0:
            await drive.sleep(left)
        cost = self._cost(request)
        while not drive.is_over and not self._has_room(cost, drive):
            await drive.sleep(_ROOM_S)
        turn = Turn.BUSY if drive.is_over else self._records.send([request])[0]
        if turn is not Turn.OURS:
            self._requests_limit.correct(-1)
            self._tokens_limit.correct(-num_tokens)
        return turn

    async def _attempt(self, request: Request, endpoint: Endpoint, drive: "_Drive", num_attempts: int) -> float | None:
        """Seconds to wait before the next attempt; None when there is to be none."""
        cost = self._cost(request)
        drive.reserved += cost
        drive.num_in_flight += 1
        try:
            reply = await endpoint.ask(request)
        except AttemptError as error:
            return self._failed_attempt(request, error, drive, num_attempts)
        else:
            self._records.answered({request.key: reply})
            self._used(request, reply.usage)
            self._num_failed_in_a_row, self._has_answered = 0, True
            return None
        finally:
            drive.reserved -= cost
            drive.num_in_flight -= 1

    def _failed_attempt(
        self, request: Request, error: AttemptError, drive: "_Drive", num_attempts: int
    ) -> float | None:
        for_good = error.hope is Hope.NO_REQUEST or (
            error.hope is Hope.AGAIN and num_attempts >= self._config.max_attempts
        )
        self._records.attempt_failed(
            request.key, error.reason, error.usage, for_good=for_good, is_silent=error.is_silent
        )
        self._used(request, error.usage)
        if error.is_rate_limit:
            self._pause_until = max(self._pause_until, time.monotonic() + error.retry_after_s)
        if error.hope is Hope.NO_RUN:
            drive.end(AnnotationError(f"The endpoint refuses every request ({error.reason}). {_GO_ON}"))
        if for_good:
            self._give_up(request, error, drive, num_attempts)
            return None
        return max(error.retry_after_s, self._backoff_s(request, num_attempts))

    def _give_up(self, request: Request, error: AttemptError, drive: "_Drive", num_attempts: int) -> None:
        self._failed[request.key] = failure(request.key, error.reason, num_attempts)
        if error.by_request and (self._has_answered or request.key in self._failed_before):
            return  # what always fails is asked last, after all others, and must not end the run
        self._num_failed_in_a_row += 1
        if self._num_failed_in_a_row >= self._config.max_failures_in_a_row:
            drive.end(
                AnnotationError(
                    f"{self._num_failed_in_a_row} requests in a row failed for good (runner.max_failures_in_a_row). "
                    f"The last: {error.reason}. {_GO_ON}"
                )
            )

    def _backoff_s(self, request: Request, num_attempts: int) -> float:
        longest = min(self._config.max_backoff_s, self._config.backoff_s * 2.0 ** min(num_attempts - 1, 60))
        chance = stream("backoff", os.getpid(), request.key, num_attempts).random()
        return longest * (0.5 + 0.5 * chance)

    def _cost(self, request: Request) -> float:
        """The most that one attempt is likely to cost."""
        return self._config.cost(request.num_tokens * self._token_ratio, self._answer_tokens)

    def _has_room(self, cost: float, drive: "_Drive") -> bool:
        """Whether the budget holds one more attempt beside those in flight; ends the drive where it never will."""
        budget = self._config.budget
        if budget is None:
            return True
        spent = self._records.spent()
        if spent + drive.reserved + cost <= budget:
            return True
        if not drive.num_in_flight:
            drive.end(
                AnnotationError(
                    f"The budget is used up: {spent:.4f} of {budget:g} spent in {self._records.path}, the next request "
                    f"may cost {cost:.4f}; {drive.num_left} requests of this block are without an outcome. Raise "
                    "runner.budget and give the same command again: what is answered is kept and not asked again."
                )
            )
        return False

    def _used(self, request: Request, usage: Usage) -> None:
        """Learns from what an attempt has used."""
        if not usage.prompt_tokens:
            return
        used = usage.prompt_tokens + usage.completion_tokens
        self._tokens_limit.correct(used - request.num_tokens * self._token_ratio - self._answer_tokens)
        self._token_ratio = 0.9 * self._token_ratio + 0.1 * usage.prompt_tokens / request.num_tokens


_GO_ON = "Mend that and give the same command again: what is answered is kept and not asked again."


class _Drive:
    """One call of `Runner.run`: whether it is over, why, and what is in flight."""

    def __init__(self, num_left: int) -> None:
        self.num_left, self.num_in_flight, self.reserved = num_left, 0, 0.0
        self.error: TreasureError | None = None
        self._over = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def is_over(self) -> bool:
        return self._over.is_set()

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        if stop_asked():
            self.end()

    def end(self, error: TreasureError | None = None) -> None:
        self.error = self.error or error
        self._over.set()

    def end_soon(self) -> None:
        """Ends from within a signal handler."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has just closed
                self._loop.call_soon_threadsafe(self.end)

    async def sleep(self, seconds: float) -> None:
        """Sleeps, but no longer than until the end."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds)
