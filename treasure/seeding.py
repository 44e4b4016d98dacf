"""Keyed random streams: the same key gives the same draws on any machine, worker, rank and after resume."""

import hashlib
import random


def key_to_int(*key: str | int) -> int:
    """A 64-bit integer from the parts of `key`; differing parts give differing integers, whatever they contain."""
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in key)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def stream(*key: str | int) -> random.Random:
    """A fresh generator for `key`, such as `stream(seed, epoch, example_id)`."""
    return random.Random(key_to_int(*key))
