"""Counts tokens, sentences and paragraphs by the rules of a text's language, with spaCy and without any download."""

import gc
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import spacy
from spacy.language import Language

from treasure.annotation.words import MAX_WORDS, Counter, WordCounter, counter
from treasure.taxonomy.taxonomy import LENGTHS, Scalar, Taxonomy

LANGUAGE_CODES = {
    "English": "en", "French": "fr", "Spanish": "es", "Italian": "it", "German": "de", "Portuguese": "pt",
    "Japanese": "ja", "Korean": "ko", "Arabic": "ar", "Chinese": "zh", "Russian": "ru", "Polish": "pl", "Turkish": "tr",
    "Vietnamese": "vi", "Dutch": "nl", "Czech": "cs", "Indonesian": "id", "Ukrainian": "uk", "Romanian": "ro",
    "Greek": "el", "Hindi": "hi", "Hebrew": "he", "Persian": "fa",
}  # fmt: skip
"""Language names of the taxonomy -> spaCy's codes."""

ANY_LANGUAGE = "xx"
"""spaCy's code for rules that hold in most languages that part words by blanks."""

_BY_CHARACTER = "zh"
_WITHOUT_BLANKS = ("ja", "th")
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")


@dataclass(frozen=True, slots=True)
class Lengths:
    """Sizes of one text; all 0 for an empty one. White space is no token, and a paragraph's end ends its sentence."""

    tokens: int
    sentences: int
    paragraphs: int


_NOTHING = Lengths(0, 0, 0)


def count_lengths(text: str, language: str | None = None) -> Lengths:
    """Sizes of `text` in `language`, a name of `LANGUAGE_CODES`.

    Words and punctuation marks are tokens; Chinese counts characters. Languages that are unknown, or whose tokenizer
    is not installed, are counted by general rules, with one warning a language.
    """
    return count_all([(text, language)])[0]


def count_all(texts: Sequence[tuple[str, str | None]]) -> list[Lengths]:
    """`count_lengths` of each (text, language). To tokenize the words of many texts together takes half as long as text
    by text. Of an empty text no language is asked.
    """
    by_language: dict[str | None, list[int]] = {}
    for number, (text, language) in enumerate(texts):
        if text:
            by_language.setdefault(language, []).append(number)
    found: dict[int, Lengths] = {}
    for language, numbers in by_language.items():
        count = _counter(language)
        if isinstance(count, WordCounter):
            _learn_words(count, [texts[number][0] for number in numbers])
        found.update((number, _count(texts[number][0], count)) for number in numbers)
    return [found.get(number, _NOTHING) for number in range(len(texts))]


def _learn_words(counter: WordCounter, texts: list[str]) -> None:
    pieces = "\n".join(texts).split()
    for start in range(0, len(pieces), MAX_WORDS // 2):  # no more than are remembered
        counter.learn(pieces[start : start + MAX_WORDS // 2])


def _count(text: str, count: Counter) -> Lengths:
    paragraphs = [part for part in map(str.strip, _BLANK_LINE.split(text)) if part]
    tokens = sentences = 0
    for paragraph in paragraphs:
        more_tokens, more_sentences = count(paragraph)
        tokens, sentences = tokens + more_tokens, sentences + more_sentences
    return Lengths(tokens, sentences, len(paragraphs))


def length_values(text: str, language: str | None, taxonomy: Taxonomy) -> dict[str, Scalar]:
    """Category -> value for every category of `taxonomy` that is counted, or follows from a count."""
    derived = {c.name: c for c in taxonomy.categories if c.derived_from in LENGTHS}
    counted = [name for name in LENGTHS if name in taxonomy]
    if not counted and not derived:
        return {}
    lengths = count_lengths(text, language)
    numbers: dict[str, int] = dict(zip(LENGTHS, (lengths.tokens, lengths.sentences, lengths.paragraphs), strict=True))
    values: dict[str, Scalar] = {name: numbers[name] for name in counted}
    return values | {name: category.bucket(numbers[str(category.derived_from)]) for name, category in derived.items()}


@cache
def _pipeline(language: str | None) -> Language:
    """The spaCy pipeline whose tokenizer counts `language`."""
    code = ANY_LANGUAGE if language is None else LANGUAGE_CODES.get(language)
    if code is None:
        warnings.warn(f"No length rules for the language '{language}'; counting by general ones.", stacklevel=3)
        code = ANY_LANGUAGE
    try:
        pipeline = spacy.blank(code)
    except ImportError as error:
        fallback = _BY_CHARACTER if code in _WITHOUT_BLANKS else ANY_LANGUAGE
        unit = "characters" if code in _WITHOUT_BLANKS else "words between blanks"
        package = " ".join(str(error).split())[:120]
        warnings.warn(
            f"Lengths of {language} are counted in {unit}: spaCy needs a package ({package} …).", stacklevel=3
        )
        pipeline = spacy.blank(fallback)
    pipeline.max_length = 10**9  # the limit guards parsers, and there is none here
    gc.collect()  # else what is garbage now, such as the model of the job before, would be frozen too, and stay
    gc.freeze()  # its tables live as long as the process: to look them through for garbage took a twentieth of all time
    return pipeline


@cache
def _counter(language: str | None) -> Counter:
    return counter(_pipeline(language))
