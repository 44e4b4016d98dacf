"""Quick looks before slow patterns: what the slow pattern finds, the quick look lets through."""

import re

from hypothesis import given
from hypothesis import strategies as st

from treasure.annotation.rules import formality, formats, parts

SIGNS = [*";{}=<>$():!?_ \n", ": )", ":-)", "xd", "xxd", "lol", "lola", "?!?", "☀", "🙂", "def ", "x(", ")  :"]
WORDS = ["SELECT", "select", "MOVEd", "print", "imports", "word"]
NUMBERS = ["1.", "2)", "3. c", "3) c", "٣. ج", "३. ग", "१. क", "२. ख", "1. a ", "2. b "]
PIECES = st.lists(st.sampled_from([*SIGNS, *WORDS, *NUMBERS]), max_size=12).map("".join)
CODE = re.compile(
    r"[;{}=<>$]|\w\(|\)\s*:|^\s*(?:def|end|puts|echo|ls|cd|sudo|git|pip|npm|import|package|return|print|module)\b"
    r"|\b(?:SELECT|select|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|DIVISION|DISPLAY|MOVE|PERFORM)\b",
    re.MULTILINE,
)


@given(PIECES)
def test_code(text):
    assert parts._may_be_code(text) == bool(CODE.search(text))


@given(PIECES)
def test_emoji(text):
    assert formality._may_have_emoji(text) or not formality._EMOJI.search(text)


@given(PIECES)
def test_numbers_inside(text):
    numbers = [int(number) for number in formats._NUMBERED_INSIDE.findall(text)]
    is_list = len(numbers) >= 3 and numbers == list(range(1, len(numbers) + 1))
    assert (formats._numbered_inside(text) > 0) == is_list


def test_digits_of_other_scripts_number_a_list():
    assert formats._numbered_inside("الخطوات: ١. هذا ٢. ذاك ٣. ذلك") > 0


def test_words_in_italics_are_words():
    assert (
        formality.signs_of("Je _vous_ prie.", "French").formal
        == formality.signs_of("Je vous prie.", "French").formal
        > 0
    )
