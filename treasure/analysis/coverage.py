"""What annotations cover: tables of states, values, languages, numbers and probabilities from one `Tally`.

The rows are tidy: one number of examples a row, 'all' where all datasets are meant.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from treasure.analysis.annotations import Status
from treasure.analysis.tally import NUM_PROBABILITY_BINS, Tally
from treasure.data.frequency import CategoryCounts, Frequency
from treasure.taxonomy.taxonomy import Taxonomy

ALL = "all"
LANGUAGE = "lang"
STATUSES = {status: status.name.lower() for status in Status}
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, slots=True)
class StateRow:
    """One line of `states.csv`: how a category stands once all annotators were asked; `share` of `num_examples`.

    `state` is known, not_applicable, or why it is unknown: failed, abstained, not_asked.
    """

    dataset: str
    category: str
    state: str
    count: int
    num_examples: int
    share: float


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """One line of `outcomes.csv`: what became of the examples that an annotator was asked about; `share` of `asked`."""

    dataset: str
    category: str
    annotator: str
    outcome: str
    count: int
    asked: int
    share: float


@dataclass(frozen=True, slots=True)
class GiverRow:
    """One line of `givers.csv`: whose word counts; `share` of the examples in which the category is settled."""

    category: str
    annotator: str
    count: int
    settled: int
    share: float


@dataclass(frozen=True, slots=True)
class ValueRow:
    """One line of `values.csv`: examples with a value; `share` of those in which the category is `known`.

    An example with several values counts for each. `group` is head or tail by the share over all datasets.
    """

    dataset: str
    category: str
    value: str
    count: int
    known: int
    share: float
    group: str


@dataclass(frozen=True, slots=True)
class LanguageRow:
    """One line of `languages.csv`: the same within one language; `share` of the category's known examples there."""

    language: str
    category: str
    value: str
    count: int
    known: int
    share: float


@dataclass(frozen=True, slots=True)
class NumberRow:
    """One line of `numbers.csv`: a numeric category; quantiles are to two significant digits."""

    category: str
    count: int
    mean: float
    minimum: float
    q05: float
    q25: float
    median: float
    q75: float
    q95: float
    maximum: float


@dataclass(frozen=True, slots=True)
class ProbabilityRow:
    """One line of `probabilities.csv`: answers of an annotator with a probability from `low` to under `high`."""

    category: str
    annotator: str
    low: float
    high: float
    count: int


def values_of(found: Tally, taxonomy: Taxonomy) -> dict[str, tuple[str, ...]]:
    """The values of each closed category: those of the taxonomy, then others that were met, by name."""
    names: dict[str, tuple[str, ...]] = {}
    for category, sets in zip(found.categories, found.sets, strict=True):
        known = taxonomy.category(category).value_names
        others = {value for one in sets for value in one} - set(known)
        names[category] = (*known, *sorted(others))
    return names


def frequency_of(found: Tally, values: dict[str, tuple[str, ...]], chosen: np.ndarray | None = None) -> Frequency:
    """The counts of head and tail, over all examples or over the patterns that `chosen` (U,) bool marks."""
    weights = found.counts if chosen is None else found.counts * chosen
    return Frequency({name: _counts(found, name, values[name], weights) for name in found.categories})


def state_rows(found: Tally) -> tuple[StateRow, ...]:
    """Over all datasets first, then by dataset, in the order of the taxonomy; states without an example are left out
    of single datasets.
    """
    held = {name: found.statuses(name) for name in found.categories}
    for name in found.numbers:
        lines = [[found.number_status[dataset, name, status] for status in Status] for dataset in found.datasets]
        held[name] = np.array(lines, dtype=np.int64).reshape(len(found.datasets), len(Status))
    rows = [row for name, counts in held.items() for row in _states(ALL, name, counts.sum(axis=0), found.total)]
    for place, dataset in enumerate(found.datasets):
        for name, counts in held.items():
            rows += _states(dataset, name, counts[place], found.num_examples[dataset])
    return tuple(rows)


def outcome_rows(found: Tally) -> tuple[OutcomeRow, ...]:
    """Over all datasets first, then by dataset."""
    whole: dict[tuple[str, str, str, Status], int] = {}
    for (_, category, annotator, status), count in found.outcomes.items():
        key = (ALL, category, annotator, status)
        whole[key] = whole.get(key, 0) + count
    rows: list[OutcomeRow] = []
    for counts in (whole, dict(found.outcomes)):
        asked: dict[tuple[str, str, str], int] = {}
        for key, count in counts.items():
            asked[key[:3]] = asked.get(key[:3], 0) + count
        for (dataset, category, annotator, status), count in counts.items():
            total = asked[dataset, category, annotator]
            name = "found" if status is Status.KNOWN else STATUSES[status]
            rows.append(OutcomeRow(dataset, category, annotator, name, count, total, count / total))
    return tuple(rows)


def giver_rows(found: Tally, order: Sequence[str]) -> tuple[GiverRow, ...]:
    """By category in `order`, the annotator that gave most first."""
    rows: list[GiverRow] = []
    for category in order:
        held = {annotator: count for (name, annotator), count in found.givers.items() if name == category}
        settled = sum(held.values())
        rows += [
            GiverRow(category, annotator, count, settled, count / settled)
            for annotator, count in sorted(held.items(), key=lambda item: (-item[1], item[0]))
        ]
    return tuple(rows)


def value_rows(found: Tally, values: dict[str, tuple[str, ...]], threshold: float) -> tuple[ValueRow, ...]:
    """Every value over all datasets, those that never occur included; of single datasets those that do."""
    whole = frequency_of(found, values)
    rows = [
        _value_row(ALL, category, value, count, counts.known, whole, threshold)
        for category, counts in whole.categories.items()
        for value, count in counts.values.items()
    ]
    held = {name: found.by_dataset(name, values[name]) for name in found.categories}
    for place, dataset in enumerate(found.datasets):
        for name, counts in held.items():
            line = counts[place].tolist()
            rows += [
                _value_row(dataset, name, values[name][k], line[k], line[-1], whole, threshold)
                for k in np.flatnonzero(counts[place][:-1]).tolist()
            ]
    return tuple(rows)


def language_rows(found: Tally, values: dict[str, tuple[str, ...]]) -> tuple[LanguageRow, ...]:
    """Every value of every other category in each language that occurs; none where no language is known."""
    if LANGUAGE not in found.categories:
        return ()
    members = found.members(LANGUAGE, values[LANGUAGE])
    column = found.column(LANGUAGE)
    rows: list[LanguageRow] = []
    for place, language in enumerate(values[LANGUAGE]):
        chosen = np.zeros(len(column), dtype=bool)
        chosen[column >= 0] = members[column[column >= 0], place]
        if chosen.any():
            own = frequency_of(_only(found, chosen), values)
            rows += [
                LanguageRow(language, category, value, count, counts.known, own.share(category, value))
                for category, counts in own.categories.items()
                if category != LANGUAGE
                for value, count in counts.values.items()
            ]
    return tuple(rows)


def number_rows(found: Tally) -> tuple[NumberRow, ...]:
    """One line for each numeric category with a number."""
    rows: list[NumberRow] = []
    for name, one in found.numbers.items():
        if one.num:
            low, quarter, median, three_quarters, high = map(one.quantile, QUANTILES)
            rows.append(
                NumberRow(
                    category=name,
                    count=one.num,
                    mean=one.total / one.num,
                    minimum=one.minimum,
                    q05=low,
                    q25=quarter,
                    median=median,
                    q75=three_quarters,
                    q95=high,
                    maximum=one.maximum,
                )
            )
    return tuple(rows)


def probability_rows(found: Tally) -> tuple[ProbabilityRow, ...]:
    """All bins of each annotator and category with a probability."""
    return tuple(
        ProbabilityRow(category, annotator, m / NUM_PROBABILITY_BINS, (m + 1) / NUM_PROBABILITY_BINS, int(count))
        for (category, annotator), counts in sorted(found.probabilities.items())
        for m, count in enumerate(counts)
    )


def _states(dataset: str, category: str, counts: np.ndarray, size: int) -> Iterable[StateRow]:
    for status, count in zip(Status, counts.tolist(), strict=True):
        if count or dataset == ALL:
            yield StateRow(dataset, category, STATUSES[status], count, size, count / size if size else 0.0)


def _value_row(
    dataset: str, category: str, value: str, count: int, known: int, whole: Frequency, threshold: float
) -> ValueRow:
    share = count / known if known else 0.0
    return ValueRow(dataset, category, value, count, known, share, whole.group(category, value, threshold))


def _counts(found: Tally, category: str, values: tuple[str, ...], weights: np.ndarray) -> CategoryCounts:
    column, members = found.column(category), found.members(category, values)
    is_known = column >= 0
    by_set = np.bincount(column[is_known], weights=weights[is_known], minlength=len(members))
    num = by_set @ members if len(members) else np.zeros(len(values))
    known, excluded = int(weights[is_known].sum()), int(weights[column == Status.NOT_APPLICABLE].sum())
    return CategoryCounts(
        known=known,
        unknown=int(weights.sum()) - known - excluded,
        not_applicable=excluded,
        values={value: int(count) for value, count in zip(values, num, strict=True)},
    )


def _only(found: Tally, chosen: np.ndarray) -> Tally:
    return replace(found, dataset=found.dataset[chosen], codes=found.codes[chosen], counts=found.counts[chosen])
