"""Which values occur together, and which combinations nobody supports though each value alone is frequent.

Letters: U patterns; A, B, … values of the first, second, … category.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.stats import poisson

from treasure.analysis.config import SupportConfig
from treasure.analysis.tally import Tally
from treasure.errors import ConfigError, did_you_mean
from treasure.taxonomy.taxonomy import Taxonomy


@dataclass(frozen=True)
class Joint:
    """Examples with each combination of values, among those in which all `categories` are known.

    `counts` has shape (A, B, …); `totals` holds for each category the examples with each of its values, (A,), (B,), …;
    `rests` the same of all other categories together, (B, …), (A, …), …; `known` counts examples. An example with
    several values counts for each.
    """

    categories: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    counts: np.ndarray
    totals: tuple[np.ndarray, ...]
    rests: tuple[np.ndarray, ...]
    known: int

    @property
    def expected(self) -> np.ndarray:
        """Examples if one value told nothing of the rest, (A, B, …); of several such guesses the smallest."""
        best = np.full(self.counts.shape, np.inf if self.known else 0.0)
        for axis, (total, rest) in enumerate(zip(self.totals, self.rests, strict=True)):
            across = [-1 if k == axis else 1 for k in range(self.counts.ndim)]
            best = np.minimum(best, np.expand_dims(rest, axis) * total.reshape(across) / max(1, self.known))
        return best

    @property
    def lift(self) -> np.ndarray:
        """`counts / expected`, (A, B, …); NaN where a value never occurs."""
        expected = self.expected
        return np.divide(self.counts, expected, out=np.full(expected.shape, np.nan), where=expected > 0)


@dataclass(frozen=True, slots=True)
class PairRow:
    """One line of `pairs.csv`: two values together; `lift` against independence, `pmi` its logarithm to base 2.

    `pmi` is empty where they never occur together.
    """

    category_a: str
    value_a: str
    category_b: str
    value_b: str
    count: int
    count_a: int
    count_b: int
    known: int
    expected: float
    lift: float
    pmi: float


@dataclass(frozen=True, slots=True)
class GapRow:
    """One line of `gaps.csv`: a combination that would be a guess, such as 'lang=Greek + domain=Legal'.

    `expected` is the smallest number of examples that its parts would let one expect: the rest of the combination
    times each value's share. `surprise` is -log10 of the probability to see so few by chance (Poisson).
    """

    combination: str
    num_values: int
    count: int
    expected: float
    surprise: float
    known: int
    rarest_value: str
    rarest_count: int


def joint(found: Tally, values: dict[str, tuple[str, ...]], categories: Sequence[str]) -> Joint:
    """How often values of `categories` occur together."""
    codes = np.stack([found.column(name) for name in categories], axis=1)
    is_known = (codes >= 0).all(axis=1)
    codes, weights = _merged(codes[is_known], found.counts[is_known])
    names = tuple(values[name] for name in categories)
    members = [found.members(name, own) for name, own in zip(categories, names, strict=True)]
    axes = range(len(categories))
    return Joint(
        tuple(categories),
        names,
        counts=_joint(codes, weights, members, list(axes)),
        totals=tuple(_joint(codes, weights, members, [k]) for k in axes),
        rests=tuple(_joint(codes, weights, members, [k for k in axes if k != axis]) for axis in axes),
        known=int(weights.sum()),
    )


def joints(found: Tally, values: dict[str, tuple[str, ...]], config: SupportConfig) -> tuple[Joint, ...]:
    """Of all pairs of categories, then of the longer combinations in `levers`, the shorter first.

    Raises:
        ConfigError: `levers` names a category that the taxonomy lacks or that holds numbers.
    """
    for name in (name for names in config.levers for name in names):
        if name not in found.categories:
            raise ConfigError(
                f"levers: '{name}' is no category with names as values.{did_you_mean(name, found.categories)} "
                f"Allowed: {', '.join(found.categories)}; an empty list looks at pairs alone."
            )
    longer = sorted(map(tuple, config.levers), key=len)
    return tuple(joint(found, values, names) for names in (*combinations(found.categories, 2), *longer))


def pair_rows(found: Iterable[Joint]) -> tuple[PairRow, ...]:
    """Every pair of values that both occur where both categories are known."""
    return tuple(row for one in found if len(one.categories) == 2 for row in _pair_rows(one))


def gap_rows(found: Iterable[Joint], taxonomy: Taxonomy, config: SupportConfig) -> tuple[GapRow, ...]:
    """Combinations with fewer examples than `fewest` and than expected, the most surprising first.

    Left out: pairs that a rule of the taxonomy or a derivation ties together, and longer combinations of which a part
    is on the list already.
    """
    tied = {frozenset(pair) for pair in _tied(taxonomy)}
    poor: set[frozenset[tuple[str, str]]] = set()
    rows: list[GapRow] = []
    for one in found:
        if any(frozenset(pair) in tied for pair in combinations(one.categories, 2)):
            continue
        for row, key in _gaps(one, config, poor):
            rows.append(row)
            poor.add(key)
    return tuple(sorted(rows, key=lambda row: (-row.surprise, -row.expected, row.combination)))


def _tied(taxonomy: Taxonomy) -> Iterator[tuple[str, str]]:
    for category in taxonomy.categories:
        if category.applies_when is not None:
            yield category.name, category.applies_when.category
        if category.derived_from is not None:
            yield category.name, category.derived_from


def _merged(codes: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different rows of `codes` (U, categories), and how many examples each stands for."""
    if not len(codes):
        return codes, counts.astype(float)
    shape = tuple(int(size) for size in codes.max(axis=0) + 1)
    flat, places = np.unique(np.ravel_multi_index(tuple(codes.T), shape), return_inverse=True)
    return np.stack(np.unravel_index(flat, shape), axis=1), np.bincount(places, weights=counts)


def _joint(codes: np.ndarray, weights: np.ndarray, members: Sequence[np.ndarray], axes: Sequence[int]) -> np.ndarray:
    """Counts of value combinations along `axes` from sets (U, categories): each set stands for all of its values."""
    rows = np.arange(len(codes))
    flat = np.zeros(len(codes), dtype=np.int64)
    for k in axes:
        places, held = np.nonzero(members[k][codes[rows, k]])  # one row for each value of the set
        rows, flat = rows[places], flat[places] * members[k].shape[1] + held
    shape = tuple(members[k].shape[1] for k in axes)
    return np.bincount(flat, weights=weights[rows], minlength=int(np.prod(shape))).reshape(shape).astype(np.int64)


def _pair_rows(one: Joint) -> Iterator[PairRow]:
    expected, lift = one.expected, one.lift
    with np.errstate(divide="ignore"):
        pmi = np.where(one.counts > 0, np.log2(lift), np.nan)
    for a, b in zip(*np.nonzero(expected > 0), strict=True):
        yield PairRow(
            one.categories[0],
            one.values[0][a],
            one.categories[1],
            one.values[1][b],
            int(one.counts[a, b]),
            int(one.totals[0][a]),
            int(one.totals[1][b]),
            one.known,
            float(expected[a, b]),
            float(lift[a, b]),
            float(pmi[a, b]),
        )


def _gaps(
    one: Joint, config: SupportConfig, poor: set[frozenset[tuple[str, str]]]
) -> Iterator[tuple[GapRow, frozenset[tuple[str, str]]]]:
    if not one.known:
        return
    frequent = np.array(True)
    for total in one.totals:
        frequent = np.logical_and.outer(frequent, total >= config.frequent)
    expected = one.expected
    for place in np.argwhere(frequent & (one.counts < config.fewest) & (one.counts < expected)):
        spot = tuple(place.tolist())
        pairs = [(name, own[k]) for name, own, k in zip(one.categories, one.values, spot, strict=True)]
        if any(frozenset(part) in poor for size in range(2, len(pairs)) for part in combinations(pairs, size)):
            continue
        counts = [int(total[k]) for total, k in zip(one.totals, spot, strict=True)]
        rarest = int(np.argmin(counts))
        count, likely = int(one.counts[spot]), float(expected[spot])
        row = GapRow(
            combination=" + ".join(f"{name}={value}" for name, value in pairs),
            num_values=len(pairs),
            count=count,
            expected=likely,
            surprise=_surprise(count, likely),
            known=one.known,
            rarest_value="=".join(pairs[rarest]),
            rarest_count=counts[rarest],
        )
        yield row, frozenset(pairs)


def _surprise(count: int, expected: float) -> float:
    """-log10 of the Poisson probability of `count` or fewer; by logarithms, as the probability itself may be 0."""
    return float(-np.logaddexp.reduce(poisson.logpmf(np.arange(count + 1), expected)) / np.log(10))
