"""What backends know of a model's headers: what can be asked of them, how an answer is read, how a header is mended."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from treasure.errors import LeverError
from treasure.inference.config import HeaderMode
from treasure.inference.request import GenerationRequest
from treasure.markers.header_regex import header_regex
from treasure.markers.header_style import DEFAULT_STYLE, HeaderStyle, MarkerOrder
from treasure.markers.marker_set import Marker, MarkerSet, applies
from treasure.markers.parse import OUT_OF_ORDER, ParsedHeader
from treasure.markers.surface import Surface, make_surface
from treasure.model.levers import Levers
from treasure.taxonomy.taxonomy import Taxonomy


@dataclass(frozen=True)
class Headers:
    """How a model has met its markers. `surface` is None for a model without any.

    `max_length` is the longest text it was trained on, in tokens.
    """

    taxonomy: Taxonomy
    surface: Surface | None
    max_length: int
    style: HeaderStyle = DEFAULT_STYLE

    @classmethod
    def of(cls, levers: Levers) -> "Headers":
        """What a model folder says of them."""
        surface = None if levers.surface is None else make_surface(levers.surface, levers.taxonomy)
        return cls(levers.taxonomy, surface, levers.max_length, levers.style)

    @property
    def are_written(self) -> bool:
        """Whether answers begin with a header."""
        return self.surface is not None and self.style.in_completion

    def check(self, requests: Sequence[GenerationRequest]) -> None:
        """Refuses markers where the model has met none.

        Raises:
            LeverError: a marker is fixed or forced where the model has met no header, or none where it needs one.
        """
        has_markers = self.surface is not None
        if not (has_markers and self.style.in_prompt) and any(len(request.fixed) for request in requests):
            raise LeverError(
                "This model has met no markers in prompts, so none can be fixed there. "
                + ("Force them instead: {force: value}." if self.are_written else "It was trained without markers.")
            )
        if not self.are_written and any(len(request.forced) or request.forbidden for request in requests):
            raise LeverError(
                "This model has met no header before its answers, so none can be forced or forbidden. "
                + ("Fix markers in the prompt instead." if has_markers else "It was trained without markers.")
            )
        if self.are_written and not self.style.writes_header and not all(len(request.forced) for request in requests):
            raise LeverError(
                "This model never learned to write the header of its answers (batch.header_loss_weight was 0), so each "
                "answer needs one: force at least one marker, {force: value}."
            )

    def is_apart(self, request: GenerationRequest, mode: HeaderMode) -> bool:
        """Whether the header of an answer is settled before the content is written."""
        is_held = mode is HeaderMode.CONSTRAINED or bool(len(request.forced) or request.forbidden)
        return self.are_written and (is_held or not self.style.writes_header)

    def read(self, text: str) -> ParsedHeader:
        """The header and the content of an answer, its end taken off."""
        if self.surface is None or not self.are_written:
            return ParsedHeader(MarkerSet(), text, found=False)
        parsed = self.surface.parse(text)
        if self.style.order is MarkerOrder.CANONICAL:
            return parsed
        return replace(parsed, problems=tuple(problem for problem in parsed.problems if problem != OUT_OF_ORDER))

    @property
    def closing(self) -> str:
        """What a header ends with, without the white space around it."""
        assert self.surface is not None, "only a model with markers has headers"
        piece = self.surface.pieces(MarkerSet())[-1]
        return ((piece.token or "") + piece.text).strip()

    def written(self, markers: MarkerSet) -> str:
        """The text that stands before a content."""
        assert self.surface is not None, "only a model with markers has headers"
        return self.surface.render(markers) + self.surface.separator

    def regex(self, request: GenerationRequest) -> str:
        """Matches what `request` allows as a header."""
        assert self.surface is not None, "only a model with markers has headers"
        greatest = max(1000, 4 * self.max_length)  # characters of a text that fills the context, roughly
        return header_regex(
            self.taxonomy, self.surface, forced=request.forced, forbidden=request.forbidden, greatest=greatest
        )

    def mended(self, found: MarkerSet, request: GenerationRequest) -> MarkerSet:
        """`found` with what `request` forces and without what it forbids, in canonical order.

        What would contradict a forced marker goes: the number behind a forced bucket, the bucket of a forced number
        (which is set anew), and categories that no longer apply.
        """
        forced, taxonomy = request.forced, self.taxonomy
        partners = {c.name for c in taxonomy.categories if c.derived_from and c.derived_from in forced}
        partners |= {str(taxonomy.category(name).derived_from) for name in forced.categories}
        buckets = [
            Marker(c.name, c.bucket(float(number)))
            for c in taxonomy.categories
            if c.derived_from and c.name not in forced and (number := forced.value(c.derived_from)) is not None
        ]
        allowed = [m for m in found.without({*forced.categories, *partners}).markers if _is_allowed(m, request)]
        kept = [*allowed, *forced.markers, *buckets]
        mended = MarkerSet(tuple(sorted(kept, key=lambda marker: taxonomy.index(marker.category))))
        return mended.without([name for name in mended.categories if not applies(taxonomy, mended, name)])

    def longest(self) -> MarkerSet:
        """Markers that fill every category, so that a header never takes room from the answer."""
        values = {
            category.name: 99_999 if category.is_numeric else max(category.value_names, key=len)
            for category in self.taxonomy.categories
        }
        return MarkerSet(tuple(Marker(name, value) for name, value in values.items()))


def _is_allowed(marker: Marker, request: GenerationRequest) -> bool:
    banned = request.forbidden.get(marker.category)
    return banned is None or (bool(banned) and marker.value not in banned)
