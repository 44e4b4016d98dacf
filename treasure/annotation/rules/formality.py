"""The manner of address of a completion, where its words tell: pronouns and verb forms, honorifics, slang."""

import re
from dataclasses import dataclass
from functools import cache

from treasure.annotation.rules.formality_signs import (
    ASKS_FORMAL,
    ASKS_INFORMAL,
    EMOJI,
    FORMAL,
    FORMAL_PATTERNS,
    INFORMAL,
    INFORMAL_PATTERNS,
    PERSONA,
    PERSONA_HINTS,
    PICTURE,
)

CLIP = 2_000
"""Characters of the beginning that are looked at."""
_WORD = re.compile(r"\w++(?:[\u0900-\u0963\u200c]++\w*+)*+(?:['’]\w++)?")
_EMOJI = re.compile(EMOJI)
_PERSONA = re.compile(PERSONA, re.IGNORECASE)
_ASKED_HINTS = ("formal", "casual", "friendly", "official", "professional", "colloquial", "slang")
_ASKS = {"Formal": re.compile(ASKS_FORMAL, re.IGNORECASE), "Informal": re.compile(ASKS_INFORMAL, re.IGNORECASE)}


@dataclass(frozen=True, slots=True)
class Signs:
    """How many signs of either manner stand in a text; those of any language weigh as those of its own."""

    formal: int
    informal: int


def detect_style(prose: str, prompt: str, language: str | None) -> tuple[str, float]:
    """('Formal', 'Informal' or 'Custom', probability), or ('', 0) where nothing or too much tells."""
    asked = prompt[-CLIP:]
    lowered = asked.lower()
    if any(hint in lowered for hint in PERSONA_HINTS) and _PERSONA.search(asked):
        return "Custom", 0.8
    signs = signs_of(prose, language)
    formal, informal = signs.formal, signs.informal
    if any(hint in lowered for hint in _ASKED_HINTS):  # asking counts as much as three signs
        informal_asked = bool(_ASKS["Informal"].search(asked))
        formal += 3 * (bool(_ASKS["Formal"].search(asked)) and not informal_asked)
        informal += 3 * informal_asked
    best, other = max(formal, informal), min(formal, informal)
    if best < _fewest(language) or best < 3 * other:
        return "", 0.0
    return "Formal" if formal > informal else "Informal", (best + 0.6) / (best + other + 1)


def _fewest(language: str | None) -> int:
    """Signs that it takes: English has no pronoun that tells by itself."""
    return 3 if language in ("English", None) else 1


def signs_of(prose: str, language: str | None) -> Signs:
    """The signs in `prose`, by the tables of `language`."""
    text = prose[:CLIP]
    lowered = text.lower().replace("’", "'").replace("_", " ")
    informal = len(_EMOJI.findall(text)) if _may_have_emoji(text) else 0
    formal = 0
    if language in FORMAL:
        formal_words, informal_words, telling = _tables()[language]
        if telling:
            for word in filter(telling.__contains__, _WORD.findall(lowered)):
                formal += word in formal_words
                informal += word in informal_words
        for patterns, is_formal in ((FORMAL_PATTERNS, True), (INFORMAL_PATTERNS, False)):
            if language in patterns:
                number = len(_pattern(language, is_formal).findall(text if is_formal else lowered))
                formal, informal = (formal + number, informal) if is_formal else (formal, informal + number)
    return Signs(formal, informal)


_PICTURE = re.compile(PICTURE)
_FACE = re.compile(r"[:;!?](?:(?<=[:;])-?[)(DP]|(?<=[!?])[!?]{2})")  # a set at the beginning is found fastest


def _may_have_emoji(text: str) -> bool:
    """A quick look before a slow one: what every match of `EMOJI` holds."""
    has_marks = ":" in text or ";" in text or "!" in text or "?" in text
    return bool("lol" in text or "xd" in text or (has_marks and _FACE.search(text)) or _PICTURE.search(text))


@cache
def _tables() -> dict[str, tuple[frozenset[str], frozenset[str], frozenset[str]]]:
    """Language -> formal words, informal words, and all of them."""
    tables = {name: (frozenset(FORMAL[name].split()), frozenset(INFORMAL[name].split())) for name in FORMAL}
    return {name: (formal, informal, formal | informal) for name, (formal, informal) in tables.items()}


@cache
def _pattern(language: str, is_formal: bool) -> re.Pattern[str]:
    return re.compile((FORMAL_PATTERNS if is_formal else INFORMAL_PATTERNS)[language])
