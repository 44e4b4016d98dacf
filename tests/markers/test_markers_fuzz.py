"""Headers that were written wrongly in any way: parsing never fails, keeps only what is valid, and takes its time."""

import itertools
import time

import pytest
from header_fuzz import PIECES, mutated
from hypothesis import given
from hypothesis import strategies as st
from marker_strategies import marker_sets

from treasure.markers.marker_set import Marker, MarkerSet
from treasure.markers.surface import Surface, SurfaceName, make_surface
from treasure.taxonomy.taxonomy import Category, Kind, Taxonomy, Value

NAMES = (SurfaceName.TEXT, SurfaceName.TOKENS)
SURFACES = pytest.mark.parametrize("name", NAMES, ids=str)


def check(text: str, surface: Surface, taxonomy: Taxonomy) -> bool:
    """All that holds of any text; whether it is a header without a problem."""
    parsed = surface.parse(text)
    assert text.endswith(parsed.content), text
    assert MarkerSet.of(taxonomy, parsed.markers.to_dict()) == parsed.markers, text
    if not parsed.found:
        assert (parsed.content, parsed.markers, parsed.problems) == (text, MarkerSet(), ()), text
        return False
    again = surface.parse(surface.render(parsed.markers) + surface.separator + parsed.content)
    assert (again.markers, again.content, again.found) == (parsed.markers, parsed.content, True), text
    assert again.problems in ((), ("a second header follows the first",)), text
    return not parsed.problems


@SURFACES
@given(data=st.data())
def test_what_is_right_comes_back_and_what_is_wrong_does_no_harm(taxonomy, name, data):
    surface = make_surface(name, taxonomy)
    texts = [surface.render(data.draw(marker_sets(taxonomy))) + surface.separator for _ in range(2)]
    assert check(texts[0] + "Hi", surface, taxonomy)
    cuts = [data.draw(st.integers(0, len(text))) for text in texts]
    between = data.draw(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=4).map("".join))
    check(texts[0][: cuts[0]] + between + texts[1][cuts[1] :], surface, taxonomy)


def fuzz(taxonomy: Taxonomy, count: int, seed: int) -> None:
    """Half of the texts come from either surface; the other has to bear them too."""
    surfaces = [make_surface(name, taxonomy) for name in NAMES]
    for surface, other in (surfaces, surfaces[::-1]):
        num_found = num_valid = 0
        for text in mutated(surface, taxonomy, seed, count // 2):
            num_valid += check(text, surface, taxonomy)
            num_found += surface.parse(text).found
            other.parse(text)
        assert num_valid > count / 40  # those without a mutation
        assert num_found > count / 4  # the mutations do not all miss the parser


def test_5_000_mutated_headers(taxonomy):
    fuzz(taxonomy, 5_000, seed=0)


@pytest.mark.slow
def test_a_million_mutated_headers(taxonomy):
    fuzz(taxonomy, 1_000_000, seed=1)


@SURFACES
@pytest.mark.parametrize(
    "unit", [*PIECES, "<domain> Legal </domain> ", "<|domain=Legal|> ", "<|length_tokens|> 1 2 ", "<a"]
)
def test_a_hundred_thousand_letters_are_parsed_within_a_second(taxonomy, name, unit):
    surface = make_surface(name, taxonomy)
    opening = surface.render(MarkerSet()).partition(">")[0] + ">"
    starts = (opening, opening + "<domain>", opening + "<|length_tokens|>1")
    for start, end in itertools.product(starts, ("", "</domain><|/markers|> </MARKER_LIST>\n")):
        text = start + unit * ((100_000 - len(start)) // len(unit)) + end
        begun = time.process_time()
        surface.parse(text)
        assert time.process_time() - begun < 1, (start, end)


@SURFACES
def test_values_that_are_nearly_right_take_no_longer(name):
    """Looking for the value that was meant takes long, and nobody reads it here."""
    values = tuple(Value(f"{number:04}" * 10) for number in range(100))
    taxonomy = Taxonomy("alike", (Category("shape", Kind.NOMINAL, values=values),))
    surface = make_surface(name, taxonomy)
    header = surface.render(MarkerSet((Marker("shape", values[7].name),)))
    element = surface.pieces(MarkerSet((Marker("shape", values[7].name),)))[1]
    wrong = ((element.token or "") + element.text).replace("0007", "0x07", 1)
    begun = time.process_time()
    parsed = surface.parse(header.replace((element.token or "") + element.text, wrong * (100_000 // len(wrong))))
    assert time.process_time() - begun < 1
    assert (len(parsed.problems), parsed.markers) == (100_000 // len(wrong), MarkerSet())
