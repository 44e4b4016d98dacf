"""The operations that programs are made of: what each does, how it is written in two languages, and its typical bug."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Value = int | str | list[int]
"""What a program takes and gives."""


class Shape(StrEnum):
    """The kinds of value that flow through a program; also the name of the parameter in code."""

    LIST = "xs"
    TEXT = "s"
    NUMBER = "n"


class Role(StrEnum):
    """Where an operation stands in code: on each element, as a condition on each element, or around the whole value."""

    EACH = "each"
    KEEP = "keep"
    WHOLE = "whole"


@dataclass(frozen=True)
class Code:
    """One behaviour: its templates and its meaning.

    Templates hold `{v}` for the value (for roles EACH and KEEP on a list: the element) and `{k}` for the digit.
    `apply(value, k)` is written apart from the templates, so that it can serve as the reference.
    """

    python: str
    javascript: str
    apply: Callable[[Any, int], Any]


@dataclass(frozen=True, eq=False)
class Operation:
    """A named step of a program on values of one shape.

    `requests` are wordings of an instruction, `states` the third-person form; `keywords` are the phrases of `states`
    that a right explanation cannot do without. All may hold `{k}`. `bug` is the step as a typical mistake has it.
    Compared by identity: the operations are the members of `OPERATIONS`.
    """

    name: str
    takes: Shape
    gives: Shape
    role: Role
    right: Code
    bug: Code
    requests: tuple[str, ...]
    states: str
    keywords: tuple[str, ...]

    @property
    def digits(self) -> tuple[int, ...]:
        """What `k` may be; only 0 for an operation without a digit."""
        if "{k}" not in self.states:
            return (0,)
        return (5, 6, 7, 8) if self.name == "below" else (2, 3, 4, 5)


def _both(text: str, apply: Callable[[Any, int], Any]) -> Code:
    """Code that is written alike in both languages."""
    return Code(text, text, apply)


_TIMES = _both("{v} * {k}", lambda n, k: k * n)
_PLUS = _both("{v} + {k}", lambda n, k: k + n)
_MINUS = _both("{v} - {k}", lambda n, k: n - k)
_SQUARE = _both("{v} ** 2", lambda n, k: n * n)
_DOUBLE = _both("{v} * 2", lambda n, k: n + n)
_ABOVE = _both("{v} > {k}", lambda n, k: k < n)
_AT_LEAST = _both("{v} >= {k}", lambda n, k: not n < k)
_BELOW = _both("{v} < {k}", lambda n, k: k > n)
_AT_MOST = _both("{v} <= {k}", lambda n, k: not n > k)
_EVEN = Code("{v} % 2 == 0", "{v} % 2 === 0", lambda n, k: n & 1 == 0)
_ODD = Code("{v} % 2 == 1", "{v} % 2 === 1", lambda n, k: n & 1 == 1)
_SUM = Code("sum({v})", "{v}.reduce((a, b) => a + b, 0)", lambda xs, k: sum(xs))
_MAX = Code("max({v})", "Math.max(...{v})", lambda xs, k: max(xs))
_MIN = Code("min({v})", "Math.min(...{v})", lambda xs, k: min(xs))
_COUNT = Code("len({v})", "{v}.length", lambda v, k: len(v))
_COUNT_OFF = Code("len({v}) - 1", "{v}.length - 1", lambda v, k: len(v) - 1)
_FIRST = Code("{v}[:{k}]", "{v}.slice(0, {k})", lambda v, k: v[:k])
_FIRST_OFF = Code("{v}[1:{k}]", "{v}.slice(1, {k})", lambda v, k: v[1:k])
_SORT = Code("sorted({v})", "{v}.sort((a, b) => a - b)", lambda xs, k: sorted(xs))
_SORT_DOWN = Code("sorted({v})[::-1]", "{v}.sort((a, b) => b - a)", lambda xs, k: sorted(xs, reverse=True))
_REVERSE = Code("{v}[::-1]", "{v}.reverse()", lambda xs, k: list(reversed(xs)))
_STRIDE = Code("{v}[::1]", "{v}.slice()", lambda v, k: v)
_REVERSE_TEXT = Code("{v}[::-1]", '[...{v}].reverse().join("")', lambda s, k: "".join(reversed(s)))
_UPPER = Code("{v}.upper()", "{v}.toUpperCase()", lambda s, k: s.upper())
_LOWER = Code("{v}.lower()", "{v}.toLowerCase()", lambda s, k: s.lower())
_REPEAT = Code("{v} * {k}", "{v}.repeat({k})", lambda s, k: k * s)
_REPEAT_OFF = Code("{v} * ({k} - 1)", "{v}.repeat({k} - 1)", lambda s, k: (k - 1) * s)

_L, _T, _N = Shape.LIST, Shape.TEXT, Shape.NUMBER
OPERATIONS: tuple[Operation, ...] = (
    Operation("times", _L, _L, Role.EACH, _TIMES, _PLUS,
              ("multiply each number by {k}", "take every number times {k}"),
              "multiplies each number by {k}", ("multiplies", "by {k}")),
    Operation("plus", _L, _L, Role.EACH, _PLUS, _MINUS,
              ("add {k} to each number", "raise every number by {k}"), "adds {k} to each number", ("adds {k}",)),
    Operation("square", _L, _L, Role.EACH, _SQUARE, _DOUBLE,
              ("square each number", "take every number squared"), "squares each number", ("squares",)),
    Operation("above", _L, _L, Role.KEEP, _ABOVE, _AT_LEAST,
              ("keep the numbers above {k}", "pick the numbers greater than {k}"),
              "keeps the numbers above {k}", ("above {k}",)),
    Operation("below", _L, _L, Role.KEEP, _BELOW, _AT_MOST,
              ("keep the numbers below {k}", "pick the numbers less than {k}"),
              "keeps the numbers below {k}", ("below {k}",)),
    Operation("even", _L, _L, Role.KEEP, _EVEN, _ODD,
              ("keep the even numbers", "pick the even numbers"), "keeps the even numbers", ("even",)),
    Operation("odd", _L, _L, Role.KEEP, _ODD, _EVEN,
              ("keep the odd numbers", "pick the odd numbers"), "keeps the odd numbers", ("odd",)),
    Operation("reverse", _L, _L, Role.WHOLE, _REVERSE, _STRIDE,
              ("reverse the list", "turn the list around"), "reverses the list", ("reverses",)),
    Operation("sort", _L, _L, Role.WHOLE, _SORT, _SORT_DOWN,
              ("sort the list", "put the list in order"), "sorts the list", ("sorts",)),
    Operation("first", _L, _L, Role.WHOLE, _FIRST, _FIRST_OFF,
              ("take the first {k}", "keep only the first {k}"), "takes the first {k}", ("first {k}",)),
    Operation("sum", _L, _N, Role.WHOLE, _SUM, _MAX,
              ("sum the numbers", "give the total"), "sums the numbers", ("sums",)),
    Operation("max", _L, _N, Role.WHOLE, _MAX, _MIN,
              ("find the largest number", "give the maximum"), "finds the largest number", ("largest",)),
    Operation("min", _L, _N, Role.WHOLE, _MIN, _MAX,
              ("find the smallest number", "give the minimum"), "finds the smallest number", ("smallest",)),
    Operation("count", _L, _N, Role.WHOLE, _COUNT, _COUNT_OFF,
              ("count the numbers", "say how many there are"), "counts the numbers", ("counts",)),
    Operation("reverse", _T, _T, Role.WHOLE, _REVERSE_TEXT, _STRIDE,
              ("reverse the text", "turn the text around"), "reverses the text", ("reverses",)),
    Operation("upper", _T, _T, Role.WHOLE, _UPPER, _LOWER,
              ("put the text in capitals", "write the text in upper case"), "puts the text in capitals", ("capitals",)),
    Operation("repeat", _T, _T, Role.WHOLE, _REPEAT, _REPEAT_OFF,
              ("repeat the text {k} times", "write the text {k} times"), "repeats the text {k} times",
              ("repeats", "{k} times")),
    Operation("first", _T, _T, Role.WHOLE, _FIRST, _FIRST_OFF,
              ("take the first {k} letters", "keep only the first {k} letters"), "takes the first {k} letters",
              ("first {k}",)),
    Operation("count", _T, _N, Role.WHOLE, _COUNT, _COUNT_OFF,
              ("count the letters", "say how many letters there are"), "counts the letters", ("counts",)),
    Operation("times", _N, _N, Role.EACH, _TIMES, _PLUS,
              ("multiply the number by {k}", "take the number times {k}"), "multiplies the number by {k}",
              ("multiplies", "by {k}")),
    Operation("plus", _N, _N, Role.EACH, _PLUS, _MINUS,
              ("add {k} to the number", "raise the number by {k}"), "adds {k} to the number", ("adds {k}",)),
    Operation("square", _N, _N, Role.EACH, _SQUARE, _DOUBLE,
              ("square the number", "take the number squared"), "squares the number", ("squares",)),
)  # fmt: skip
"""Every operation, by the shape it takes; those of one name share their meaning."""

POINTLESS = frozenset(
    {(first, second) for first in ("reverse", "sort") for second in ("sum", "max", "min", "count", "sort")}
    | {(first, "count") for first in ("times", "plus", "square", "first", "repeat", "upper")}
    | {(first, "below") for first in ("times", "plus", "square", "above")}
    | {(first, second) for first in ("times", "plus", "square") for second in ("even", "odd")}
    | {("below", "above"), ("plus", "above"), ("above", "max"), ("below", "min"), ("repeat", "first")}
    | {("even", "odd"), ("odd", "even"), ("sort", "reverse")}
)
"""Compositions left out: one step undoes or ignores the other, or no number is left, or nobody would ask for them."""

INPUTS: dict[Shape, tuple[Value, ...]] = {
    Shape.LIST: (
        [4, 1, 6, 3, 9, 2, 5],
        [2, 7, 3, 8, 5, 2],
        [6, 9, 8, 7, 12, 11, 10, 13, 4, 5, 14, 3, 2, 16, 1],
        [4, 3, 2, 0, 1, 4, 3, 7, 8],
        [0, 9, 4, 7, 5, 3, 8],
        [8, 6, 2, 4, 11, 7],
        [],
    ),
    Shape.TEXT: ("moon", "garden", "stone", "silver", "table", ""),
    Shape.NUMBER: (0, 1, 3, 4, 7, 12),
}
"""What every answer is tried on: lists hold numbers on, above and below every digit, so that wrong conditions show."""
