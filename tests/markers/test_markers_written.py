"""What is written where: a shuffle changes the order alone, a placement leaves out a side, words are only words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marker_strategies import marker_sets

from treasure.errors import ConfigError
from treasure.markers.config import MarkerMode, MarkersConfig
from treasure.markers.dropout import DropoutConfig
from treasure.markers.header_style import HeaderStyle, MarkerOrder, Placement
from treasure.markers.marker_set import MarkerSet
from treasure.markers.parse import OUT_OF_ORDER
from treasure.markers.surface import SurfaceName, make_surface
from treasure.markers.written import written_markers

NAMES = ("domain", "domain", "task", "lang", "format", "style", "length_tokens")
KEY = {"seed": 3, "epoch": 1}
SHUFFLED = HeaderStyle(order=MarkerOrder.SHUFFLED)


def written(style: HeaderStyle, example: object, dropout: DropoutConfig | None = None, names=NAMES):
    return written_markers(names, style, dropout or DropoutConfig(), **KEY, example_id=str(example))


@given(example=st.integers(), count=st.integers(0, 7))
def test_a_shuffle_keeps_what_is_there_and_draws_the_same_again(example, count):
    canonical, shuffled = (written(style, example, names=NAMES[:count]) for style in (HeaderStyle(), SHUFFLED))
    assert [sorted(side) for side in shuffled] == [list(side) for side in canonical]
    assert shuffled == written(SHUFFLED, example, names=NAMES[:count])


def test_shuffles_differ_between_examples_epochs_and_sides():
    whole = DropoutConfig(dataset_dropout=0, sample_dropout=0)
    drawn = [written(SHUFFLED, i, whole) for i in range(50)]
    assert len({prompt for prompt, _ in drawn}) > 45
    assert sum(prompt == header for prompt, header in drawn) < 5
    other = [written_markers(NAMES, SHUFFLED, whole, seed=3, epoch=2, example_id=str(i)) for i in range(50)]
    assert sum(one == two for one, two in zip(drawn, other, strict=True)) < 5


@pytest.mark.parametrize("name", [SurfaceName.TEXT, SurfaceName.TOKENS], ids=str)
@given(data=st.data())
def test_a_shuffled_header_is_read_as_the_same_set(taxonomy, name, data):
    surface = make_surface(name, taxonomy)
    markers = data.draw(marker_sets(taxonomy))
    shuffled = MarkerSet(tuple(data.draw(st.permutations(markers.markers))))
    parsed = surface.parse(surface.render(shuffled) + surface.separator + "x")
    assert (parsed.markers, parsed.content) == (markers, "x")
    assert set(parsed.problems) <= {OUT_OF_ORDER}


@given(example=st.integers(), placement=st.sampled_from(Placement))
def test_a_placement_leaves_out_the_other_side_and_changes_no_draw(example, placement):
    prompt, header = written(HeaderStyle(), example)
    expected = (() if placement is Placement.COMPLETION else prompt, () if placement is Placement.PROMPT else header)
    assert written(HeaderStyle(placement), example) == expected


def test_who_writes_the_header_follows_from_place_and_loss():
    styles = {(place, learned): HeaderStyle(place, is_learned=learned) for place in Placement for learned in (0, 1)}
    assert {key for key, style in styles.items() if style.writes_header} == {
        (Placement.BOTH, 1),
        (Placement.COMPLETION, 1),
    }
    assert MarkersConfig(placement=Placement.COMPLETION).style(0.0) == HeaderStyle(
        Placement.COMPLETION, is_learned=False
    )


def test_words_are_sentences_of_the_prompt(taxonomy):
    surface = make_surface(SurfaceName.WORDS, taxonomy)
    markers = MarkerSet.of(taxonomy, {"task": "CodeFix", "lang": "French", "format": "JSON", "length_tokens": 199})
    assert surface.render(markers) == (
        " The task should be Code Fix. The lang should be French. The format should be JSON."
        " The length tokens should be 199."
    )
    assert surface.render(MarkerSet()) == "" and surface.added_tokens() == ()
    assert [piece.category for piece in surface.pieces(markers)] == [None, *markers.categories, None]
    assert surface.parse(surface.render(markers)).content == surface.render(markers)
    with pytest.raises(ConfigError, match=r"markers\.placement is both.*markers\.placement=prompt"):
        MarkersConfig(mode=MarkerMode.WORDS)
