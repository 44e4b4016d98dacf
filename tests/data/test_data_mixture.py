import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasure.data.mixture import mix as mix_lazily
from treasure.errors import ConfigError


def mix(*args):
    return list(mix_lazily(*args))


datasets = st.dictionaries(
    st.sampled_from("abcd"), st.integers(0, 20).map(lambda size: list(range(size))), min_size=1, max_size=4
)


@given(datasets=datasets, weight=st.floats(0.01, 4), seed=st.integers(0, 3))
def test_each_row_is_taken_as_often_as_the_weight_says(datasets, weight, seed):
    for name, rows in datasets.items():
        found = mix({name: rows}, {name: weight}, seed)
        assert len(found) == int(weight) * len(rows) + round((weight % 1.0) * len(rows))
        counts = [found.count(row) for row in rows]
        assert all(int(weight) <= count <= int(weight) + 1 for count in counts)


@given(datasets=datasets, seed=st.integers(0, 3))
def test_weight_one_is_the_data_as_they_are(datasets, seed):
    assert mix(datasets, {}, seed) == [row for rows in datasets.values() for row in rows]


@given(low=st.floats(0.01, 1), high=st.floats(0.01, 1), seed=st.integers(0, 3))
def test_a_larger_weight_keeps_what_a_smaller_one_took(low, high, seed):
    low, high = sorted((low, high))
    rows = list(range(30))
    small, large = (mix({"a": rows}, {"a": weight}, seed) for weight in (low, high))
    assert set(small) <= set(large)
    assert small == sorted(small)


@given(datasets=datasets, seed=st.integers(0, 3))
def test_other_datasets_do_not_change_what_is_taken(datasets, seed):
    alone = {name: mix({name: rows}, {name: 0.5}, seed) for name, rows in datasets.items()}
    together = mix(datasets, dict.fromkeys(datasets, 0.5), seed)
    assert together == [row for rows in alone.values() for row in rows]


def test_seeds_differ():
    assert len({tuple(mix({"a": range(50)}, {"a": 0.5}, seed)) for seed in range(5)}) == 5


@pytest.mark.parametrize(
    ("weights", "reason"),
    [({"lime": 1.0}, "Did you mean 'lima'"), ({"lima": 0.0}, "above 0"), ({"lima": float("nan")}, "above 0")],
    ids=["unknown", "zero", "nan"],
)
def test_weights_are_checked(weights, reason):
    with pytest.raises(ConfigError, match=reason):
        mix({"lima": [1]}, weights, 0)
