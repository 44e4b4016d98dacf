import os
import signal

import pytest

from treasure.errors import Interrupted
from treasure.stopping import SIGNALS, deferred_stop, listen_again, stop_asked, stop_signals


def ask(number: int = signal.SIGTERM) -> None:
    os.kill(os.getpid(), number)


@pytest.fixture(autouse=True)
def _ctrl_c_is_heard():
    """A shell starts its background jobs with Ctrl-C ignored, and these tests may be one."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_ends_the_block_at_once_and_handlers_are_put_back(number):
    steps = []

    def command():
        with stop_signals():
            ask(number)
            steps.append("went on")

    before = [signal.getsignal(each) for each in SIGNALS]
    with pytest.raises(Interrupted, match=number.name):
        command()
    assert not steps
    assert [signal.getsignal(each) for each in SIGNALS] == before


def test_a_deferred_signal_waits_for_the_end_of_the_outer_block():
    seen = []

    def command():
        with stop_signals(), deferred_stop():
            with deferred_stop():
                seen.append(stop_asked())
                ask()
                seen.append(stop_asked())
                ask()
            seen.append("went on")

    with pytest.raises(Interrupted):
        command()
    assert seen == ["", "SIGTERM", "went on"]
    with stop_signals():
        assert not stop_asked()


def test_a_second_ctrl_c_insists():
    def command():
        with stop_signals(), deferred_stop():
            ask(signal.SIGINT)
            ask(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        command()


def test_an_error_goes_before_the_signal():
    def command():
        with stop_signals(), deferred_stop():
            ask()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        command()


def test_handlers_of_others_are_replaced_but_ignored_signals_stay_ignored():
    def command():
        with stop_signals():
            ask(signal.SIGINT)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            listen_again()
            ask()

    kept = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(Interrupted, match="SIGTERM"):
            command()
    finally:
        signal.signal(signal.SIGINT, kept)


def test_outside_of_a_command_nothing_is_touched():
    before = signal.getsignal(signal.SIGTERM)
    listen_again()
    with deferred_stop():
        assert not stop_asked()
    assert signal.getsignal(signal.SIGTERM) is before


def test_who_defers_can_be_told_at_once():
    seen = []

    def command():
        with stop_signals(), deferred_stop(lambda: seen.append("told")):
            with deferred_stop():
                ask()
                seen.append("went on")
            ask()

    with pytest.raises(Interrupted):
        command()
    assert seen == ["told", "went on"]


def test_further_signals_can_be_heard():
    def command():
        with stop_signals(signal.SIGUSR2):
            ask(signal.SIGUSR2)

    before = signal.getsignal(signal.SIGUSR2)
    with pytest.raises(Interrupted, match="SIGUSR2"):
        command()
    assert signal.getsignal(signal.SIGUSR2) is before
