"""How careless people write: the look of the lowest quality in any language."""

import re

_MARKS = re.compile(r"[.!?।。！？]+(?=\s|$)|[。！？]")
_SENTENCE_START = re.compile(r"(^|[.!?।。！？]\s*)(\w+)")


def sloppy(text: str, name: str) -> str:
    """`text` without sentence marks and without capitals at the beginning of sentences; `name` keeps its capital."""

    def lowered(match: re.Match[str]) -> str:
        mark, word = match.groups()
        return mark + (word if name and word.startswith(name) else word[0].lower() + word[1:])

    return _MARKS.sub("", _SENTENCE_START.sub(lowered, text).replace("¡", "")).strip()
