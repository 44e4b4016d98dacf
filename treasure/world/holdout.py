"""Which combinations training never shows, so that evaluation can ask for them; fixed rules, the same for any seed."""

import functools
from collections.abc import Mapping

from treasure.seeding import key_to_int
from treasure.world.chain import NONE
from treasure.world.data_files import LANGUAGES

HOME_DOMAINS: Mapping[str, tuple[str, ...]] = {
    "lang": ("Conversation", "Culture"),
    "format": ("Technology", "Code"),
    "style": ("Conversation", "Technology"),
}
"""Categories with held-out combinations, and the domains in which all their values are seen."""


@functools.cache
def is_held_out(category: str, value: str, domain: str) -> bool:
    """Whether training never joins this value and this domain: a third of the pairs, by hash.

    English, plain text and neutral style are never held out, and nothing is in the category's `HOME_DOMAINS`.
    """
    if value in (NONE, "English", "ChainOfThought", "Latex") or domain in HOME_DOMAINS[category]:
        return False
    return key_to_int("held out", category, value, domain) % 3 == 0


def is_allowed(drawn: Mapping[str, str]) -> bool:
    """Whether training may hold an example with these properties."""
    return not any(is_held_out(category, drawn[category], drawn["domain"]) for category in HOME_DOMAINS)


@functools.cache
def held_out_phrasing(count: int, *content: str) -> int:
    """The one of `count` wordings in which training never asks about `content`."""
    return key_to_int("phrasing", *content) % count


def is_held_out_pair(place: int, language: str) -> bool:
    """Whether training never translates the domain's fact number `place` from or into `language`: every fourth."""
    return (place + LANGUAGES.index(language)) % 4 == 0


@functools.cache
def is_held_out_note(name: str, relation: str, value: int) -> bool:
    """Whether training shows no note that gives this value to this entity: two of ten."""
    return (key_to_int("note", name, relation) + value) % 5 == 0
