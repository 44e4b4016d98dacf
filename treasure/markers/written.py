"""Which markers of an example are written into its two headers when it is drawn for training, and in which order."""

from collections.abc import Sequence

from treasure.markers.dropout import DropoutConfig, kept_indices
from treasure.markers.header_style import HeaderStyle, MarkerOrder
from treasure.seeding import stream


def written_markers(
    categories: Sequence[str], style: HeaderStyle, dropout: DropoutConfig, *, seed: int, epoch: int, example_id: str
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Indices into `categories` (one entry a marker) of the prompt header and of that of the completion, as written.

    Depends on the arguments alone; `dropout` is taken at its first rates. A shuffled order is drawn for each side
    apart, so that nothing can be copied by its place, and from a stream of its own, so that what is dropped stays.
    """
    key = {"seed": seed, "epoch": epoch, "example_id": example_id}
    kept = kept_indices(categories, dropout, **key) if style.in_prompt else ()
    whole = tuple(range(len(categories))) if style.in_completion else ()
    if style.order is MarkerOrder.CANONICAL:
        return kept, whole
    generator = stream("marker_order", seed, epoch, example_id)
    return tuple(generator.sample(kept, len(kept))), tuple(generator.sample(whole, len(whole)))
