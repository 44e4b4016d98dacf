"""Watches a generated program: reads what it writes, ends it in time, and says what its end means.

Used by the sandbox's server process, so the standard library only.
"""

import os
import select
import signal
import time


def watch(program: int, pipes: tuple[int, int], timeout_s: float, output_bytes: int) -> tuple[str, list[bytes]]:
    """Reads what the program writes until it ends; returns why it must be ended ('' if it did) and both outputs."""
    texts, deadline = [b"", b""], time.monotonic() + timeout_s
    ending = os.pidfd_open(program)
    poller = select.poll()
    for descriptor in (ending, *pipes):
        os.set_blocking(descriptor, False)
        poller.register(descriptor, select.POLLIN)
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return "timeout", texts
        ready = {descriptor for descriptor, _ in poller.poll(left * 1000)}
        for index, pipe in enumerate(pipes):
            if pipe in ready or ending in ready:
                text, is_open = drain(pipe, output_bytes - len(texts[index]))
                texts[index] += text
                if not is_open and pipe in ready:
                    poller.unregister(pipe)
            if len(texts[index]) > output_bytes:
                return "output", texts
        if ending in ready:
            return "", texts


def drain(pipe: int, limit: int) -> tuple[bytes, bool]:
    """What stands in the pipe, up to just over `limit` bytes, and whether more can come."""
    text = b""
    while len(text) <= limit:
        try:
            part = os.read(pipe, 65536)
        except BlockingIOError:
            return text, True
        if not part:
            return text, False
        text += part
    return text, True


def reason_for(status: int, errors: bytes) -> str:
    """The reason that a wait status stands for, with the help of what was written to standard error."""
    if status == 0:
        return "ok"
    if any(sign in errors for sign in (b"MemoryError", b"out of memory", b"allocation failed")):
        return "memory"
    if not os.WIFSIGNALED(status):
        return f"failed: exit status {os.WEXITSTATUS(status)}"
    number = os.WTERMSIG(status)
    return "timeout" if number == signal.SIGXCPU else f"failed: signal {number}"
