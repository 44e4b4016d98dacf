"""Surfaces: how a MarkerSet is written into a text and read back, as plain text or as added vocabulary entries."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from treasure.markers.marker_set import Marker, MarkerSet
from treasure.markers.parse import ParsedHeader, Syntax, parse_header
from treasure.taxonomy.taxonomy import Category, Taxonomy


class SurfaceName(StrEnum):
    """TEXT: the paper's block, in the base tokenizer's vocabulary. TOKENS: one added vocabulary entry a marker.

    WORDS: sentences, for prompts only.
    """

    TEXT = "text"
    TOKENS = "tokens"
    WORDS = "words"


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a header that is tokenized on its own.

    `category` is None for the opening and the closing. `token` is an added vocabulary entry, or None; `text` is the
    ordinary text that follows it.
    """

    category: str | None
    token: str | None
    text: str


@runtime_checkable
class Surface(Protocol):
    """One way of writing headers. A header in a text is `render(markers) + separator`, which is all its pieces joined.

    What `render` leaves out on purpose: categories that are unknown or not applicable.
    """

    @property
    def name(self) -> SurfaceName:
        """Which surface this is."""
        ...

    @property
    def separator(self) -> str:
        """What stands between a header and the content; part of the closing piece."""
        ...

    def pieces(self, markers: MarkerSet) -> tuple[Piece, ...]:
        """The opening, one piece a marker in the set's order, and the closing, also when the set is empty."""
        ...

    def added_tokens(self) -> tuple[str, ...]:
        """All vocabulary entries this surface needs, in an order that depends on the taxonomy alone."""
        ...

    def description(self, token: str) -> str:
        """The words whose mean embedding a new row for `token` starts from.

        Raises:
            KeyError: `token` is not one of `added_tokens()`.
        """
        ...

    def render(self, markers: MarkerSet) -> str:
        """The header as text, without the separator."""
        ...

    def parse(self, text: str) -> ParsedHeader:
        """Takes the header off the start of `text`; never raises."""
        ...


_TEXT_SYNTAX = Syntax(
    opening="<MARKER_LIST>",
    closing="</MARKER_LIST>",
    separator="\n",
    element=re.compile(r"<(?P<category>[a-z][a-z0-9_]*)>(?P<value>[^<>\n]{0,400})</(?P=category)>"),
    start=re.compile(r"<(?P<category>[a-z][a-z0-9_]*)>|</MARKER_LIST>"),
    fragment=re.compile(r"<[a-z][a-z0-9_]*>[^<\n]*(</?[A-Za-z0-9_]*\Z)?|</?[A-Za-z0-9_]*\Z"),
)

_TOKENS_SYNTAX = Syntax(
    opening="<|markers|>",
    closing="<|/markers|>",
    separator="",
    # A blank inside a number counts only when another token follows: `<|length_tokens|>19 9<|/markers|>`.
    element=re.compile(
        r"<\|(?P<category>[a-z][a-z0-9_]*)(?:=(?P<value>[^|<>\n]{0,400})\|>|\|>\s*(?P<number>"
        r"[-+]? ?[0-9](?: ?[0-9.]){0,400}(?=\s*<\|)|[-+]?[0-9][0-9.]{0,400}))"
    ),
    start=re.compile(r"<\|(?P<category>[a-z][a-z0-9_]*)[=|]|<\|/markers\|>"),
    fragment=re.compile(r"<\|[^|<>\n]*\|>|<\|?[^|<>\n]{0,100}\|?\Z"),
)


class TextSurface:
    """`<MARKER_LIST> <length_tokens> 199 </length_tokens> <domain> Legal </domain> </MARKER_LIST>`, then a newline.

    A category with several values repeats its element. Adds nothing to the vocabulary.

    Source: Table 1 of D'souza et al. 2025, arXiv 2506.14702.
    """

    name = SurfaceName.TEXT
    separator = _TEXT_SYNTAX.separator

    def __init__(self, taxonomy: Taxonomy) -> None:
        self._taxonomy = taxonomy

    def pieces(self, markers: MarkerSet) -> tuple[Piece, ...]:
        """The opening, ` <category> value </category>` a marker, and the closing with its newline."""
        inside = (Piece(marker.category, None, self._element(marker)) for marker in markers.markers)
        closing = f" {_TEXT_SYNTAX.closing}{self.separator}"
        return Piece(None, None, _TEXT_SYNTAX.opening), *inside, Piece(None, None, closing)

    def _element(self, marker: Marker) -> str:
        text = self._taxonomy.category(marker.category).text(marker.value)
        return f" <{marker.category}> {text} </{marker.category}>"

    def added_tokens(self) -> tuple[str, ...]:
        """Nothing: the base vocabulary spells everything."""
        return ()

    def description(self, token: str) -> str:
        """Always raises KeyError, since no token is added."""
        raise KeyError(token)

    def render(self, markers: MarkerSet) -> str:
        """The header up to and including `</MARKER_LIST>`."""
        return _joined(self.pieces(markers)).removesuffix(self.separator)

    def parse(self, text: str) -> ParsedHeader:
        """Takes the header and the one newline after it off the start of `text`; never raises."""
        return parse_header(text, self._taxonomy, _TEXT_SYNTAX)


class TokenSurface:
    """`<|markers|><|length_tokens|>199<|domain=Legal|><|/markers|>`: no blanks, a vocabulary entry per bracket.

    Numbers are written as ordinary digits after the entry of their category.
    """

    name = SurfaceName.TOKENS
    separator = _TOKENS_SYNTAX.separator

    def __init__(self, taxonomy: Taxonomy) -> None:
        self._taxonomy = taxonomy
        self._descriptions: Mapping[str, str] = _token_descriptions(taxonomy)

    def pieces(self, markers: MarkerSet) -> tuple[Piece, ...]:
        """The opening, one entry (with digits where numeric) a marker, and the closing."""
        inside = (self._piece(marker) for marker in markers.markers)
        return Piece(None, _TOKENS_SYNTAX.opening, ""), *inside, Piece(None, _TOKENS_SYNTAX.closing, "")

    def _piece(self, marker: Marker) -> Piece:
        category = self._taxonomy.category(marker.category)
        text = category.text(marker.value)
        if category.is_numeric:
            return Piece(category.name, _number_token(category), text)
        return Piece(category.name, _value_token(category, text), "")

    def added_tokens(self) -> tuple[str, ...]:
        """The opening, every closed value and numeric category in canonical order, and the closing."""
        return tuple(self._descriptions)

    def description(self, token: str) -> str:
        """Category and value in plain words, such as `task Information Extraction`."""
        return self._descriptions[token]

    def render(self, markers: MarkerSet) -> str:
        """The header, entries and digits joined."""
        return _joined(self.pieces(markers))

    def parse(self, text: str) -> ParsedHeader:
        """Takes the header off the start of `text`, tolerating blanks between its parts; never raises."""
        return parse_header(text, self._taxonomy, _TOKENS_SYNTAX)


class WordSurface:
    """` The domain should be Legal. The length tokens should be 199.`: markers as a user might say them.

    For prompts only, as the rival that has instructions and no markers: nothing opens or closes it, no word of it is
    control, and what a model answers is never read as a header.
    """

    name = SurfaceName.WORDS
    separator = ""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self._taxonomy = taxonomy

    def pieces(self, markers: MarkerSet) -> tuple[Piece, ...]:
        """A sentence a marker, between an opening and a closing of no letters."""
        nothing = Piece(None, None, "")
        return nothing, *(Piece(marker.category, None, self._sentence(marker)) for marker in markers.markers), nothing

    def _sentence(self, marker: Marker) -> str:
        text = self._taxonomy.category(marker.category).text(marker.value)
        return f" The {marker.category.replace('_', ' ')} should be {_spaced(text)}."

    def added_tokens(self) -> tuple[str, ...]:
        """Nothing."""
        return ()

    def description(self, token: str) -> str:
        """Always raises KeyError, since no token is added."""
        raise KeyError(token)

    def render(self, markers: MarkerSet) -> str:
        """The sentences, each after a blank."""
        return _joined(self.pieces(markers))

    def parse(self, text: str) -> ParsedHeader:
        """All of `text` is content."""
        return ParsedHeader(MarkerSet(), text, found=False)


_SURFACES = {SurfaceName.TEXT: TextSurface, SurfaceName.TOKENS: TokenSurface, SurfaceName.WORDS: WordSurface}


def make_surface(name: SurfaceName, taxonomy: Taxonomy) -> Surface:
    """The surface called `name` for `taxonomy`."""
    return _SURFACES[name](taxonomy)


def _joined(pieces: tuple[Piece, ...]) -> str:
    return "".join((piece.token or "") + piece.text for piece in pieces)


def _number_token(category: Category) -> str:
    return f"<|{category.name}|>"


def _value_token(category: Category, value: str) -> str:
    return f"<|{category.name}={value}|>"


def _token_descriptions(taxonomy: Taxonomy) -> dict[str, str]:
    found = {_TOKENS_SYNTAX.opening: "markers"}
    for category in taxonomy.categories:
        words = category.name.replace("_", " ")
        if category.is_numeric:
            found[_number_token(category)] = words
        for value in category.value_names:
            found[_value_token(category, value)] = f"{words} {_spaced(value)}"
    return found | {_TOKENS_SYNTAX.closing: "end of markers"}


def _spaced(name: str) -> str:
    """`InformationExtraction` as `Information Extraction`; abbreviations such as `JSON` stay whole."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name).replace("_", " ")
