import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasure.analysis.tables import read_rows, write_rows
from treasure.errors import DataError


@dataclass(frozen=True)
class Line:
    name: str
    size: int
    share: float


texts = st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]))
numbers = st.floats(-1e6, 1e6).map(lambda x: round(x, 6) + 0.0)


@given(rows=st.lists(st.builds(Line, texts, st.integers(), numbers)))
def test_what_is_written_comes_back(rows, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "lines.csv"
    write_rows(path, Line, rows)
    assert read_rows(path, Line) == tuple(rows)


def test_nothing_is_an_empty_cell_and_zero_has_no_sign(tmp_path):
    write_rows(tmp_path / "a.csv", Line, [Line("x", 1, math.nan), Line("y", 2, -1e-12)])
    assert (tmp_path / "a.csv").read_text() == "name,size,share\nx,1,\ny,2,0.000000\n"
    assert math.isnan(read_rows(tmp_path / "a.csv", Line)[0].share)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,size\nx,1\n", "Columns are name, size; expected name, size, share"),
        ("name,size,share\nx,1,0.5\nx,one,0.5\n", ":3: A cell does not fit"),
        ("name,size,share\nx,1\n", ":2: A cell does not fit"),
        ("", "Columns are missing"),
    ],
)
def test_broken_tables_are_named(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_rows(tmp_path / "a.csv", Line)


def test_a_missing_table_says_what_to_do(tmp_path):
    with pytest.raises(DataError, match="treasure-report"):
        read_rows(tmp_path / "none.csv", Line)
