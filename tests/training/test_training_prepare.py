"""Models that are compared learn from the same examples, whatever headers they write."""

from pathlib import Path

import pytest
import tiny

from treasure.data.config import OverflowPolicy, TemplateConfig
from treasure.markers.config import MarkerMode, MarkersConfig
from treasure.markers.header_style import Placement
from treasure.markers.surface import SurfaceName
from treasure.model.config import ModelConfig
from treasure.training.corpus import Corpus
from treasure.training.prepare import prepare

CONTEXT = 227
"""Room for all examples with headers of tokens on both sides, and for some with headers of text."""


def kept_ids(folder: Path, mode: MarkerMode, room: SurfaceName | None = None, overflow: str = "drop") -> list[tuple]:
    prepared = prepare(
        Corpus(tuple(tiny.corpus(16)), ()),
        tiny.TAXONOMY,
        markers=MarkersConfig(
            mode=mode, placement=Placement.PROMPT if mode is MarkerMode.WORDS else Placement.BOTH, header_room=room
        ),
        model=ModelConfig(path=None, tiny=tiny.SHAPE, max_length=CONTEXT),
        template=TemplateConfig(),
        overflow=OverflowPolicy(overflow),
        seed=0,
        cache=folder,
    )
    rows = [prepared.dataset[index] for index in range(len(prepared.dataset))]
    return [(row.example_id, len(row.content_ids)) for row in rows]


@pytest.mark.parametrize("room", list(SurfaceName))
@pytest.mark.parametrize("overflow", ["drop", "truncate_content"])
def test_with_the_same_room_all_modes_keep_the_same(tmp_path, room, overflow):
    longest = [MarkerMode.TOKENS, MarkerMode.WORDS, MarkerMode.TEXT].index(MarkerMode(room.value))
    modes = [MarkerMode.NONE, MarkerMode.TOKENS, MarkerMode.WORDS, MarkerMode.TEXT][: longest + 2]
    kept = [kept_ids(tmp_path, mode, room, overflow) for mode in modes]
    assert kept[0] and all(other == kept[0] for other in kept[1:])


def test_the_context_of_this_test_tells_the_surfaces_apart(tmp_path):
    everything = kept_ids(tmp_path, MarkerMode.NONE)
    assert len(kept_ids(tmp_path, MarkerMode.TEXT)) < len(everything) == 16
    assert kept_ids(tmp_path, MarkerMode.TOKENS) == everything
    assert kept_ids(tmp_path, MarkerMode.TEXT) == kept_ids(tmp_path, MarkerMode.NONE, SurfaceName.TEXT)
