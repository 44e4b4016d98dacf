import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasure.data.decontaminate import ExcludedPrompts, PromptFilter, essence
from treasure.data.example import Example, Message
from treasure.errors import DataError


def _example(*turns: str) -> Example:
    roles = ("user", "assistant")
    messages = tuple(Message(roles[i % 2], turn) for i, turn in enumerate(turns))
    return Example("x", messages, "answer", "d")


def _file(tmp_path: Path, *rows: object) -> ExcludedPrompts:
    path = tmp_path / "prompts.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return ExcludedPrompts(path=str(path))


def test_the_same_question_is_found_whatever_its_case_and_marks(tmp_path):
    found = PromptFilter([_file(tmp_path, {"prompt": "Name three fruits:\n\nred ones"})])
    assert found.holds(_example("name three  fruits — RED ones!"))
    assert found.holds(_example("Hello", "Hi", "Name three fruits, red ones"))
    assert not found.holds(_example("Name three fruits"))
    assert not found.holds(_example("Hello", "Name three fruits: red ones", "Thanks"))  # an assistant turn asks nothing


def test_without_files_nothing_is_excluded():
    assert not PromptFilter([]).holds(_example("???"))


@given(st.text(), st.sampled_from([" ", "-", "\n", "!"]))
def test_the_essence_has_no_marks_and_ignores_them(text, mark):
    assert essence(text) == essence(mark + text + mark) == essence(essence(text))


def test_a_row_without_the_field_is_named(tmp_path):
    with pytest.raises(DataError, match=r"prompts\.jsonl:2: .*'prompt'.*question"):
        PromptFilter([_file(tmp_path, {"prompt": "a"}, {"question": "b"})])
