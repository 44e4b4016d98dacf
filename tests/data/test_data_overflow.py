import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasure.data.config import OverflowPolicy
from treasure.data.overflow import EncodeReport, fit_length
from treasure.data.tokenize import TokenizedExample
from treasure.errors import DataError


def parts(prompt: int, content: int, markers: int = 0) -> TokenizedExample:
    def ids(length):
        return np.arange(length, dtype=np.int32)

    return TokenizedExample(
        "an-id", ids(prompt), ids(1), tuple(("lang", ids(2)) for _ in range(markers)), ids(1), ids(1), ids(content)
    )


examples = st.lists(st.builds(parts, st.integers(1, 30), st.integers(1, 30), st.integers(0, 3)), max_size=8)


@given(rows=examples, limit=st.integers(5, 60), policy=st.sampled_from([OverflowPolicy.DROP, "truncate_content"]))
def test_what_is_kept_fits_and_what_is_not_is_counted(rows, limit, policy):
    report = EncodeReport()
    kept = fit_length(rows, limit, OverflowPolicy(policy), report)
    assert all(example.length <= limit for example in kept)
    assert report.num_examples == len(rows) == len(kept) + report.num_dropped
    assert report.num_kept == len(kept)
    if policy is OverflowPolicy.DROP:
        assert [id(row) for row in kept] == [id(row) for row in rows if row.length <= limit]
        assert report.num_truncated == 0


@given(rows=examples, limit=st.integers(5, 60))
def test_only_the_end_of_the_content_is_ever_cut(rows, limit):
    for row in rows:
        report = EncodeReport()
        kept = fit_length([row], limit, OverflowPolicy.TRUNCATE_CONTENT, report)
        rest = row.length - len(row.content_ids)
        assert bool(kept) == (rest < limit)
        if kept:
            assert len(kept[0].content_ids) == min(len(row.content_ids), limit - rest) >= 1
            assert (kept[0].prompt_ids is row.prompt_ids, kept[0].marker_ids is row.marker_ids) == (True, True)
            assert report.num_truncated == int(row.length > limit)


def test_stop_names_the_example_and_the_way_out():
    with pytest.raises(DataError, match=r"'an-id' needs 19 tokens.*holds 18.*truncate_content"):
        fit_length([parts(6, 4, markers=1)] * 2, 18, OverflowPolicy.STOP, EncodeReport())


def test_length_counts_the_full_header_on_both_sides():
    assert parts(6, 4, markers=1).length == 6 + 1 + 4 + 2 * (1 + 2 + 1)
    assert parts(6, 4).length == 11


def test_a_report_says_what_was_left_out():
    report = EncodeReport()
    fit_length([parts(1, 1), parts(50, 1)], 20, OverflowPolicy.DROP, report)
    assert report.describe().startswith("1 of 2 examples tokenized; 1 left out and 0 cut")
