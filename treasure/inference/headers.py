"""What backends know of a model's headers: what can be asked of them, how an answer is read, how a header is mended."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from treasure.errors import LeverError
from treasure.inference.config import HeaderMode
from treasure.inference.header_grammar import greatest_number
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

    def check(self, requests: Sequence[GenerationRequest], *, needs_header: bool = False) -> None:
        """Refuses markers where the model has met none; `needs_header` says that a header is to be read.

        Raises:
            LeverError: a marker is fixed or forced where the model has met no header, or none where it needs one.
        """
        has_markers = self.surface is not None
        if not (has_markers and self.style.in_prompt) and any(len(request.fixed) for request in requests):
            raise LeverError(
                "This model has met no markers in prompts, so none can be fixed there. "
                + ("Force them instead: {force: value}." if self.are_written else "It was trained without markers.")
            )
        if not self.are_written and (needs_header or any(len(r.forced) or r.forbidden for r in requests)):
            raise LeverError(
                "This model has met no header before its answers, so none can be read, forced or forbidden. "
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
        greatest = greatest_number(self.max_length)
        return header_regex(
            self.taxonomy, self.surface, forced=request.forced, forbidden=request.forbidden, greatest=greatest
        )

    def given(self, request: GenerationRequest) -> MarkerSet:
        """The header of a model that writes none: what `request` forces, and the buckets of its numbers that it
        does not forbid.
        """
        buckets = [
            Marker(c.name, c.bucket(float(number)))
            for c in self.taxonomy.categories
            if c.derived_from and c.name not in request.forced
            if (number := request.forced.value(c.derived_from)) is not None
        ]
        return self._in_order(
            [*request.forced.markers, *(bucket for bucket in buckets if _is_allowed(bucket, request))]
        )

    def mended(self, found: MarkerSet, request: GenerationRequest) -> MarkerSet:
        """`found` with what `request` forces and without what it forbids; a header that is as it should be stays so.

        What contradicts a forced marker goes: the number beside a bucket that it does not lie in, the bucket beside a
        number, what says that a forced category does not apply, and categories that no longer do.
        """
        forced = request.forced
        allowed = [m for m in found.without(forced.categories).markers if _is_allowed(m, request)]
        mended = self._in_order([*allowed, *forced.markers])
        wrong = [
            c.derived_from if c.name in forced else c.name
            for c in self.taxonomy.categories
            if c.derived_from and c.name in mended
            if (number := mended.value(c.derived_from)) is not None and c.bucket(float(number)) != mended.value(c.name)
        ]
        mended = mended.without(wrong)
        rules = {c.name: c.applies_when.category for c in self.taxonomy.categories if c.applies_when is not None}
        inapplicable = [name for name in mended.categories if not applies(self.taxonomy, mended, name)]
        mended = mended.without(rules[name] for name in inapplicable if name in forced)
        return mended.without(name for name in inapplicable if name not in forced)

    def _in_order(self, markers: Sequence[Marker]) -> MarkerSet:
        return MarkerSet(tuple(sorted(markers, key=lambda marker: self.taxonomy.index(marker.category))))

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
