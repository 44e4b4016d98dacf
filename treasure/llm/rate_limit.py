"""`RateLimit`: no more than so much a minute, evenly spaced."""

import time


class RateLimit:
    """Lets `per_minute` units pass a minute: in any span of time that share of them and one request more.

    There is no saving up: a pause is not followed by a burst, since servers count in windows that nobody knows.
    """

    def __init__(self, per_minute: float | None) -> None:
        self._seconds_per_unit = 0.0 if per_minute is None else 60.0 / per_minute
        self._next = 0.0

    def turn(self, amount: float) -> float:
        """The moment, by the monotonic clock, from which `amount` units may pass; first come, first served."""
        turn = max(time.monotonic(), self._next)
        self._next = turn + amount * self._seconds_per_unit
        return turn

    def correct(self, amount: float) -> None:
        """Takes into account that `amount` more units have passed than was said (fewer where it is below 0)."""
        self._next += amount * self._seconds_per_unit
