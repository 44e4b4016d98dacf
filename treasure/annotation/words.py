"""Counts the tokens and sentences of paragraphs as spaCy's tokenizers and its Sentencizer do, from remembered words.

spaCy splits a text at white space and tokenizes what lies between piece by piece, so a piece that was seen before need
not be tokenized again. Words repeat so often that this is many times faster than building a document for each text.
"""

import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import chain, filterfalse
from typing import Any, NamedTuple

from spacy.attrs import IS_PUNCT, IS_SPACE, ORTH
from spacy.language import Language
from spacy.pipeline import Sentencizer
from spacy.strings import StringStore
from spacy.tokenizer import Tokenizer

from treasure.annotation.word_shapes import ONE, WordShapes

Counter = Callable[[str], tuple[int, int]]
"""(tokens, sentences) of one paragraph, which has no white space at its ends and is not empty."""
ENDS = frozenset(Sentencizer.default_punct_chars)
"""The marks that end a sentence in any language."""
MAX_WORDS = 100_000
"""Pieces that are remembered for a language; beyond, remembering starts anew, so that memory is bounded."""
MAX_PIECE = 500
"""Characters of a piece without white space up to which it is tokenized at once: spaCy's time grows with the square.
What is longer is no word; it is cut every `_CUT` characters, where a count may differ from spaCy's by a few."""
_CUT = 100
_BLANK_TOKEN = re.compile(r"[^\S ]\s*| \s+")
"""White space that is a token of its own: all but a single blank."""

_SURROGATE = re.compile("[\ud800-\udfff]")
"""Halves of characters, which spaCy cannot store."""


def counter(pipeline: Language) -> Counter:
    """The fastest counter that agrees with the tokenizer of `pipeline`."""
    tokenizer = pipeline.tokenizer
    if isinstance(tokenizer, Tokenizer):
        return WordCounter(pipeline, tokenizer)
    if getattr(tokenizer, "segmenter", None) == "char":
        return count_characters
    return lambda paragraph: _count(_tokens(pipeline, paragraph))


class WordCounter:
    """Counts by a tokenizer that works piece by piece."""

    def __init__(self, pipeline: Language, tokenizer: Tokenizer) -> None:
        _make_lean(pipeline)
        self._pipeline = pipeline
        self._kinds = _Kinds()
        self._words: dict[str, str] = {}  # a piece and its kind
        self._exceptions = frozenset(tokenizer.rules or ())
        self._shape_of = WordShapes(tokenizer)
        self._shapes: dict[str, str] = {ONE: _PLAIN}
        self._spaced = tuple(rule for rule in tokenizer.rules or {} if " " in rule.strip())
        self._first_pieces = tuple({rule.split()[0] for rule in self._spaced})
        self._may_begin_spaced: set[str] = set()

    def __call__(self, paragraph: str) -> tuple[int, int]:
        """(tokens, sentences) of a paragraph without white space at its ends."""
        try:
            counts = self._of_known(paragraph)
        except KeyError:
            self.learn(paragraph.split())
            counts = self._of_known(paragraph)
        if self._may_begin_spaced and self._has_spaced(paragraph):
            return _count(_tokens(self._pipeline, paragraph))
        return counts

    def _of_known(self, paragraph: str) -> tuple[int, int]:
        """The counts by remembered words alone. Raises KeyError where a piece is new."""
        tokens, sentences, is_over = 0, 1, False
        for number, pieces in enumerate(_segments(paragraph)):
            if number and is_over:  # white space that is a token begins the next sentence
                sentences, is_over = sentences + 1, False
            kinds = "".join(map(self._words.__getitem__, pieces))
            tokens += len(kinds)
            for kind, plain in _NOT_PLAIN.findall(kinds):
                word = self._kinds.words[kind]
                tokens += word.tokens - 1
                sentences, is_over = _follow((sentences, is_over), word)
                if plain and is_over:
                    sentences, is_over = sentences + 1, False
        return tokens, sentences

    def learn(self, pieces: Sequence[str]) -> None:
        """Remembers all of `pieces`; new ones are tokenized together, which takes far less than one by one."""
        new = dict.fromkeys(filterfalse(self._words.__contains__, pieces), _PLAIN)
        if not new:
            return
        if len(self._words) + len(new) > MAX_WORDS:
            self._words.clear()
            self._shapes = {ONE: _PLAIN}
            self._kinds = _Kinds()  # after all that holds its characters, should a signal come in between
            self._may_begin_spaced.clear()
            new = dict.fromkeys(pieces, _PLAIN)
        if self._first_pieces:
            self._may_begin_spaced.update(piece for piece in new if piece.endswith(self._first_pieces))
        marked = [piece for piece in new if not piece.isalpha() or piece in self._exceptions]
        long = {piece: _cut(piece) for piece in marked if len(piece) > MAX_PIECE}
        short = {piece: self._shape_of(piece) for piece in chain(marked, *long.values()) if piece not in long}
        asked = {shape: piece for piece, shape in short.items() if shape not in self._shapes}
        if asked:
            counted = _by_line(_tokens(self._pipeline, "\n".join(asked.values())))
            self._shapes.update(zip(asked, map(self._kinds.of, map(_word, counted)), strict=True))
        new.update((piece, self._shapes[shape]) for piece, shape in short.items())
        for piece, parts in long.items():
            new[piece] = self._kinds.of(_joined(self._kinds.words[new[part]] for part in parts))
        self._words.update(new)

    def _has_spaced(self, paragraph: str) -> bool:
        """Whether a word with a blank inside, such as 'EE. UU.', stands in `paragraph`; to spaCy it is one token."""
        if self._may_begin_spaced.isdisjoint(paragraph.split(" ")):
            return False
        return any(rule in paragraph for rule in self._spaced)


class _Word(NamedTuple):
    """What a piece does to a count: its tokens; the sentences that begin in it and whether one is over behind it, first
    where none was over before it, then where one was.
    """

    tokens: int
    begun: int
    is_over: bool
    begun_after_end: int
    is_over_after_end: bool


_PLAIN = "a"
"""The kind of a word that is one token and ends no sentence, as most are."""
_NOT_PLAIN = re.compile(f"([^{_PLAIN}])({_PLAIN}?)")
"""A word of another kind, and a plain one behind it, which begins a sentence where one is over."""


class _Kinds:
    """A character for each different `_Word`: a text becomes a string, in which plain words are skipped at once."""

    def __init__(self) -> None:
        self.words = {_PLAIN: _Word(1, 0, False, 1, False)}
        self._characters = {word: kind for kind, word in self.words.items()}

    def of(self, word: _Word) -> str:
        """The character that stands for `word`."""
        kind = self._characters.setdefault(word, chr(ord(_PLAIN) + len(self._characters)))
        self.words[kind] = word
        return kind


def _segments(paragraph: str) -> list[list[str]]:
    """The pieces between white space that is a token of its own."""
    pieces = paragraph.split()
    if " ".join(pieces) == paragraph:
        return [pieces]
    return [segment.split(" ") for segment in _BLANK_TOKEN.split(paragraph)]


def _make_lean(pipeline: Language) -> None:
    """From now on `pipeline` works out of a new word only what is asked for here; the rest takes most of its time."""
    vocab: Any = pipeline.vocab  # spaCy's types leave this attribute out
    vocab.lex_attr_getters = {name: vocab.lex_attr_getters[name] for name in (IS_PUNCT, IS_SPACE)}


Token = tuple[bool, bool, bool]
"""Whether a token ends a sentence, whether it is punctuation, whether it is white space."""


def _tokens(pipeline: Language, text: str) -> list[Token]:
    """The tokens of `text`, by spaCy itself."""
    if not text.isascii():
        text = _SURROGATE.sub("\ufffd", text)
    ends = _end_hashes()
    with pipeline.memory_zone():  # else spaCy would keep each word that it ever saw
        table = pipeline.make_doc(text).to_array([ORTH, IS_PUNCT, IS_SPACE]).tolist()
    return [(orth in ends, bool(is_punctuation), bool(is_space)) for orth, is_punctuation, is_space in table]


def _by_line(tokens: list[Token]) -> Iterator[list[Token]]:
    """The tokens between tokens of white space."""
    line: list[Token] = []
    for token in tokens:
        if token[2]:
            yield line
            line = []
        else:
            line.append(token)
    yield line


@cache
def _end_hashes() -> frozenset[int]:
    """The marks that end a sentence, as numbers that are the same in all vocabularies."""
    strings = StringStore()
    return frozenset(strings.add(mark) for mark in ENDS)


def _count(tokens: list[Token]) -> tuple[int, int]:
    begun, _ = _sentences(tokens, False)
    return sum(not is_space for _, _, is_space in tokens), 1 + begun


def _word(tokens: list[Token]) -> _Word:
    return _Word(len(tokens), *_sentences(tokens, False), *_sentences(tokens, True))


def _cut(piece: str) -> list[str]:
    return [piece[start : start + _CUT] for start in range(0, len(piece), _CUT)]


def _joined(words: Iterable[_Word]) -> _Word:
    tokens, plain, after_end = 0, (0, False), (0, True)
    for word in words:
        tokens += word.tokens
        plain, after_end = _follow(plain, word), _follow(after_end, word)
    return _Word(tokens, *plain, *after_end)


def _follow(state: tuple[int, bool], word: _Word) -> tuple[int, bool]:
    begun, is_over = state
    return (begun + word.begun_after_end, word.is_over_after_end) if is_over else (begun + word.begun, word.is_over)


def _sentences(tokens: list[Token], is_over: bool) -> tuple[int, bool]:
    """(sentences that begin, whether one is over behind): one begins at the first word behind a mark that ends one."""
    begun = 0
    for ends_one, marks, _ in tokens:
        if ends_one:
            is_over = True
        elif is_over and not marks:
            begun, is_over = begun + 1, False
    return begun, is_over


def count_characters(paragraph: str) -> tuple[int, int]:
    """Counts each character as a token, as spaCy does for Chinese."""
    begun = len(_sentence_start().findall(paragraph))
    return len("".join(paragraph.split())), 1 + begun


@cache
def _sentence_start() -> re.Pattern[str]:
    """Matches a mark that ends a sentence together with the marks behind it, where more follows."""
    marks = {chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)).startswith("P")}
    ends, skipped = ("".join(map(re.escape, sorted(chars))) for chars in (ENDS, marks | ENDS))
    return re.compile(f"[{ends}](?: ?[{skipped}])*+(?!\\Z)")
