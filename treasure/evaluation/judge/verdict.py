"""The five verdicts, how one is read from what a judge wrote, and what it is worth for either answer."""

import re

from treasure.llm.chat import InvalidAnswerError
from treasure.llm.text import without_thought

VERDICTS = ("A>>B", "A>B", "A=B", "B>A", "B>>A")
"""From 'A is much better' to 'B is much better'. Source: Li et al. 2024, Arena-Hard, arXiv 2406.11939."""

_WORTH_FOR_B = {"A>>B": 0.0, "A>B": 0.0, "A=B": 0.5, "B>A": 1.0, "B>>A": 1.0}
_BRACKETED = re.compile(r"\[\[(A>>B|A>B|A=B|B>A|B>>A)\]\]")


def read_verdict(text: str) -> str:
    """The verdict that `text` ends with: one of the five in double square brackets, on its last line.

    A leading <think> block is passed over. Nothing is guessed: a verdict that stands elsewhere, another one beside it,
    and other spellings are no verdict.

    Raises:
        InvalidAnswerError: there is none, or there are two that differ.
    """
    lines = [line for line in without_thought(text).splitlines() if line.strip()]
    if not lines:
        raise InvalidAnswerError("the judgement is empty")
    last, all_found = _BRACKETED.findall(lines[-1]), set(_BRACKETED.findall("\n".join(lines)))
    if not last:
        raise InvalidAnswerError(f"no verdict on the last line: '{' '.join(lines[-1].split())[-120:]}'")
    if len(all_found) > 1:
        raise InvalidAnswerError(f"verdicts that differ: {', '.join(sorted(all_found))}")
    return last[0]


def worth(verdict: str, *, answer_is_b: bool) -> float:
    """1 where the answer won, 0.5 for a tie, 0 where it lost; how clearly plays no part."""
    assert verdict in VERDICTS, verdict
    return _WORTH_FOR_B[verdict] if answer_is_b else 1.0 - _WORTH_FOR_B[verdict]
