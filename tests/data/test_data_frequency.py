import json

import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

from treasure.data.example import Example, MarkedExample, Message
from treasure.data.frequency import Frequency, count
from treasure.errors import TaxonomyError
from treasure.markers.marker_set import MarkerSet

ROW = Example("id", (Message("user", "?"),), "!", "d")


def marked(**values) -> MarkedExample:
    excluded = [name for name, value in values.items() if value is None]
    known = {name: value for name, value in values.items() if value is not None}
    return MarkedExample(ROW, MarkerSet.of(tiny.TAXONOMY, known, excluded))


corpora = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "lang": st.sampled_from(["English", "French", None]),
            "domain": st.sampled_from(["Legal", "Math", ["Legal", "Math"], None]),
            "length_tokens": st.integers(0, 9),
        },
    ).map(lambda values: marked(**values)),
    max_size=20,
)


@given(rows=corpora)
def test_every_example_is_in_one_state_and_shares_add_up(rows):
    found = count(rows, tiny.TAXONOMY)
    assert set(found.categories) == {"domain", "lang"}
    for name, counts in found.categories.items():
        assert counts.known + counts.unknown + counts.not_applicable == len(rows)
        total = sum(found.share(name, value) for value in counts.values)
        if counts.known:
            assert total == pytest.approx(1.0) if name == "lang" else 1.0 <= total <= 2.0
    assert Frequency.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_shares_are_of_examples_whose_category_is_known():
    rows = [marked(lang="English")] * 3 + [marked(lang="French"), marked(lang=None), marked()] * 1
    found = count(rows, tiny.TAXONOMY)
    assert (found.share("lang", "English"), found.share("lang", "French")) == (0.75, 0.25)
    assert found.categories["lang"].unknown == 1
    assert found.categories["lang"].not_applicable == 1


def test_tail_is_under_the_threshold_and_what_was_never_seen():
    found = count([marked(lang="English")] * 19 + [marked(lang="French")], tiny.TAXONOMY)
    assert found.group("lang", "French") == "head"  # exactly 5 %
    assert found.group("lang", "French", 0.051) == "tail"
    assert found.group("lang", "English") == "head"
    assert found.group("domain", "Legal") == "tail"
    assert found.share("lang", "Klingon") == 0.0


@pytest.mark.parametrize("name", ["length_tokens", "langs"])
def test_what_was_not_counted_has_no_group(name):
    with pytest.raises(TaxonomyError, match="no frequencies"):
        count([], tiny.TAXONOMY).group(name, "English")


def test_the_table_has_a_row_for_every_value_and_state():
    table = count([marked(lang="English"), marked(lang=None)], tiny.TAXONOMY).table()
    assert [(r["category"], r["state"], r["value"], r["count"]) for r in table if r["category"] == "lang"] == [
        ("lang", "known", "English", 1),
        ("lang", "known", "French", 0),
        ("lang", "unknown", "", 0),
        ("lang", "not_applicable", "", 1),
    ]
    assert {r["value"]: r["group"] for r in table if r["category"] == "lang"} == {
        "English": "head", "French": "tail", "": "",
    }  # fmt: skip
