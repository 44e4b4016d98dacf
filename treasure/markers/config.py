"""Options of markers: whether there are any, how and where they are written, and what the prompt side loses."""

from dataclasses import dataclass, field
from enum import StrEnum

from treasure.errors import ConfigError
from treasure.markers.dropout import DropoutConfig
from treasure.markers.header_style import HeaderStyle, MarkerOrder, Placement
from treasure.markers.surface import Surface, SurfaceName, make_surface
from treasure.taxonomy.taxonomy import Taxonomy


class MarkerMode(StrEnum):
    """NONE trains the Baseline; the others train a marked model on the surface of that name."""

    NONE = "none"
    TEXT = "text"
    TOKENS = "tokens"
    WORDS = "words"


@dataclass(kw_only=True, slots=True)
class MarkersConfig:
    """How examples show their markers to the model."""

    mode: MarkerMode = MarkerMode.TOKENS
    """none, text, tokens or words."""
    placement: Placement = Placement.BOTH
    """both, prompt or completion: where headers stand. words stand in the prompt."""
    order: MarkerOrder = MarkerOrder.CANONICAL
    """canonical or shuffled: the order of the markers in a header; shuffled draws it for each example and epoch."""
    dropout: DropoutConfig = field(default_factory=DropoutConfig)
    """What is removed from the prompt header during training."""
    header_room: SurfaceName | None = None
    """text, tokens or words: examples must fit the context with headers of this surface. Models that are compared need
    the same; None is the model's own surface, and tokens for none."""

    def __post_init__(self) -> None:
        if self.mode is MarkerMode.WORDS and self.placement is not Placement.PROMPT:
            raise ConfigError(
                f"markers.mode=words says markers in the user's turn alone, but markers.placement is {self.placement}. "
                "Set markers.placement=prompt, or take markers=words, which does."
            )

    def surface(self, taxonomy: Taxonomy) -> Surface | None:
        """The surface of a marked model; None for the Baseline."""
        return None if self.mode is MarkerMode.NONE else make_surface(SurfaceName(self.mode.value), taxonomy)

    def room_surface(self, taxonomy: Taxonomy) -> Surface:
        """The surface whose headers decide which examples are too long, also where none are written."""
        own = SurfaceName.TOKENS if self.mode is MarkerMode.NONE else SurfaceName(self.mode.value)
        return make_surface(self.header_room or own, taxonomy)

    def style(self, header_loss_weight: float) -> HeaderStyle:
        """How headers are met where a header token weighs `header_loss_weight` in the loss."""
        return HeaderStyle(self.placement, self.order, is_learned=header_loss_weight > 0)
