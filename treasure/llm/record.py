"""What becomes of a request: its answer, its record in the file, and sums over many."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """OPEN: no answer yet; it may be in flight. ANSWERED and FAILED: what the row says is the outcome."""

    OPEN = "open"
    ANSWERED = "answered"
    FAILED = "failed"


class Turn(StrEnum):
    """Whether a request may be sent now: it is ours, it is done, or another process has it."""

    OURS = "ours"
    DONE = "done"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Usage:
    """What one attempt used, as far as the server said."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class Reply:
    """A valid answer: category -> label, category -> label -> probability where there are some, and what it took."""

    answers: Mapping[str, str]
    probabilities: Mapping[str, Mapping[str, float]] | None
    usage: Usage
    latency_s: float


@dataclass(frozen=True, slots=True)
class Record:
    """What the file says of a request; `time` is when its latest attempt ended, as 2026-01-31T23:59:59Z."""

    key: str
    status: Status
    answers: Mapping[str, str]
    probabilities: Mapping[str, Mapping[str, float]] | None
    error: str
    num_sent: int
    cost: float
    time: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """What the file holds; `num_cut_off` attempts were sent and never ended (in flight, or their process died).

    `num_silent` attempts got no response (time-out, cut connection): whether a server charges them, it alone knows.
    """

    num_answered: int = 0
    num_failed: int = 0
    num_sent: int = 0
    num_cut_off: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    num_silent: int = 0


@dataclass(frozen=True, slots=True)
class Experience:
    """Means over answered requests of one model: tokens used by tokens estimated, tokens of an answer, seconds."""

    num_requests: int
    token_ratio: float
    completion_tokens: float
    latency_s: float


def failure(key: str, error: str, num_sent: int) -> Record:
    """The record of a request that failed for good, for who cannot read it in the file."""
    return Record(key, Status.FAILED, {}, None, error, num_sent, 0.0)
