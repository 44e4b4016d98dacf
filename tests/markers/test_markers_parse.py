"""Parsing what a model wrote: total on anything, right about what is wrong, and careful with the content."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marker_strategies import marker_sets

from treasure.markers.marker_set import MarkerSet
from treasure.markers.surface import Surface, SurfaceName, make_surface

SURFACES = pytest.mark.parametrize("name", [SurfaceName.TEXT, SurfaceName.TOKENS], ids=str)
FRAGMENTS = [
    "<MARKER_LIST>", "</MARKER_LIST>", "<domain>", "</domain>", "<lang>", " Legal ", "199", "<", ">", "|", "<|", "|>",
    "<|markers|>", "<|/markers|>", "<|domain=Legal|>", "<|domain=", "<|length_tokens|>", "<|lang|>", " ", "\n", "\n\n",
    "<length_tokens>", "</length_tokens>", "-", ".", "٣", "\x00", "\ud7ff", "Answer", "<b>", "</b>",
]  # fmt: skip


def dict_of(surface: Surface, text: str) -> dict:
    return surface.parse(text).markers.to_dict()


@SURFACES
@given(text=st.text() | st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("".join))
def test_any_text_is_parsed_and_the_content_is_its_end(taxonomy, name, text):
    surface = make_surface(name, taxonomy)
    parsed = surface.parse(text)
    assert text.endswith(parsed.content)
    assert MarkerSet.of(taxonomy, parsed.markers.to_dict()) == parsed.markers
    if not parsed.found:
        assert parsed.content == text
        assert (parsed.markers, parsed.problems) == (MarkerSet(), ())


@SURFACES
def test_mutated_headers_are_parsed(taxonomy, name):
    surface = make_surface(name, taxonomy)
    markers = MarkerSet.of(
        taxonomy, {"domain": ["Code", "Math"], "lang": "Greek", "code_type": "go", "length_tokens": 42}
    )
    whole = surface.render(markers) + surface.separator + "An answer <b>in bold</b>."
    generator = random.Random(0)
    num_different = 0
    for _ in range(2000):
        text = _mutated(whole, generator)
        parsed = surface.parse(text)
        assert text.endswith(parsed.content)
        assert MarkerSet.of(taxonomy, parsed.markers.to_dict()) == parsed.markers
        num_different += parsed.markers != markers
    assert num_different > 500  # the mutations do reach the header


def _mutated(text: str, generator: random.Random) -> str:
    for _ in range(generator.randint(1, 4)):
        i, j = sorted(generator.randrange(len(text) + 1) for _ in range(2))
        match generator.randrange(4):
            case 0:
                text = text[:i] + text[min(j, i + 5) :]
            case 1:
                text = text[:i] + generator.choice(FRAGMENTS) + text[i:]
            case 2:
                text = text[:j] + text[i:j] + text[j:]
            case _:
                text = text[: max(i, 5)] if generator.random() < 0.2 else text[:i] + text[i:].swapcase()
    return text


@SURFACES
@given(data=st.data())
def test_a_header_cut_anywhere_gives_a_part_of_its_markers_and_no_content(taxonomy, name, data):
    surface = make_surface(name, taxonomy)
    markers = data.draw(marker_sets(taxonomy))
    whole = surface.render(markers)
    opening = whole.index(">") + 1
    cut = data.draw(st.integers(opening, len(whole) - 1))
    parsed = surface.parse(whole[:cut])
    assert parsed.found
    assert parsed.problems[-1] == "the header has no end" or "cannot be" in parsed.problems[-1]
    assert parsed.content.strip() == ""
    last = {parsed.markers.markers[-1].category} if parsed.markers.markers else set()  # may be a number cut short
    assert parsed.markers.without(last).markers == markers.markers[: len(parsed.markers.without(last))]


@SURFACES
def test_white_space_before_a_header_is_allowed(taxonomy, name):
    surface = make_surface(name, taxonomy)
    header = surface.render(MarkerSet.of(taxonomy, {"domain": "Legal"}))
    assert surface.parse(f" \n {header}{surface.separator} x").content == " x"


@SURFACES
def test_a_header_later_in_the_text_is_text(taxonomy, name):
    surface = make_surface(name, taxonomy)
    text = f"Look: {surface.render(MarkerSet.of(taxonomy, {'domain': 'Legal'}))}"
    assert not surface.parse(text).found


TEXT_CASES = {
    "one newline is the separator": ("<MARKER_LIST> </MARKER_LIST>\n\nHi", {}, "\nHi", []),
    "no newline": ("<MARKER_LIST> <domain> Legal </domain> </MARKER_LIST>Hi", {"domain": "Legal"}, "Hi", []),
    "tight": ("<MARKER_LIST><domain>Legal</domain></MARKER_LIST>\nHi", {"domain": "Legal"}, "Hi", []),
    "over several lines": (
        "<MARKER_LIST>\n<domain> Legal </domain>\n</MARKER_LIST>\nHi",
        {"domain": "Legal"},
        "Hi",
        [],
    ),
    "unknown value": ("<MARKER_LIST> <domain> Law </domain> </MARKER_LIST>\nHi", {}, "Hi", ["domain cannot be 'Law'"]),
    "unknown category": ("<MARKER_LIST> <dom> x </dom> </MARKER_LIST>\nHi", {}, "Hi", ["unknown category 'dom'"]),
    "wrong order": (
        "<MARKER_LIST> <lang> Greek </lang> <domain> Legal </domain> </MARKER_LIST>\nHi",
        {"domain": "Legal", "lang": "Greek"},
        "Hi",
        ["not in canonical order"],
    ),
    "repeated marker": (
        "<MARKER_LIST> <domain> Legal </domain> <domain> Legal </domain> </MARKER_LIST>\nHi",
        {"domain": "Legal"},
        "Hi",
        ["domain Legal is repeated"],
    ),
    "one value too many": (
        "<MARKER_LIST> <lang> Greek </lang> <lang> Hindi </lang> </MARKER_LIST>\nHi",
        {"lang": "Greek"},
        "Hi",
        ["lang holds one value, Hindi is one more"],
    ),
    "does not apply": (
        "<MARKER_LIST> <domain> Legal </domain> <code_type> go </code_type> </MARKER_LIST>\nHi",
        {"domain": "Legal"},
        "Hi",
        ["code_type does not apply here"],
    ),
    "not a number": (
        "<MARKER_LIST> <length_tokens> many </length_tokens> </MARKER_LIST>\nHi",
        {},
        "Hi",
        ["cannot be 'many'"],
    ),
    "number as Python has it": (
        "<MARKER_LIST> <length_tokens> 1_0 </length_tokens> <quality> inf </quality> </MARKER_LIST>\nHi",
        {},
        "Hi",
        ["cannot be '1_0'", "cannot be 'inf'"],
    ),
    "number below the minimum": (
        "<MARKER_LIST> <length_tokens> -3 </length_tokens> </MARKER_LIST>\nHi",
        {},
        "Hi",
        ["cannot be '-3'"],
    ),
    "junk between": (
        "<MARKER_LIST> hmm <domain> Legal </domain> </MARKER_LIST>\nHi",
        {"domain": "Legal"},
        "Hi",
        ["not a marker: 'hmm'"],
    ),
    "element closed by another": (
        "<MARKER_LIST> <domain> Legal </lang> <lang> Greek </lang> </MARKER_LIST>\nHi",
        {"lang": "Greek"},
        "Hi",
        ["not a marker: '<domain> Legal </lang>'"],
    ),
    "opened twice": (
        "<MARKER_LIST> <MARKER_LIST> <domain> Legal </domain> </MARKER_LIST>\nHi",
        {"domain": "Legal"},
        "Hi",
        ["opened twice"],
    ),
    "no end, then content": (
        "<MARKER_LIST> <domain> Legal </domain>\nHello <b>x</b>\n</MARKER_LIST>",
        {"domain": "Legal"},
        "Hello <b>x</b>\n</MARKER_LIST>",
        ["no end"],
    ),
    "cut within a tag": ("<MARKER_LIST> <domain> Legal </domain> <len", {"domain": "Legal"}, "", ["no end"]),
    "cut within a value": ("<MARKER_LIST> <domain> Legal </domain> <lang> Gre", {"domain": "Legal"}, "", ["no end"]),
    "cut within a closing tag": ("<MARKER_LIST> <lang> Greek </la", {}, "", ["no end"]),
    "nothing but the opening": ("<MARKER_LIST>", {}, "", ["no end"]),
}

TOKENS_CASES = {
    "blanks between": (
        "<|markers|> <|domain=Legal|> <|length_tokens|> 199 <|/markers|> Hi",
        {"domain": "Legal", "length_tokens": 199},
        " Hi",
        [],
    ),
    "blanks between digits": (
        "<|markers|><|quality|> - 1 . 5 0<|length_tokens|> 1 9 9 <|/markers|>Hi",
        {"quality": -1.5, "length_tokens": 199},
        "Hi",
        [],
    ),
    "unknown value": ("<|markers|><|domain=Law|><|/markers|>Hi", {}, "Hi", ["domain cannot be 'Law'"]),
    "no digits": (
        "<|markers|><|length_tokens|><|lang=Greek|><|/markers|>Hi",
        {"lang": "Greek"},
        "Hi",
        ["not a marker: '<|length_tokens|>'"],
    ),
    "digits after a name": (
        "<|markers|><|lang=Greek|>12<|/markers|>Hi",
        {"lang": "Greek"},
        "Hi",
        ["not a marker: '12'"],
    ),
    "two points": (
        "<|markers|><|quality|>1.2.3<|/markers|>Hi",
        {},
        "Hi",
        ["quality cannot be '1.2.3'"],
    ),
    "no end, then content": ("<|markers|><|lang=Greek|>Hi\n2 3", {"lang": "Greek"}, "Hi\n2 3", ["no end"]),
    "no end after a number, then content with digits": (
        "<|markers|><|length_tokens|>19\n2020 was",
        {"length_tokens": 19},
        "\n2020 was",
        ["no end"],
    ),
    "cut within an entry": ("<|markers|><|lang=Greek|><|length_tok", {"lang": "Greek"}, "", ["no end"]),
    "cut before the digits": ("<|markers|><|lang=Greek|><|length_tokens|>", {"lang": "Greek"}, "", ["no end"]),
}


@pytest.mark.parametrize("case", TEXT_CASES)
def test_text_cases(taxonomy, case):
    _check_case(make_surface(SurfaceName.TEXT, taxonomy), *TEXT_CASES[case])


@pytest.mark.parametrize("case", TOKENS_CASES)
def test_tokens_cases(taxonomy, case):
    _check_case(make_surface(SurfaceName.TOKENS, taxonomy), *TOKENS_CASES[case])


def _check_case(surface: Surface, text: str, markers: dict, content: str, problems: list[str]) -> None:
    parsed = surface.parse(text)
    assert parsed.markers.to_dict() == markers
    assert parsed.content == content
    assert len(parsed.problems) == len(problems), parsed.problems
    for told, expected in zip(parsed.problems, problems, strict=True):
        assert expected in told


@SURFACES
@pytest.mark.parametrize(
    "unit", ["<", "<|", "<domain>", "<|domain=", "<|length_tokens|>1 ", " ", "\n", "<a> ", "<MARKER_LIST>"]
)
def test_long_nonsense_is_parsed_in_good_time(taxonomy, name, unit):
    surface = make_surface(name, taxonomy)
    opening = surface.render(MarkerSet()).partition(">")[0] + ">"
    start = time.process_time()
    surface.parse(opening + unit * 20_000)
    assert time.process_time() - start < 2
