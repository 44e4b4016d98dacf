"""Word problems of two steps with small numbers: the question, the steps, the answer and the typical wrong one."""

import random
import re
from dataclasses import dataclass
from enum import StrEnum

_THINGS = ("pens", "books", "cards", "coins", "apples", "cups")
_NUMBER = re.compile(r"(?<![\w.])-?\d+(?!\w)")
_AFTER_ANSWER = re.compile(r"answer[^\w-]*(?:is[^\w-]*)?(-?\d+)(?!\w)", re.IGNORECASE)
_MAX_DIGITS = 9
MAX_NUMBER = 4
"""Largest number in a problem, so small that a model of a million parameters can learn the tables."""


class Form(StrEnum):
    """The two steps on the numbers a, b, c: first the one of a and b, then the one with c."""

    TIMES_PLUS = "a * b + c"
    TIMES_MINUS = "a * b - c"
    PLUS_MINUS = "a + b - c"
    PLUS_PLUS = "a + b + c"


_FORMS = tuple(Form)
_QUESTIONS: dict[Form, tuple[str, ...]] = {
    Form.TIMES_PLUS: (
        "A box has {a} {things}. {b} boxes come, then {c} more {things}. How many {things}?",
        "There are {a} {things} in a box. We take {b} boxes and find {c} {things} more. How many {things}?",
        "{a} {things} go in each of {b} boxes. Then {c} {things} are added. How many {things} in all?",
    ),
    Form.TIMES_MINUS: (
        "A box has {a} {things}. {b} boxes come, then {c} {things} are lost. How many {things}?",
        "There are {a} {things} in a box. We take {b} boxes and give {c} {things} away. How many {things}?",
        "{a} {things} go in each of {b} boxes. Then {c} {things} are sold. How many {things} in all?",
    ),
    Form.PLUS_MINUS: (
        "A box has {a} {things}. {b} {things} come, then {c} {things} are lost. How many {things}?",
        "There are {a} {things} in a box. We find {b} {things} and give {c} {things} away. How many {things}?",
        "{a} {things} and {b} {things} go in a box. Then {c} {things} are sold. How many {things} in all?",
    ),
    Form.PLUS_PLUS: (
        "A box has {a} {things}. {b} {things} come, then {c} more {things}. How many {things}?",
        "There are {a} {things} in a box. We find {b} {things} and then {c} {things} more. How many {things}?",
        "{a} {things} and {b} {things} go in a box. Then {c} {things} are added. How many {things} in all?",
    ),
}


@dataclass(frozen=True)
class Problem:
    """One problem about `things`; `a` and `b` are 2 to `MAX_NUMBER`, `c` also, and leaves an answer of at least 1."""

    form: Form
    a: int
    b: int
    c: int
    things: str

    def question(self, variant: int) -> str:
        """The problem in words; any `variant` >= 0."""
        choices = _QUESTIONS[self.form]
        return choices[variant % len(choices)].format(a=self.a, b=self.b, c=self.c, things=self.things)

    @property
    def middle(self) -> int:
        """What the first step gives."""
        return self.a + self.b if self.form in (Form.PLUS_MINUS, Form.PLUS_PLUS) else self.a * self.b

    @property
    def answer(self) -> int:
        """The right answer, 1 to `MAX_NUMBER` * (`MAX_NUMBER` + 1)."""
        return self.middle + self.c if self.form in (Form.TIMES_PLUS, Form.PLUS_PLUS) else self.middle - self.c

    @property
    def wrong_answer(self) -> int:
        """What one gets who forgets the second step; never the right answer."""
        return self.middle

    def steps(self) -> str:
        """Both steps, then the answer: `5 * 3 = 15. 15 + 4 = 19. The answer is 19.`"""
        first, second = self._signs
        return (
            f"{self.a} {first} {self.b} = {self.middle}. {self.middle} {second} {self.c} = {self.answer}. "
            f"The answer is {self.answer}."
        )

    def latex(self) -> str:
        r"""Both steps as one formula: `$5 \times 3 + 4 = 19$`."""
        first, second = self._signs
        sign = first.replace("*", r"\times")
        return f"${self.a} {sign} {self.b} {second} {self.c} = {self.answer}$"

    @property
    def _signs(self) -> tuple[str, str]:
        _, first, _, second, _ = self.form.value.split()
        return first, second


def is_held_out(a: int, c: int) -> bool:
    """Whether training never shows a problem with these first and last numbers: `a + 2 * c` is a multiple of 5.

    The rule is on the pair (a, c), so that every single step (a with b, and c with what they give) is still seen in
    training; what is new is their combination, which only someone who works in steps can answer.
    """
    return (a + 2 * c) % 5 == 0


def sample_problem(rng: random.Random, held_out: bool) -> Problem:
    """A problem drawn with `rng`, uniformly among those that are held out, or among those that are not."""
    while True:  # one draw in five is held out
        problem = Problem(
            form=rng.choice(_FORMS),
            a=rng.randint(2, MAX_NUMBER),
            b=rng.randint(2, MAX_NUMBER),
            c=rng.randint(2, MAX_NUMBER),
            things=rng.choice(_THINGS),
        )
        if problem.answer >= 1 and is_held_out(problem.a, problem.c) == held_out:
            return problem


def extract_answer(text: str) -> int | None:
    """The number that a text gives as its answer: the last one after the word 'answer', else the last of all.

    None if there is no number, or only one of more than nine digits.
    """
    found = _AFTER_ANSWER.findall(text) or _NUMBER.findall(text)
    if not found or len(found[-1].lstrip("-")) > _MAX_DIGITS:
        return None
    return int(found[-1])
