"""Dropout: exact in expectation, keyed by example, and nothing but a choice of what is there."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasure.errors import ConfigError
from treasure.markers.dropout import DropoutConfig, DropoutSchedule, kept_indices

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


@given(config=CONFIGS, example=st.integers(), keep=st.lists(st.sampled_from(NAMES), unique=True))
def test_kept_categories_are_in_every_header_there_is(config, example, keep):
    rates = {name: rate for name, rate in config.category_dropout.items() if name not in keep}
    drawn = kept(replace(config, keep=keep, category_dropout=rates), example)
    wanted = {index for index, name in enumerate(NAMES) if name in keep}
    assert wanted <= set(drawn) or not drawn
    always = kept(DropoutConfig(dataset_dropout=0, sample_dropout=1, keep=keep), example)
    assert set(always) == wanted


def test_a_keep_list_does_not_change_what_is_removed_from_the_others_in_expectation():
    config = DropoutConfig(dataset_dropout=0, sample_dropout=0.4, keep=["lang", "task"])
    draws = [kept(config, i) for i in range(4000)]
    for index, name in enumerate(NAMES):
        expected = 0.0 if name in config.keep else 0.4
        assert abs(sum(index not in drawn for drawn in draws) / len(draws) - expected) < 0.032


@given(
    start=RATES,
    end=RATES,
    schedule=st.sampled_from(DropoutSchedule),
    begin=RATES,
    num_steps=st.integers(2, 60),
)
def test_schedules_are_monotone_and_end_where_they_say(start, end, schedule, begin, num_steps):
    config = DropoutConfig(
        dataset_dropout=start, sample_dropout=end, schedule=schedule, end_dataset_dropout=end,
        end_sample_dropout=start, cooldown_start=begin,
    )  # fmt: skip
    steps = [config.at(step, num_steps) for step in range(num_steps)]
    for rates, first, last in (
        ([rate.dataset_dropout for rate in steps], start, end),
        ([rate.sample_dropout for rate in steps], end, start),
    ):
        falling = [-rate for rate in rates] if first > last else rates
        assert all(a <= b + 1e-12 for a, b in itertools.pairwise(falling))
        if schedule is DropoutSchedule.CONSTANT:
            assert set(rates) == {first}
        elif schedule is DropoutSchedule.LINEAR:
            assert (rates[0], rates[-1]) == (first, last)
        else:
            assert rates == [last if step >= begin * num_steps else first for step in range(num_steps)]


def test_a_schedule_may_leave_sample_dropout_alone_and_a_run_of_one_step_has_the_first_rates():
    config = DropoutConfig(sample_dropout=0.3, schedule=DropoutSchedule.LINEAR)
    assert [config.at(step, 11).dataset_dropout for step in (0, 5, 10)] == [0.5, 0.75, 1.0]
    assert {config.at(step, 11).sample_dropout for step in range(11)} == {0.3}
    assert config.at(0, 1).dataset_dropout == 0.5


def test_a_higher_rate_only_takes_headers_away():
    """The draw of an example does not depend on the rate: a schedule never brings one header instead of another."""
    low, high = (DropoutConfig(dataset_dropout=rate, sample_dropout=0.5) for rate in (0.3, 0.8))
    for example in range(300):
        assert kept(high, example) in ((), kept(low, example))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"end_dataset_dropout": 1.1}, "end_dataset_dropout is a probability"),
        ({"end_sample_dropout": -1.0}, "end_sample_dropout is a probability"),
        ({"cooldown_start": 2.0}, "cooldown_start is a share"),
        ({"keep": ["lang"], "category_dropout": {"lang": 0.5}}, "'lang' stands in keep and in category_dropout"),
    ],
    ids=["end", "end sample", "start", "both"],
)
def test_schedules_and_keep_lists_are_checked(wrong, told):
    with pytest.raises(ConfigError, match=told):
        DropoutConfig(**wrong)


def test_unknown_categories_to_keep_are_refused(taxonomy):
    with pytest.raises(ConfigError, match=r"keep: Unknown category 'lan'.*Did you mean 'lang'"):
        DropoutConfig(keep=["lan"]).check(taxonomy)
