"""The world's units of length: words, sentences and paragraphs of a text, counted the same way everywhere."""

import re

UNSPACED = frozenset({"Chinese", "Japanese"})
"""Languages without spaces between words, whose unit of length is the character."""
_UNIT = re.compile(r"[A-Za-z0-9]+|[\u3005-\u3007\u3040-\u30ff\u3400-\u9fff]")
_SENTENCE_END = re.compile(r"[.!?।؟]+(?=\s|$)|[。！？]+|\n+")
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
_BLANK_LINE = re.compile(r"\n\s*\n")


def count_words(text: str, language: str) -> int:
    """Words between white space; in Chinese and Japanese characters without punctuation, a Latin word being one."""
    return sum(1 for _ in _UNIT.finditer(text)) if language in UNSPACED else len(text.split())


def count_sentences(text: str) -> int:
    """Stretches that end with a sentence mark or a line; 0 for an empty text."""
    return sum(map(bool, map(_LETTER_OR_DIGIT.search, _SENTENCE_END.split(text))))


def count_paragraphs(text: str) -> int:
    """Blocks parted by blank lines; 0 for an empty text."""
    return sum(1 for block in _BLANK_LINE.split(text) if block.strip())
