import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasure.data.example import Example, Message
from treasure.data.splits import split_of


def example(*turns: str, completion: str = "x", system: str = "", dataset: str = "d") -> Example:
    roles = ("user", "assistant") * len(turns)
    messages = tuple(Message(role, turn) for role, turn in zip(roles, turns, strict=False))
    return Example("id", ((Message("system", system),) if system else ()) + messages, completion, dataset)


@given(prompt=st.text(), later=st.text(), completion=st.text(), fraction=st.floats(0, 1))
def test_nothing_but_the_first_question_decides(prompt, later, completion, fraction):
    side = split_of(example(prompt), fraction, 0)
    assert side == split_of(example(prompt, completion=completion, dataset="e"), fraction, 0)
    assert side == split_of(example(prompt, "answer", later, system="Be kind."), fraction, 0)
    assert side == split_of(example(f"  {prompt}\n"), fraction, 0)


@given(prompt=st.text(), low=st.floats(0, 1), high=st.floats(0, 1))
def test_a_larger_fraction_only_moves_examples_to_validation(prompt, low, high):
    low, high = sorted((low, high))
    if split_of(example(prompt), low, 0) == "validation":
        assert split_of(example(prompt), high, 0) == "validation"
    assert split_of(example(prompt), 0.0, 0) == "train"


@pytest.mark.parametrize("fraction", [0.02, 0.3])
def test_the_share_is_met_and_depends_on_the_seed(fraction):
    sides = [[split_of(example(str(i)), fraction, seed) for i in range(4000)] for seed in (0, 1)]
    for found in sides:
        assert found.count("validation") / 4000 == pytest.approx(fraction, abs=0.03)
    assert sides[0] != sides[1]
