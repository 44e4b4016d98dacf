import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from treasure.analysis.annotations import Block, Status, Vocabulary, blocks_of, joined, settle
from treasure.annotation.finding import Finding, Outcome

FOUND, EXCLUDED, SILENT, FAILED = Outcome.FOUND, Outcome.NOT_APPLICABLE, Outcome.ABSTAINED, Outcome.FAILED


def finding(annotator, outcome=FOUND, *values, probability=None):
    return Finding(annotator, outcome, values, probability)


findings = st.builds(
    lambda outcome, values, probability: Finding(
        "", outcome, tuple(sorted(values)) if outcome is FOUND else (), probability
    ),
    st.sampled_from(Outcome),
    st.sets(st.sampled_from("abc"), min_size=1),
    st.none() | st.floats(0, 1),
)
asked = st.lists(st.dictionaries(st.sampled_from(["facts", "rules", "llm"]), findings), max_size=30)


def block(rows):
    """One category, 'x', of examples for which `rows` hold annotator -> finding; facts is trusted most."""
    order = ("facts", "rules", "llm")
    named = [
        {"x": [Finding(name, r[name].outcome, r[name].values, r[name].probability) for name in order if name in r]}
        for r in rows
    ]
    first = {"x": [finding(name, SILENT) for name in order]}  # fixes the order of the parts
    return next(blocks_of([("first", "d", first), *((str(k), "d", row) for k, row in enumerate(named))]))


@given(asked)
def test_the_first_that_settles_counts(rows):
    vocabulary = Vocabulary()
    one = block(rows)
    got = settle(one, "x", vocabulary)
    for place, row in enumerate(rows, start=1):
        in_order = [row[name] for name in ("facts", "rules", "llm") if name in row]
        settled = next((f for f in in_order if f.settles), None)
        if settled is not None and settled.outcome is FOUND:
            assert vocabulary.sets[got.codes[place]] == settled.values
        elif settled is not None:
            assert got.codes[place] == Status.NOT_APPLICABLE
        else:
            outcomes = {f.outcome for f in in_order}
            expected = Status.FAILED if FAILED in outcomes else Status.ABSTAINED if outcomes else Status.NOT_ASKED
            assert got.codes[place] == expected
            assert got.source[place] == -1
        given_probability = None if settled is None else settled.probability
        assert np.isnan(got.probabilities[place]) == (given_probability is None)


def test_the_order_of_values_does_not_matter():
    vocabulary = Vocabulary()
    codes = vocabulary.encode(np.array([joined(("b", "a")), joined(("a", "b")), "b"], dtype=object))
    assert codes.tolist() == [0, 0, 1]
    assert vocabulary.sets == [("a", "b"), ("b",)]
    assert vocabulary.encode(np.array(["b"], dtype=object)).tolist() == [1]


def test_blocks_end_with_their_dataset_and_size():
    rows = [(str(k), "one" if k < 5 else "two", {"x": finding("rules", FOUND, "a")}) for k in range(8)]
    got = list(blocks_of(rows, size=3))
    assert [(one.dataset, len(one.ids)) for one in got] == [("one", 3), ("one", 2), ("two", 3)]
    assert list(blocks_of([])) == []


def test_examples_of_which_nobody_speaks_are_there():
    one = next(blocks_of([("1", "d", {}), ("2", "d", {"x": finding("rules", FOUND, "a")})]))
    assert settle(one, "x", Vocabulary()).codes.tolist() == [Status.NOT_ASKED, 0]
    assert settle(one, "y", Vocabulary()).codes.tolist() == [Status.NOT_ASKED] * 2


def test_one_annotator_alone():
    row = {"x": [finding("rules", FOUND, "a"), finding("llm", FOUND, "b")], "y": finding("rules", EXCLUDED)}
    one = next(blocks_of([("1", "d", row)]))
    vocabulary = Vocabulary()
    assert isinstance(one.of("llm"), Block)
    assert settle(one.of("llm"), "x", vocabulary).codes.tolist() == [0] and vocabulary.sets == [("b",)]
    assert one.categories == ("x", "y") and one.of("llm").categories == ("x",)
