"""Which of the world's languages a line is in, by its words (in Chinese and Japanese: its characters)."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from treasure.world.lexicon import Lexicon, lexicons, words

_NEUTRAL = frozenset({"item", "row", "label", "title", "a", "b", "c"})
"""Words of formats: no evidence for a language."""
_PLACEHOLDER = re.compile(r"\{\w+\}")
_MIN_KNOWN_SHARE = 0.5


class LanguageCheck:
    """Judges lines against the lexicons; `names` are entities, which belong to no language."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(name.lower() for name in names)
        self._units = {name: _units_of(lexicon) for name, lexicon in lexicons().items()}

    def passes(self, text: str, language: str) -> bool:
        """Whether every line of `text` is in `language` or in none, and at least one is in `language`.

        Source: the line-level pass rate of the Language Confusion Benchmark, Marchisio et al. 2024, arXiv 2406.20052.
        """
        evidence = [self._line(line, language) for line in text.splitlines() if line.strip()]
        return None not in evidence and any(evidence)

    def best(self, text: str, preferred: str) -> str:
        """The language with most words in `text`; `preferred` where it is among the best."""
        counts = self._counts(text)
        most = max(counts.values())
        return preferred if counts[preferred] == most else max(counts, key=lambda name: counts[name])

    def _line(self, line: str, language: str) -> int | None:
        """Words of `language` in the line, or None if the line is in another or in no language."""
        counts, num_units = self._counts(line), len(self._evidence(line))
        mine = counts[language]
        if mine < max(counts.values()) or mine < _MIN_KNOWN_SHARE * num_units:
            return None
        return mine

    def _counts(self, text: str) -> dict[str, int]:
        evidence = self._evidence(text)
        return {name: sum(unit in units for unit in evidence) for name, units in self._units.items()}

    def _evidence(self, text: str) -> list[str]:
        return [
            unit
            for word in words(text)
            if word not in self._names and word not in _NEUTRAL and not word.isdigit()
            for unit in _split(word, self._names)
        ]


def _is_unspaced(char: str) -> bool:
    return "\u3005" <= char <= "\u30ff" or "\u3400" <= char <= "\u9fff"


def _split(word: str, names: frozenset[str] = frozenset()) -> Iterator[str]:
    """The characters of Chinese and Japanese one by one, a stretch of other letters as a whole."""
    stretch = ""
    for char in word:
        if _is_unspaced(char):
            yield char
            if stretch and stretch not in names:
                yield stretch
            stretch = ""
        else:
            stretch += char
    if stretch and stretch not in names:
        yield stretch


def _units_of(lexicon: Lexicon) -> frozenset[str]:
    texts = (
        text for key, part in lexicon.data.items() if key not in ("name", "cues", "forms") for text in _texts(part)
    )
    units = (unit for text in texts for word in words(text) for unit in _split(word))
    return frozenset(units) - _NEUTRAL


def _texts(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield _PLACEHOLDER.sub(" ", part).replace("|", "")
    elif isinstance(part, dict):
        for child in part.values():
            yield from _texts(child)
    else:
        for child in part:
            yield from _texts(child)
