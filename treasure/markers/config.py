"""Options of markers: whether there are any, how they are written, and how much of the prompt side is dropped."""

from dataclasses import dataclass, field
from enum import StrEnum

from treasure.markers.dropout import DropoutConfig
from treasure.markers.surface import Surface, SurfaceName, make_surface
from treasure.taxonomy.taxonomy import Taxonomy


class MarkerMode(StrEnum):
    """NONE trains the Baseline; TEXT and TOKENS train a marked model on that surface."""

    NONE = "none"
    TEXT = "text"
    TOKENS = "tokens"


@dataclass(kw_only=True, slots=True)
class MarkersConfig:
    """How examples show their markers to the model."""

    mode: MarkerMode = MarkerMode.TOKENS
    """none, text or tokens."""
    dropout: DropoutConfig = field(default_factory=DropoutConfig)
    """What is removed from the prompt header during training."""
    header_room: SurfaceName | None = None
    """text or tokens: examples must fit the context with headers of this surface. Models that are compared need the
    same; None is the model's own surface, and tokens for none."""

    def surface(self, taxonomy: Taxonomy) -> Surface | None:
        """The surface of a marked model; None for the Baseline."""
        return None if self.mode is MarkerMode.NONE else make_surface(SurfaceName(self.mode.value), taxonomy)

    def room_surface(self, taxonomy: Taxonomy) -> Surface:
        """The surface whose headers decide which examples are too long, also where none are written."""
        own = SurfaceName.TOKENS if self.mode is MarkerMode.NONE else SurfaceName(self.mode.value)
        return make_surface(self.header_room or own, taxonomy)
