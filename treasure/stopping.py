"""A launcher that wants the machine back: SIGTERM, SIGUSR1 or Ctrl-C end the work at the next place to go on from.

    stop_signals()   around a command: the first signal raises `Interrupted`, there and then …
    deferred_stop()  … but inside this block only when it ends; who works there asks `stop_asked()` now and then,
                     or is told by a function of its own

A second Ctrl-C ends at once with KeyboardInterrupt. Other repeated signals are passed over: the first is being obeyed.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from treasure.errors import Interrupted

SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)


@dataclass(slots=True)
class _Process:
    """What this process was asked; signals belong to the process, so there is one of these."""

    listening: bool = False
    asked: str = ""
    num_deferring: int = 0
    signals: tuple[signal.Signals, ...] = SIGNALS
    told: Callable[[], None] | None = None


_process = _Process()


@contextmanager
def stop_signals(*more: signal.Signals) -> Iterator[None]:
    """Obeys the signals, and `more`, within the block; one that was ignored before, as Ctrl-C under `nohup`, stays so.

    Raises:
        Interrupted: a signal came.
    """
    if _process.listening or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (*SIGNALS, *more)}
    _process.listening, _process.asked, _process.signals = True, "", tuple(before)
    listen_again()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _process.listening = False


def listen_again() -> None:
    """Takes the signals back from a library that put its own handlers over ours."""
    if _process.listening:
        for number in _process.signals:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, _on_signal)


@contextmanager
def deferred_stop(told: Callable[[], None] | None = None) -> Iterator[None]:
    """Lets the block come to its end before a signal is obeyed; an error of the block goes first.

    `told` is called as soon as a signal comes, in the middle of whatever the block does.

    Raises:
        Interrupted: a signal came meanwhile, and the block went on to its end.
    """
    outer, _process.told = _process.told, told or _process.told
    _process.num_deferring += 1
    try:
        yield
    finally:
        _process.num_deferring -= 1
        _process.told = outer
    if stop_asked() and not _process.num_deferring:
        raise Interrupted(stop_asked())


def stop_asked() -> str:
    """The name of the signal that asks to stop; an empty string when none came."""
    return _process.asked if _process.listening else ""


def _on_signal(number: int, frame: FrameType | None) -> None:
    if _process.asked:
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        return
    _process.asked = signal.Signals(number).name
    if not _process.num_deferring:
        raise Interrupted(_process.asked)
    if _process.told is not None:
        _process.told()
