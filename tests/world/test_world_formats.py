"""What is written in a format is valid in it, what is broken is not, and no text makes the checks fail."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasure.world.formats import is_valid, write_broken_rows, write_rows

TABLES = ("JSON", "XML", "Enumeration", "Tabular", "Markdown")
FORMATS = (*TABLES, "MCQAnswer", "ChainOfThought", "Latex")
ROWS = [("name", "Velto"), ("color", "red & <blue>"), ("number", "two")]


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("num_rows", [2, 3])
def test_written_is_valid_and_broken_is_not(name: str, num_rows: int) -> None:
    assert is_valid(name, write_rows(name, ROWS[:num_rows]))
    assert not is_valid(name, write_broken_rows(name, ROWS[:num_rows]))


@pytest.mark.parametrize("name", TABLES)
def test_no_other_format_takes_it(name: str) -> None:
    text = write_rows(name, ROWS)
    assert [other for other in TABLES if is_valid(other, text)] == [name]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("MCQAnswer", "B) red", True),
        ("MCQAnswer", "b", False),
        ("MCQAnswer", "D) red", False),
        ("ChainOfThought", "2 * 3 = 6. 6 + 1 = 7. The answer is 7.", True),
        ("ChainOfThought", "The answer is 7.", False),
        ("Latex", "$2 + 2$", True),
        ("Latex", "$2 + 2", False),
        ("JSON", "12", False),
        ("XML", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', False),
    ],
)
def test_examples(name: str, text: str, expected: bool) -> None:
    assert is_valid(name, text) is expected


@given(st.sampled_from(FORMATS), st.text(alphabet='{}[]<>|#-*$ABC)"123.: \n/a', max_size=60))
def test_checks_are_total(name: str, text: str) -> None:
    assert is_valid(name, text) in (True, False)
    assert not is_valid(name, "")
