"""Studies that a run has left: rows that are not theirs are told with their file, never by a traceback."""

from types import SimpleNamespace

import pytest

from treasure.analysis.lever_studies.collect import SUMMARIES, saved_studies
from treasure.errors import DataError
from treasure.jsonl import write_jsonl


@pytest.mark.parametrize("study", SUMMARIES)
def test_foreign_rows_are_told_with_what_to_do(study, tmp_path):
    write_jsonl(tmp_path / "levers" / f"{study}.jsonl", [{"a": 1}])
    with pytest.raises(DataError, match=rf"{study}\.jsonl.*treasure-evaluate levers.*delete the file"):
        saved_studies([SimpleNamespace(folder=tmp_path)], tmp_path / "figures")  # pyright: ignore[reportArgumentType]


def test_a_file_without_rows_is_no_study(tmp_path):
    write_jsonl(tmp_path / "levers" / "lengths.jsonl", [])
    assert saved_studies([SimpleNamespace(folder=tmp_path)], tmp_path) == ()  # pyright: ignore[reportArgumentType]
