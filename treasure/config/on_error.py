"""Whether a sweep goes on after a job that failed."""

from enum import StrEnum


class OnError(StrEnum):
    """What a sweep does after a job that failed."""

    STOP = "stop"
    CONTINUE = "continue"
