"""Headers that are read together: where each category begins in them, and what the model says there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from treasure.errors import LeverError
from treasure.inference.category_tree import CategoryTree
from treasure.inference.header_grammar import HeaderGrammar, HeaderLimits, HeaderState
from treasure.inference.prefix_reader import Place, PrefixReader
from treasure.inference.request import GenerationRequest
from treasure.markers.header_style import MarkerOrder
from treasure.markers.marker_set import Marker, MarkerSet
from treasure.taxonomy.taxonomy import Taxonomy


@dataclass(frozen=True, slots=True)
class WeighedHeader:
    """A header of request number `request`, and its share among the headers of that request."""

    request: int
    header: MarkerSet
    share: float


@dataclass(slots=True)
class Root:
    """Where a category begins: behind the first `length` ids of a text of the batch.

    `share` is that of the request's headers that begin in this way.
    """

    request: int
    category: str
    text: int
    length: int
    tree: CategoryTree
    share: float = 0.0


class HeaderBatch:
    """The `texts` (prompts and headers, as ids) of a batch, and the different `roots` in them."""

    def __init__(
        self, taxonomy: Taxonomy, order: MarkerOrder, grammar: HeaderGrammar, pieces: Mapping[Marker, Sequence[int]]
    ) -> None:
        self._taxonomy, self._order, self._grammar, self._pieces = taxonomy, order, grammar, pieces
        self.texts: list[list[int]] = []
        self._roots: dict[tuple[int, str, tuple[int, ...]], Root] = {}

    @property
    def roots(self) -> list[Root]:
        """All different roots."""
        return list(self._roots.values())

    def add(
        self, weighed: WeighedHeader, request: GenerationRequest, prompt: Sequence[int], chosen: Sequence[str]
    ) -> None:
        """Adds the roots of the `chosen` categories, but for those that the request forces.

        Raises:
            LeverError: the header is none that the taxonomy and the request's levers allow.
        """
        state = self._grammar.start(HeaderLimits(request.forced, request.forbidden))
        ids = [*prompt, *self._grammar.opening]
        left = list(weighed.header.markers)
        for name in chosen:
            for marker in self._before(name, left):
                state = behind(state, marker, self._pieces[marker])
                ids += self._pieces[marker]
                left.remove(marker)
            if name in request.forced:
                continue
            key = (weighed.request, name, tuple(ids[len(prompt) :]))
            if key not in self._roots:
                tree = CategoryTree(self._taxonomy, name, self._order, state)
                self._roots[key] = Root(weighed.request, name, len(self.texts), len(ids), tree)
            self._roots[key].share += weighed.share
        self.texts.append(ids)

    def _before(self, name: str, markers: Sequence[Marker]) -> list[Marker]:
        """Those of `markers` that stand before category `name`: in shuffled order all of them."""
        if self._order is MarkerOrder.SHUFFLED:
            return list(markers)
        return [marker for marker in markers if self._taxonomy.index(marker.category) < self._taxonomy.index(name)]

    def read(self, reader: PrefixReader) -> None:
        """Lets all trees grow to their ends."""
        growing = self.roots
        while growing := [root for root in growing if root.tree.questions()]:
            asked = [(root, path, wanted) for root in growing for path, wanted in root.tree.questions()]
            places = [Place(root.text, root.length, path) for root, path, _ in asked]
            answers: Iterator = iter(reader.log_probabilities(places, [wanted for _, _, wanted in asked]))
            for root in growing:
                root.tree.grow([next(answers) for _ in root.tree.questions()])


def check_forced(header: MarkerSet, request: GenerationRequest) -> None:
    """Refuses a header that lacks what `request` forces.

    Raises:
        LeverError: names the marker.
    """
    for marker in request.forced.markers:
        if marker not in header.markers:
            raise LeverError(
                f"A header lacks {marker.category}={marker.value}, which the request forces. Give headers that hold it."
            )


def behind(state: HeaderState, marker: Marker, ids: Sequence[int]) -> HeaderState:
    """The state behind a piece.

    Raises:
        LeverError: the piece cannot stand there.
    """
    for token in ids:
        following = state.step(token) if token in state.allowed else None
        if following is None:
            raise LeverError(
                f"No header can go on with {marker.category}={marker.value}: the taxonomy, the request's levers or the "
                "markers before it do not allow it. Give headers that fit."
            )
        state = following
    return state
