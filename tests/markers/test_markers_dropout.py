"""Dropout: exact in expectation, keyed by example, and nothing but a choice of what is there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasure.errors import ConfigError
from treasure.markers.dropout import DropoutConfig, drop, kept_indices
from treasure.markers.marker_set import MarkerSet

NAMES = ("domain", "domain", "task", "lang", "format", "style", "length_tokens")
RATES = st.floats(0, 1)
CONFIGS = st.builds(
    DropoutConfig,
    dataset_dropout=RATES,
    sample_dropout=RATES,
    category_dropout=st.dictionaries(st.sampled_from(NAMES), RATES),
)


def kept(config: DropoutConfig, example: int | str, epoch: int = 0, names=NAMES, seed: int = 0) -> tuple[int, ...]:
    return kept_indices(names, config, seed=seed, epoch=epoch, example_id=str(example))


@given(config=CONFIGS, example=st.text(), epoch=st.integers(0, 9), count=st.integers(0, 7))
def test_what_is_kept_is_a_rising_part_and_always_the_same(config, example, epoch, count):
    first = kept(config, example, epoch, NAMES[:count])
    assert list(first) == sorted(set(first))
    assert set(first) <= set(range(count))
    assert kept(config, example, epoch, NAMES[:count]) == first


@given(config=CONFIGS, count=st.integers(0, 7), example=st.integers())
def test_sample_dropout_removes_its_share_rounded_up_or_down(config, count, example):
    config = DropoutConfig(dataset_dropout=0, sample_dropout=config.sample_dropout)
    removed = count - len(kept(config, example, names=NAMES[:count]))
    assert abs(removed - config.sample_dropout * count) < 1


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.85, 1.0])
@pytest.mark.parametrize("count", [1, 3, 7])
def test_sample_dropout_is_exact_in_expectation_and_even(share, count):
    config = DropoutConfig(dataset_dropout=0, sample_dropout=share)
    draws = [kept(config, i, names=NAMES[:count]) for i in range(4000)]
    for index in range(count):  # every marker is removed with probability `share`; 4 standard errors are 0.032
        assert abs(sum(index not in drawn for drawn in draws) / len(draws) - share) < 0.032


@pytest.mark.parametrize("rate", [0.0, 0.5, 0.7, 1.0])
def test_dataset_dropout_removes_whole_headers(rate):
    config = DropoutConfig(dataset_dropout=rate, sample_dropout=0.0)
    draws = [kept(config, i) for i in range(4000)]
    assert {len(drawn) for drawn in draws} <= {0, len(NAMES)}
    assert abs(sum(not drawn for drawn in draws) / len(draws) - rate) < 0.032


def test_category_dropout_is_one_more_draw_for_the_whole_category():
    config = DropoutConfig(dataset_dropout=0, sample_dropout=0, category_dropout={"domain": 0.3, "lang": 1.0})
    draws = [kept(config, i) for i in range(4000)]
    assert all((0 in drawn) == (1 in drawn) and 3 not in drawn and {2, 4, 5, 6} <= set(drawn) for drawn in draws)
    assert abs(sum(0 not in drawn for drawn in draws) / len(draws) - 0.3) < 0.03


def test_draws_differ_between_examples_epochs_and_seeds():
    config = DropoutConfig(dataset_dropout=0)
    for draws in (
        {kept(config, i) for i in range(50)},
        {kept(config, 0, epoch=i) for i in range(50)},
        {kept(config, 0, seed=i) for i in range(50)},
    ):
        assert len(draws) > 10


@given(config=CONFIGS, example=st.text())
def test_drop_keeps_order_and_states(taxonomy, config, example):
    markers = MarkerSet.of(taxonomy, {"domain": ["Code", "Math"], "lang": "Greek", "length_tokens": 3}, ["style"])
    found = drop(markers, config, seed=1, epoch=2, example_id=example)
    names = [marker.category for marker in markers.markers]
    indices = kept_indices(names, config, seed=1, epoch=2, example_id=example)
    assert found.markers == tuple(markers.markers[i] for i in indices)
    assert found.not_applicable == {"style"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"dataset_dropout": 1.5},
        {"sample_dropout": -0.1},
        {"category_dropout": {"lang": 2.0}},
        {"sample_dropout": float("nan")},
    ],
    ids=["dataset", "sample", "category", "nan"],
)
def test_rates_outside_0_to_1_are_refused(wrong):
    with pytest.raises(ConfigError, match="probability from 0 to 1"):
        DropoutConfig(**wrong)


def test_unknown_categories_are_refused(taxonomy):
    DropoutConfig(category_dropout={"lang": 0.5}).check(taxonomy)
    with pytest.raises(ConfigError, match=r"category_dropout: Unknown category 'lan'.*Did you mean 'lang'"):
        DropoutConfig(category_dropout={"lan": 0.5}).check(taxonomy)
