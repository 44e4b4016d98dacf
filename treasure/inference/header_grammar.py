"""What a header may go on with, id by id: nothing that a valid header of the taxonomy would not hold.

    opening | one piece a marker, in order, categories left out at will | closing

Each piece is written as training wrote it, so a header that ends here has exactly the ids that `Encoder.header_ids`
gives for its markers. Numbers obey the bucket beside them and the bucket the number; a category that does not apply is
not written.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from treasure.data.tokenize import Encoder
from treasure.errors import ConfigError
from treasure.inference.piece_table import PieceTable
from treasure.markers.header_style import MarkerOrder
from treasure.markers.marker_set import Marker, MarkerSet, applies
from treasure.markers.number_range import number_range
from treasure.taxonomy.taxonomy import Category, Scalar, Taxonomy

_MOST_NUMBERS = 1_000_000
_MOST_STATES = 100_000
"""Ends of pieces that are kept; beyond, all are forgotten and made again where they are needed."""

Forbidden = Mapping[str, frozenset[Scalar]]
"""Category -> values that a header must not hold; without values the whole category."""
NOTHING_FORBIDDEN: Forbidden = {}


def greatest_number(max_length: int) -> int:
    """The greatest whole number that a header holds where the taxonomy has no bound, for texts of `max_length` tokens.

    It is about what there are characters in a text that fills the context.
    """
    return max(1000, 4 * max_length)


@dataclass(frozen=True, slots=True)
class HeaderLimits:
    """What one request asks of its header: markers that it must hold, and what it must not."""

    forced: MarkerSet = field(default_factory=MarkerSet)
    forbidden: Forbidden = field(default_factory=dict)

    def key(self) -> tuple[object, ...]:
        """Equal for equal limits."""
        return self.forced, tuple(sorted((name, values) for name, values in self.forbidden.items()))

    def allow(self, category: Category, value: Scalar) -> bool:
        """Whether `value` is among the forced ones of its category, if there are any, and not forbidden."""
        if category.name in self.forbidden:
            values = self.forbidden[category.name]
            if not values or value in values:
                return False
        return category.name not in self.forced or value in self.forced.values(category.name)


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way to read the ids so far: the markers that are complete, and a place in the piece being written."""

    written: tuple[Marker, ...]
    table: PieceTable
    place: tuple[int, int, int]


class HeaderState:
    """A place in a header. States are shared by all rows that have come the same way."""

    def __init__(self, readings: tuple[_Reading, ...], expand: Callable[[_Reading], tuple[_Reading, ...]]) -> None:
        self._expand = expand
        self._readings = tuple(way for reading in readings for way in (reading, *expand(reading)))
        self._steps: dict[int, HeaderState | None] = {}
        self.allowed: frozenset[int] = frozenset().union(*(way.table.following(*way.place) for way in self._readings))

    def step(self, token: int) -> "HeaderState | None":
        """The state behind `token`, one of `allowed`; None where the header is over."""
        if token not in self._steps:
            found = [
                _Reading(way.written, way.table, place)
                for way in self._readings
                if (place := way.table.step(*way.place, token)) is not None
            ]
            is_over = any(way.table.markers[way.place[0]] is None and _is_whole(way) for way in found)
            self._steps[token] = None if is_over else HeaderState(tuple(found), self._expand)
        return self._steps[token]

    def begun(self) -> Iterator[tuple[MarkerSet, PieceTable, tuple[int, int, int]]]:
        """All ways to go on: markers that are complete, the table of the piece under way, and the place in it."""
        for way in self._readings:
            yield MarkerSet(way.written), way.table, way.place


@dataclass(frozen=True, slots=True)
class _Ways:
    """The limits of one request, and the tables that may follow under them, by what was written before."""

    limits: HeaderLimits
    tables: dict[tuple[object, ...], tuple[PieceTable, ...]] = field(default_factory=dict)


class HeaderGrammar:
    """The headers of one model: `start` gives the state behind the opening, whose ids are `opening`."""

    def __init__(self, taxonomy: Taxonomy, encoder: Encoder, order: MarkerOrder, max_length: int) -> None:
        self._taxonomy, self._encoder, self._order = taxonomy, encoder, order
        self._greatest = greatest_number(max_length)
        opening, closing = encoder.header_ends()
        self.opening: list[int] = opening.tolist()
        self._closing = PieceTable.of([(None, closing.tolist())])
        self._tables: dict[tuple[object, ...], PieceTable | None] = {}
        self._starts: dict[tuple[object, ...], HeaderState] = {}
        self._decides = _deciding(taxonomy)
        self._num_kept = 0

    def start(self, limits: HeaderLimits) -> HeaderState:
        """The state behind the opening of a header under `limits`.

        Raises:
            ConfigError: no header can hold all that is forced and nothing that is forbidden.
        """
        key = limits.key()
        if self._num_kept >= _MOST_STATES:
            self._starts.clear()
            self._num_kept = 0
        if key not in self._starts:
            self._check(limits)
            way = _Ways(limits)
            self._starts[key] = HeaderState(self._next((), way), lambda reading: self._beyond(reading, way))
        return self._starts[key]

    def _check(self, limits: HeaderLimits) -> None:
        """Refuses limits under which some state would allow nothing."""
        for marker in limits.forced.markers:
            category = self._taxonomy.category(marker.category)
            if not limits.allow(category, marker.value) or self._table(category.name, MarkerSet(), limits) is None:
                forbidden = {name: sorted(map(str, values)) for name, values in limits.forbidden.items()}
                raise ConfigError(
                    f"No header can hold {marker.category}={marker.value} beside all else that is forced and nothing "
                    f"that is forbidden. Leave out what contradicts. Forced: {limits.forced.to_dict()}. Forbidden: "
                    f"{forbidden}."
                )

    def _beyond(self, reading: _Reading, way: "_Ways") -> tuple[_Reading, ...]:
        """The ways to go on with another piece, where the one of `reading` may be complete."""
        if not _is_whole(reading):
            return ()
        marker = reading.table.markers[reading.place[0]]
        return () if marker is None else self._next((*reading.written, marker), way)

    def _next(self, written: tuple[Marker, ...], way: "_Ways") -> tuple[_Reading, ...]:
        """The ways to go on behind `written`."""
        self._num_kept += 1
        context = self._context(written)
        if context not in way.tables:
            way.tables[context] = self._behind(MarkerSet(written), way.limits)
        return tuple(_Reading(written, table, table.start) for table in way.tables[context])

    def _context(self, written: tuple[Marker, ...]) -> tuple[object, ...]:
        """What of `written` decides how a header goes on: its last category, and what others hang on."""
        if self._order is MarkerOrder.SHUFFLED or not written:
            return written
        last = written[-1].category
        deciding = self._decides | {last} if self._taxonomy.category(last).multiple else self._decides
        return last, tuple(marker for marker in written if marker.category in deciding)

    def _behind(self, written: MarkerSet, limits: HeaderLimits) -> tuple[PieceTable, ...]:
        """The tables of pieces that may come behind `written`."""
        pending = [m for m in limits.forced.markers if m not in written.markers]
        tables = [self._table(name, written, limits) for name in self._categories(written, pending)]
        tables += [] if pending else [self._closing]
        return tuple(table for table in tables if table is not None)

    def _categories(self, written: MarkerSet, pending: list[Marker]) -> Iterable[str]:
        """Categories that a next piece may belong to: none that would pass by a marker of `pending`."""
        if self._order is MarkerOrder.SHUFFLED:
            return [c.name for c in self._taxonomy.categories if c.multiple or c.name not in written]
        names, index = self._taxonomy.names, self._taxonomy.index
        first = index(written.markers[-1].category) if len(written) else 0
        if len(written) and not self._taxonomy.categories[first].multiple:
            first += 1
        last = min((index(marker.category) for marker in pending), default=len(names) - 1)
        return names[first : last + 1]

    def _table(self, name: str, written: MarkerSet, limits: HeaderLimits) -> PieceTable | None:
        """The pieces of a category that may come behind `written`; None if there is none."""
        category = self._taxonomy.category(name)
        both = MarkerSet((*written.markers, *(m for m in limits.forced.markers if m not in written.markers)))
        if name not in limits.forced and not applies(self._taxonomy, both, name):
            return None
        if not category.is_numeric:
            names = self._names(category, written, both, limits)
            return self._made((name, names), lambda: names)
        if name in limits.forbidden:
            return None
        buckets, forced = {m.category: m.value for m in both.markers}, limits.forced.values(name)
        first, last = number_range(self._taxonomy, category, buckets, self._greatest)
        return self._made((name, first, last, forced), lambda: forced or self._numbers(category, first, last))

    def _made(self, key: tuple[object, ...], values: Callable[[], Sequence[Scalar]]) -> PieceTable | None:
        """The table of `key`, which begins with the category; made of `values` the first time, None without any."""
        if key not in self._tables:
            markers = [Marker(str(key[0]), value) for value in values()]
            ids = self._encoder.marker_ids(markers)
            self._tables[key] = PieceTable.of(list(zip(markers, ids, strict=True))) if markers else None
        return self._tables[key]

    def _names(
        self, category: Category, written: MarkerSet, both: MarkerSet, limits: HeaderLimits
    ) -> tuple[Scalar, ...]:
        """Values of a closed list that may come next, in their order."""
        names: list[str] = [value for value in category.value_names if limits.allow(category, value)]
        if category.name in written:
            earlier = [category.value_names.index(str(value)) for value in written.values(category.name)]
            least = -1 if self._order is MarkerOrder.SHUFFLED else max(earlier)
            places = {name: category.value_names.index(name) for name in names}
            names = [name for name in names if places[name] > least and places[name] not in earlier]
        if category.derived_from is not None and (number := both.value(category.derived_from)) is not None:
            names = [name for name in names if name == category.bucket(float(number))]
        pending = [str(value) for value in limits.forced.values(category.name) if value in names]
        if pending and self._order is MarkerOrder.CANONICAL:
            names = names[: names.index(pending[0]) + 1]  # a later value would pass by the first
        for other in self._taxonomy.categories:
            rule = other.applies_when
            if rule is not None and rule.category == category.name and other.name in both:
                is_met = any(value in rule.values for value in both.values(category.name))
                names = [name for name in names if is_met or name in rule.values]
        return tuple(names)

    def _numbers(self, category: Category, first: int, last: int) -> list[Scalar]:
        if last - first >= _MOST_NUMBERS:
            raise ConfigError(
                f"Category '{category.name}' has {last - first + 1:,} different numbers, and a header is written from "
                f"a list of at most {_MOST_NUMBERS:,}. Give it minimum, maximum or fewer decimals in the taxonomy, or "
                "take generation.header=free."
            )
        return [category.parse(number / 10**category.decimals) for number in range(first, last + 1)]


def _deciding(taxonomy: Taxonomy) -> frozenset[str]:
    """Categories whose values decide what a later piece may be."""
    found: set[str] = set(taxonomy.deciding)
    for category in taxonomy.categories:
        if category.applies_when is not None:
            found.add(category.name)
        if category.derived_from is not None:
            found.add(category.name)
            if category.derived_from in taxonomy and taxonomy.index(category.derived_from) < taxonomy.index(
                category.name
            ):
                found.add(category.derived_from)
    return frozenset(found)


def _is_whole(reading: _Reading) -> bool:
    """Whether a piece of the table is complete at this place."""
    low, _, depth = reading.place
    return reading.table.ends(low, depth)
