"""The shapes of words: what spaCy cuts alike, so that one word is tokenized for all of its shape."""

import re
from functools import cache

from spacy.lang.char_classes import ALPHA_LOWER, ALPHA_UPPER
from spacy.tokenizer import Tokenizer

ONE = "one"
"""The shape of what is never cut: letters alone, or digits alone. No other has it, for it is such a piece."""
_LETTERS = r"(?:[^\W\d_]++|[\u064b-\u0652\u0900-\u0963]++)++"
"""Letters, in Arabic and Devanagari with their vowel signs."""
_BEFORE, _BEHIND = '"“„«([', '.,:;!?"”“»)]،؟।'
_MARKED = re.compile(rf"([{re.escape(_BEFORE)}]?)({_LETTERS})([{re.escape(_BEHIND)}]*+)")
"""Letters and the marks before and behind them that every language cuts off; not hyphens, stars and apostrophes, about
which languages have rules of their own."""
_CLASSES = tuple(re.compile(f"[{letters}]") for letters in (ALPHA_LOWER, ALPHA_UPPER))


class WordShapes:
    """Says which words a tokenizer cuts alike."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._exceptions = frozenset(tokenizer.rules or ())
        self._bare_exceptions = frozenset(one.strip(_BEFORE + _BEHIND) for one in self._exceptions)
        self._is_one = tokenizer.token_match

    def __call__(self, piece: str) -> str:
        """What decides how spaCy cuts `piece`. It cuts at marks, or at letters beside marks and digits, so of a word
        with marks around, these and the letters next to them decide: one is tokenized for all. Else it is the piece.
        """
        if piece in self._exceptions:
            return piece
        if piece.isalpha() or (piece.isascii() and piece.isdigit()):
            return ONE
        match = _MARKED.fullmatch(piece)
        if match is None or (self._is_one is not None and self._is_one(piece)):
            return piece
        before, word, behind = match.groups()
        if not (before or behind):
            return ONE
        beside = "".join(_letter_class(letter) for letter in (word[0], word[-2:-1], word[-1]))
        if "?" in beside or self._has_exception(before, word, behind):
            return piece
        if "." in behind and not beside.endswith(("ll", "bb")):  # capitals and single letters may be abbreviations
            return piece
        return f"{before}{beside}{behind}"

    def _has_exception(self, before: str, word: str, behind: str) -> bool:
        """Whether a word that is cut in its own way is left when some of the marks are cut off."""
        if word not in self._bare_exceptions:
            return False
        starts = [before[number:] + word for number in range(len(before) + 1)]
        return any(start + behind[:number] in self._exceptions for start in starts for number in range(len(behind) + 1))


@cache
def _letter_class(letter: str) -> str:
    """What spaCy's patterns tell apart in a letter: l for small ones, u for capitals, b for both; ? is no letter."""
    is_lower, is_upper = (bool(pattern.fullmatch(letter)) for pattern in _CLASSES)
    return "b" if is_lower and is_upper else "l" if is_lower else "u" if is_upper else "?"
