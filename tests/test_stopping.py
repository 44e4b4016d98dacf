import os
import signal

import pytest

from treasure.errors import Interrupted
from treasure.stopping import SIGNALS, deferred_stop, listen_again, stop_asked, stop_signals


def ask(number: int = signal.SIGTERM) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_ends_the_block_at_once_and_handlers_are_put_back(number):
    before = [signal.getsignal(each) for each in SIGNALS]
    with pytest.raises(Interrupted, match=number.name), stop_signals():
        ask(number)
        pytest.fail("went on")
    assert [signal.getsignal(each) for each in SIGNALS] == before


def test_a_deferred_signal_waits_for_the_end_of_the_outer_block():
    steps = []
    with pytest.raises(Interrupted), stop_signals(), deferred_stop():
        with deferred_stop():
            assert not stop_asked()
            ask()
            assert stop_asked() == "SIGTERM"
            ask()
        steps.append("went on")
    assert steps == ["went on"]
    with stop_signals():
        assert not stop_asked()


def test_a_second_ctrl_c_insists():
    with pytest.raises(KeyboardInterrupt), stop_signals(), deferred_stop():
        ask(signal.SIGINT)
        ask(signal.SIGINT)


def test_an_error_goes_before_the_signal():
    with pytest.raises(ZeroDivisionError), stop_signals(), deferred_stop():
        ask()
        _ = 1 / 0


def test_handlers_of_others_are_replaced_but_ignored_signals_stay_ignored():
    kept = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(Interrupted, match="SIGTERM"), stop_signals():
            ask(signal.SIGINT)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            listen_again()
            ask()
    finally:
        signal.signal(signal.SIGINT, kept)


def test_outside_of_a_command_nothing_is_touched():
    before = signal.getsignal(signal.SIGTERM)
    listen_again()
    with deferred_stop():
        assert not stop_asked()
    assert signal.getsignal(signal.SIGTERM) is before
