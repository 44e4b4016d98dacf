import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasure.data.layout import fill_rows, pack_rows

lengths = st.lists(st.integers(1, 40), min_size=1, max_size=60)


@given(lengths=lengths, spare=st.integers(0, 20))
def test_each_sequence_stands_once_and_no_row_is_over_full(lengths, spare):
    width = max(lengths) + spare
    rows = fill_rows(lengths, width)
    assert sorted(index for row in rows for index in row) == list(range(len(lengths)))
    assert all(row and sum(lengths[index] for index in row) <= width for row in rows)


@given(lengths=lengths)
def test_no_two_rows_could_be_one(lengths):
    """First fit leaves no two rows that are at most half full, so rows are at most twice the fewest, plus one."""
    width = max(lengths)
    filled = [sum(lengths[index] for index in row) for row in fill_rows(lengths, width)]
    assert sum(2 * size <= width for size in filled) <= 1
    assert len(filled) <= 2 * -(-sum(lengths) // width) + 1


def test_a_sequence_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="5 tokens does not fit a row of 4"):
        fill_rows([3, 5], 4)


@given(lengths=lengths, multiple=st.integers(1, 16), spare=st.integers(0, 60))
def test_packed_rows_hold_all_and_are_no_wider_than_the_context(lengths, multiple, spare):
    context = max(lengths) + spare
    rows, width = pack_rows(lengths, multiple, context)
    assert sorted(index for row in rows for index in row) == list(range(len(lengths)))
    assert max(sum(lengths[index] for index in row) for row in rows) <= width <= context
    assert width % multiple == 0 or width in (context, max(lengths))


@given(lengths=lengths)
def test_packed_rows_cost_no_more_than_the_narrowest(lengths):
    rows, width = pack_rows(lengths, 8, 1024)
    narrow = -(-max(lengths) // 8) * 8
    assert len(rows) * width <= len(fill_rows(lengths, narrow)) * narrow


def test_a_wider_row_is_taken_where_it_saves_padding():
    """Three pairs of 30 and 10 fill rows of 40, where rows of 32 would leave each 10 a place of its own."""
    assert pack_rows([30, 10] * 3, 8, 1024) == ([[0, 1], [2, 3], [4, 5]], 40)
