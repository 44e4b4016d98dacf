"""Surfaces: both write the same set and read it back, and say what a new vocabulary entry stands for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marker_strategies import marker_sets

from treasure.markers.marker_set import MarkerSet
from treasure.markers.surface import SurfaceName, make_surface
from treasure.taxonomy.load import taxonomy_from_dict

SURFACES = pytest.mark.parametrize("name", [SurfaceName.TEXT, SurfaceName.TOKENS], ids=str)


@SURFACES
@given(data=st.data(), content=st.text())
def test_parse_inverts_render_and_keeps_the_content(taxonomy, name, data, content):
    surface = make_surface(name, taxonomy)
    markers = data.draw(marker_sets(taxonomy))
    parsed = surface.parse(surface.render(markers) + surface.separator + content)
    assert parsed.markers == markers
    assert parsed.content == content
    assert parsed.found
    assert parsed.problems == ()


@SURFACES
@given(data=st.data())
def test_content_that_looks_like_a_header_is_kept_and_told(taxonomy, name, data):
    surface = make_surface(name, taxonomy)
    first, second = data.draw(marker_sets(taxonomy)), data.draw(marker_sets(taxonomy))
    content = surface.render(second) + surface.separator + "text"
    parsed = surface.parse(surface.render(first) + surface.separator + content)
    assert (parsed.markers, parsed.content) == (first, content)
    assert parsed.problems == ("a second header follows the first",)


@SURFACES
@given(data=st.data())
def test_pieces_are_opening_one_a_marker_and_closing(taxonomy, name, data):
    surface = make_surface(name, taxonomy)
    markers = data.draw(marker_sets(taxonomy))
    pieces = surface.pieces(markers)
    assert [piece.category for piece in pieces] == [None, *(m.category for m in markers.markers), None]
    assert "".join((p.token or "") + p.text for p in pieces) == surface.render(markers) + surface.separator
    assert {piece.token for piece in pieces} - {None} <= set(surface.added_tokens())


@SURFACES
def test_what_does_not_apply_is_not_written(taxonomy, name):
    surface = make_surface(name, taxonomy)
    markers = MarkerSet.of(taxonomy, {"domain": "Legal"}, not_applicable=["code_type"])
    assert surface.render(markers) == surface.render(markers.without([]).only(["domain"]))
    assert "code_type" not in surface.render(markers)
    assert surface.parse(surface.render(markers)).markers.not_applicable == frozenset()


def test_text_is_written_as_in_the_paper(taxonomy):
    surface = make_surface(SurfaceName.TEXT, taxonomy)
    markers = MarkerSet.of(taxonomy, {"length_tokens": 199, "domain": ["Legal", "Finance"], "quality": 1})
    assert surface.render(markers) == (
        "<MARKER_LIST> <domain> Legal </domain> <domain> Finance </domain> <quality> 1.00 </quality> "
        "<length_tokens> 199 </length_tokens> </MARKER_LIST>"
    )
    assert surface.render(MarkerSet()) == "<MARKER_LIST> </MARKER_LIST>"
    assert surface.added_tokens() == ()
    with pytest.raises(KeyError):
        surface.description("<|domain=Legal|>")


def test_tokens_are_written_without_blanks(taxonomy):
    surface = make_surface(SurfaceName.TOKENS, taxonomy)
    markers = MarkerSet.of(taxonomy, {"length_tokens": 199, "domain": "Legal", "quality": -1.5})
    assert surface.render(markers) == "<|markers|><|domain=Legal|><|quality|>-1.50<|length_tokens|>199<|/markers|>"
    assert surface.render(MarkerSet()) == "<|markers|><|/markers|>"


def test_tokens_add_one_entry_a_marker_and_two_brackets(taxonomy):
    surface = make_surface(SurfaceName.TOKENS, taxonomy)
    tokens = surface.added_tokens()
    assert len(tokens) == len(set(tokens)) == taxonomy.num_markers + 2
    assert (tokens[0], tokens[-1]) == ("<|markers|>", "<|/markers|>")
    assert tokens == make_surface(SurfaceName.TOKENS, taxonomy).added_tokens()


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("<|task=InformationExtraction|>", "task Information Extraction"),
        ("<|format=JSON|>", "format JSON"),
        ("<|format=MCQAnswer|>", "format MCQ Answer"),
        ("<|quality_bucket=1|>", "quality bucket 1"),
        ("<|length_tokens|>", "length tokens"),
    ],
)
def test_descriptions_are_plain_words(taxonomy, token, words):
    assert make_surface(SurfaceName.TOKENS, taxonomy).description(token) == words


def test_every_added_token_has_its_own_description(taxonomy):
    surface = make_surface(SurfaceName.TOKENS, taxonomy)
    descriptions = [surface.description(token) for token in surface.added_tokens()]
    assert all(descriptions)
    assert len(set(descriptions)) == len(descriptions)


@SURFACES
def test_values_with_odd_letters_survive(name):
    values = ["C++", "C#", "a=b", "été d'hiver", "日本語", "100%", "/slash", "x y"]
    taxonomy = taxonomy_from_dict({"name": "t", "categories": {"a": {"kind": "nominal", "values": values}}}, "test")
    surface = make_surface(name, taxonomy)
    for value in values:
        markers = MarkerSet.of(taxonomy, {"a": value})
        assert surface.parse(surface.render(markers) + surface.separator + "x").markers == markers
