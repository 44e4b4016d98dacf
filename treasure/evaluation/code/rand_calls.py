"""Calls of Rust's rand as of 2018, when the benchmark's texts were written, said as today's rand wants them."""

import re
from itertools import pairwise

from treasure.evaluation.code.source_text import code_only

_CALL = re.compile(r"\.\s*gen_range\s*(?:::\s*<[^()]*>)?\s*\(")
_OPENING, _CLOSING = "([{", ")]}"


def with_ranges(text: str) -> str:
    """`text` with each `gen_range(low, high)` as `gen_range(low..high)`; rand takes a range since 0.8.

    Both mean a number from low to below high. Calls with one argument stay as they are.
    """
    calls = [found.end() for found in _CALL.finditer(code_only(text, "rust"))]
    for start in reversed(calls):  # from the last, so that calls within a call are done before it
        commas, end = _arguments(code_only(text, "rust"), start)
        parts = [text[low + 1 : high].strip() for low, high in pairwise([start - 1, *commas, end])]
        parts = parts if parts[-1] else parts[:-1]  # a comma behind the last argument parts nothing
        if len(parts) == 2:
            text = f"{text[:start]}({parts[0]})..({parts[1]}){text[end:]}"
    return text


def _arguments(code: str, start: int) -> tuple[list[int], int]:
    """Where the commas between arguments stand, and the bracket that closes the call opened before `start`."""
    depth, commas = 0, []
    for place in range(start, len(code)):
        character = code[place]
        if character in _CLOSING and depth == 0:
            return commas, place
        depth += (character in _OPENING) - (character in _CLOSING)
        if character == "," and depth == 0:
            commas.append(place)
    return [], len(code)
