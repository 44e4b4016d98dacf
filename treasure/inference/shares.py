"""Decodes in threads on cores that would stand idle: a job of a sweep has a part of them, and others may be done."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from threading import Event, Lock

import torch
from torch import nn

from treasure.inference.decode import DecodeSettings, decode
from treasure.provenance import num_cores


def num_shares(device: torch.device, num_prompts: int, batch_size: int) -> int:
    """How many threads are worth while: one for as many cores as PyTorch uses here, and a whole batch for each.

    So it is 1 for a process that has all cores, which PyTorch uses by itself, and for a GPU.
    """
    if device.type != "cpu":
        return 1
    return max(1, min(num_cores() // torch.get_num_threads(), num_prompts // batch_size))


def decode_in_shares(
    model: nn.Module,
    prompts: Sequence[Sequence[int]],
    settings: DecodeSettings,
    on_done: Callable[[int], object],
    num_shares: int,
) -> list[list[int]]:
    """What `decode` finds, by `num_shares` threads that take turns among the prompts.

    Whatever ends one of them, `on_done` included, ends all after the step they are in, and is raised here.
    """
    if num_shares == 1:
        return decode(model, prompts, settings, on_done)
    is_over, one_tells = Event(), Lock()

    def told(number: int) -> None:
        if is_over.is_set():
            raise _OverError
        with one_tells:
            on_done(number)

    shares = [range(first, len(prompts), num_shares) for first in range(num_shares)]
    with ThreadPoolExecutor(num_shares) as pool:
        try:
            work = [pool.submit(decode, model, [prompts[i] for i in share], settings, told, share) for share in shares]
            done = wait(work, return_when=FIRST_EXCEPTION).done
        finally:
            is_over.set()
        for one in done:
            one.result()
    found: list[list[int]] = [[] for _ in prompts]
    for share, one in zip(shares, work, strict=True):
        found[share.start :: num_shares] = one.result()
    return found


class _OverError(Exception):
    """Another share failed, or a signal came."""
