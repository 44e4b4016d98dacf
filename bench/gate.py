"""Lets contenders run in turn: each is a process that trains round after round and waits between two of them.

contest                        contender
| <- report: warmed up ---------|   compiled, caches warm; waits
| ------- go -----------------> |   one round: some optimizer steps of its own training loop
| <- report: seconds, tokens ---|   waits, while others have the machine to themselves
"""

import json
import os
import resource
import sys
import time
from dataclasses import asdict, dataclass
from typing import TextIO


@dataclass(frozen=True, kw_only=True)
class Round:
    """What one round took. Tokens leave padding out; `peak_rss_mib` is of the process so far.

    `cpu_seconds` add up over all threads: on a machine that others use too they tell more than `seconds`.
    """

    seconds: float
    cpu_seconds: float
    num_tokens: int
    num_predicted: int
    num_examples: float
    peak_rss_mib: float


def peak_rss_mib() -> float:
    """The most memory this process has had resident, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Gate:
    """The contender's end. Takes standard output for itself; whatever else is printed goes to standard error."""

    def __init__(self) -> None:
        self._reports: TextIO = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self._started, self._cpu_started = time.perf_counter(), time.process_time()

    def pause(self, *, num_tokens: int = 0, num_predicted: int = 0, num_examples: float = 0) -> None:
        """Reports the round that just ended and waits for the next go."""
        seconds = time.perf_counter() - self._started
        done = Round(
            seconds=seconds,
            cpu_seconds=time.process_time() - self._cpu_started,
            num_tokens=num_tokens,
            num_predicted=num_predicted,
            num_examples=num_examples,
            peak_rss_mib=peak_rss_mib(),
        )
        print(json.dumps(asdict(done)), file=self._reports, flush=True)
        if not sys.stdin.readline():
            os._exit(0)  # the contest is over; the training loop around us knows of no early end
        self._started, self._cpu_started = time.perf_counter(), time.process_time()
