"""Counts the letters of each writing system in a text."""

import unicodedata
from enum import IntEnum
from functools import cache

import numpy as np


class Script(IntEnum):
    """A writing system that the languages of the taxonomy use; `OTHER` is every other one, `NONE` is no letter."""

    NONE = 0
    LATIN = 1
    GREEK = 2
    CYRILLIC = 3
    HEBREW = 4
    ARABIC = 5
    DEVANAGARI = 6
    HAN = 7
    KANA = 8
    HANGUL = 9
    OTHER = 10


_RANGES = (
    (Script.LATIN, 0x0041, 0x024F),
    (Script.LATIN, 0x1E00, 0x1EFF),
    (Script.LATIN, 0xFF21, 0xFF5A),
    (Script.GREEK, 0x0370, 0x03FF),
    (Script.GREEK, 0x1F00, 0x1FFF),
    (Script.CYRILLIC, 0x0400, 0x052F),
    (Script.HEBREW, 0x0590, 0x05FF),
    (Script.HEBREW, 0xFB1D, 0xFB4F),
    (Script.ARABIC, 0x0600, 0x06FF),
    (Script.ARABIC, 0x0750, 0x077F),
    (Script.ARABIC, 0x08A0, 0x08FF),
    (Script.ARABIC, 0xFB50, 0xFDFF),
    (Script.ARABIC, 0xFE70, 0xFEFE),
    (Script.DEVANAGARI, 0x0900, 0x097F),
    (Script.HAN, 0x3400, 0x4DBF),
    (Script.HAN, 0x4E00, 0x9FFF),
    (Script.HAN, 0xF900, 0xFAFF),
    (Script.HAN, 0xD840, 0xD87F),  # the first halves of the rarer ones in UTF-16
    (Script.KANA, 0x3041, 0x30FF),
    (Script.KANA, 0x31F0, 0x31FF),
    (Script.KANA, 0xFF66, 0xFF9F),
    (Script.HANGUL, 0x1100, 0x11FF),
    (Script.HANGUL, 0x3130, 0x318F),
    (Script.HANGUL, 0xAC00, 0xD7AF),
)
_NOT_KANA = "・ー゛゜"
"""Marks that Chinese texts use as well."""


def letters_of(text: str) -> list[int]:
    """The number of letters of each `Script`, by its number; that of `NONE` is 0. Lone surrogates count for nothing."""
    if text.isascii():
        counts = [0] * len(Script)
        counts[Script.LATIN] = sum(map(str.isalpha, text))
        return counts
    codes = np.frombuffer(text.encode("utf-16-le", "surrogatepass"), dtype="<u2")
    counts = np.bincount(_table()[codes], minlength=len(Script)).tolist()
    counts[Script.NONE] = 0
    return counts


@cache
def _table() -> np.ndarray:
    """UTF-16 code unit -> script. uint8 [65536]"""
    table = np.zeros(0x10000, dtype=np.uint8)
    for code in range(0x10000):
        if unicodedata.category(chr(code))[0] in "LM":
            table[code] = Script.OTHER
    for script, first, last in _RANGES:
        letters = table[first : last + 1]
        letters[letters == Script.OTHER] = script
        if 0xD800 <= first <= 0xDFFF:
            letters[:] = script
    table[0x0300:0x0370] = Script.NONE  # accents that stand alone belong to any script
    for mark in _NOT_KANA:
        table[ord(mark)] = Script.NONE
    return table
