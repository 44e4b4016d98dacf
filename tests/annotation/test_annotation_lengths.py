"""Lengths: counted in the unit of the language, never failing, agreeing with the buckets."""

import gc
import re
import warnings
import weakref
from functools import cache
from operator import itemgetter

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.language import Language
from spacy.util import get_lang_class

from treasure.annotation import lengths, words
from treasure.annotation.lengths import (
    LANGUAGE_CODES,
    Lengths,
    _counter,
    _pipeline,
    count_all,
    count_lengths,
    length_values,
)
from treasure.taxonomy.taxonomy import LENGTHS

SOME_LANGUAGES = ["English", "French", "Chinese", "Japanese", "Thai", "Arabic", None]
CASES = {
    "empty": ("", "English", Lengths(0, 0, 0)),
    "white space": (" \n\n \t\n", "English", Lengths(0, 0, 0)),
    "English": ("It's late. Go home!", "English", Lengths(7, 2, 1)),
    "two paragraphs": ("First one.\n\nSecond one, longer.", "English", Lengths(8, 2, 2)),
    "blank line with blanks": ("One.\n \t\nTwo.", "English", Lengths(4, 2, 2)),
    "many blank lines": ("One.\n\n\n\nTwo.\n\n", "English", Lengths(4, 2, 2)),
    "one newline is no paragraph": ("One line\nand another", "English", Lengths(4, 1, 1)),
    "a heading ends a sentence": ("Heading\n\nText.", "English", Lengths(3, 2, 2)),
    "French": ("L'été arrive. Enfin !", "French", Lengths(6, 2, 1)),
    "Chinese counts characters": ("你好，世界。我很好！", "Chinese", Lengths(10, 2, 1)),
    "Russian": ("Привет, мир. Как дела?", "Russian", Lengths(7, 2, 1)),
    "Hindi": ("नमस्ते दुनिया। सब ठीक है।", "Hindi", Lengths(7, 2, 1)),
    "Arabic": ("مرحبا بالعالم. كيف حالك؟", "Arabic", Lengths(6, 2, 1)),
    "language unknown": ("One two. Three", None, Lengths(4, 2, 1)),
}


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*(are counted in|counting by general).*")
        yield


@pytest.mark.parametrize("case", CASES)
def test_counts_by_hand(case):
    text, language, expected = CASES[case]
    assert count_lengths(text, language) == expected


@given(
    text=st.text(alphabet="ab .!?\n。नé'-", max_size=80),
    language=st.sampled_from(SOME_LANGUAGES),
)
def test_any_text_is_counted_in_any_language(text, language):
    found = count_lengths(text, language)
    assert found.tokens >= found.sentences >= found.paragraphs
    assert (found.paragraphs == 0) == (not text.strip())


def test_every_language_of_the_taxonomy_has_a_code(taxonomy):
    assert set(LANGUAGE_CODES) == set(taxonomy.category("lang").value_names)
    assert len(set(LANGUAGE_CODES.values())) == 23


def test_japanese_is_never_one_token_a_sentence():
    assert count_lengths("これは日本語です。そうです。", "Japanese").tokens >= 6


def test_falling_back_is_told_once_a_language(monkeypatch):
    def blank(code: str) -> Language:
        if code == "ja":
            raise ImportError("install a package")
        return Language() if code == "xx" else get_lang_class(code)()

    _pipeline.cache_clear()
    _counter.cache_clear()
    monkeypatch.setattr(spacy, "blank", blank)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        counts = [count_lengths("そうです。", "Japanese").tokens for _ in range(3)]
        counts += [count_lengths("a b", "Zulu").tokens for _ in range(3)]
    _pipeline.cache_clear()
    _counter.cache_clear()
    assert counts == [5, 5, 5, 2, 2, 2]
    assert [str(warning.message) for warning in told] == [
        "Lengths of Japanese are counted in characters: spaCy needs a package (install a package …).",
        "No length rules for the language 'Zulu'; counting by general ones.",
    ]


def test_of_an_empty_text_no_language_is_asked():
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        counts = count_all([("", "Quechua"), ("a b", "English")])
    assert counts == [Lengths(0, 0, 0), Lengths(2, 1, 1)]
    assert not told, "a language whose rules are missing is told of where they are asked"


def test_what_is_garbage_is_not_frozen_with_the_tables():
    class Cycle:
        pass

    garbage = Cycle()
    garbage.itself, gone = garbage, weakref.ref(garbage)
    gc.disable()
    try:
        del garbage
        _pipeline.__wrapped__("Dutch")
    finally:
        gc.enable()
    gc.collect()
    assert gone() is None


def test_values_cover_what_the_taxonomy_asks_for(taxonomy):
    text = "word " * 300
    assert length_values(text, "English", taxonomy) == {
        "length_tokens": 300, "length_sentences": 1, "length_paragraphs": 1, "length_bucket": "medium",
    }  # fmt: skip
    assert length_values(text, "English", taxonomy.only(["length_bucket", "lang"])) == {"length_bucket": "medium"}
    assert length_values(text, "English", taxonomy.only(["length_tokens"])) == {LENGTHS[0]: 300}
    assert length_values(text, "English", taxonomy.only(["lang"])) == {}


def test_long_texts_are_counted():
    assert count_lengths("word " * 250_000, "English").tokens == 250_000  # longer than spaCy's own limit


def test_pipelines_are_made_once():
    assert _pipeline("French") is _pipeline("French")


PARTS = ["Dr", "a", "3.5", "end", ".", "!", "?!", "…", "。", "؟", "।", ",", ")", '"', "-", " ", "\n", "  "]
WORDS = st.lists(st.sampled_from(PARTS), max_size=25)


@cache
def fresh_pipeline(language: str | None) -> Language:
    """One that nobody has made lean."""
    pipeline = _pipeline.__wrapped__(language)
    pipeline.add_pipe("sentencizer")
    return pipeline


def by_spacy(text: str, language: str | None) -> Lengths:
    """What spaCy itself counts, paragraph by paragraph."""
    pipeline = fresh_pipeline(language)
    tokens = sentences = 0
    paragraphs = [part for part in map(str.strip, re.split(r"\n[^\S\n]*\n", text)) if part]
    for paragraph in paragraphs:
        doc = pipeline(paragraph)
        tokens += sum(not token.is_space for token in doc)
        sentences += len(list(doc.sents))
    return Lengths(tokens, sentences, len(paragraphs))


@given(
    text=st.text(max_size=60) | WORDS.map(" ".join) | WORDS.map("".join),
    language=st.sampled_from(["English", "French", "Chinese", "Arabic", "Hindi", "Greek", "Persian", None]),
)
def test_tokens_and_sentences_are_those_of_spacy(text, language):
    assert count_lengths(text, language) == by_spacy(text, language)


@given(
    text=st.text(alphabet="ab1.,:;()[]<>=-_'\"/@# \n\t\u00a0\u3000。！？你", max_size=40),
    language=st.sampled_from(SOME_LANGUAGES),
)
def test_any_mix_of_marks_is_cut_as_spacy_cuts_it(text, language):
    assert count_lengths(text, language) == by_spacy(text, language)


@given(
    text=st.text(alphabet=st.characters(categories=["L", "Zs"]), max_size=60),
    language=st.sampled_from(["English", "German", "Turkish", "Greek", "Arabic", "Russian", None]),
)
def test_letters_alone_are_one_token(text, language):
    assert count_lengths(text, language) == by_spacy(text, language)


MARKED = st.tuples(
    st.text(alphabet='"„«([.,*', max_size=2) | st.sampled_from(["'", "’"]),
    st.text(alphabet=st.characters(categories=["L", "No"]), min_size=1, max_size=6)
    | st.sampled_from(["ye", "Dr", "etc", "z", "bzw", "κ", "ул", "XIV", "ABD", "m²", "m³", "nº", "dwu", "καλο"]),
    st.text(alphabet='.,:;!?"”»)-*', max_size=3) | st.sampled_from(["'", "’", "'.", "’,"]),
).map("".join)
ALIKE = [
    ("Turkish", "XIV.", "ABD."), ("English", "m³.", "m²."), ("English", "nº.", "no."), ("Polish", "dwu-", "post-"),
    ("Greek", "λέξη*", "word*"), ("Greek", "abc-", "καλο-"), ("Greek", "'ab'", "'ye'"), ("German", "bzw.", "abc."),
]  # fmt: skip


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(("language", "one", "other"), ALIKE)
def test_words_of_one_form_that_a_language_cuts_otherwise_are_told_apart(language, one, other, order):
    _counter.cache_clear()
    for word in (one, other)[::order]:  # the first must not stand for the second
        assert count_lengths(word, language) == by_spacy(word, language), word


@given(text=st.lists(MARKED, max_size=6).map(" ".join), language=st.sampled_from(ALIKE).map(itemgetter(0)))
def test_words_with_marks_around_are_cut_as_spacy_cuts_them(text, language):
    assert count_lengths(text, language) == by_spacy(text, language)


@pytest.mark.slow
@settings(max_examples=1000)
@given(text=st.lists(MARKED, max_size=6).map(" ".join), language=st.sampled_from([*LANGUAGE_CODES, None]))
def test_so_they_are_in_every_language(text, language):
    assert count_lengths(text, language) == by_spacy(text, language)


@given(texts=st.lists(st.tuples(WORDS.map(" ".join), st.sampled_from(SOME_LANGUAGES)), max_size=4))
def test_words_that_are_learned_together_count_the_same(texts):
    _counter.cache_clear()
    learned = count_all(texts)
    _counter.cache_clear()
    assert learned == [count_lengths(*one) for one in texts]


SPACED = {
    "Spanish": "En (EE. UU. y otros). Sí.",
    "Russian": "Это вед. науч. сотр. Иванов, в т.ч. он.",
    "Greek": "Ο Αγ. Γρ. ήταν εδώ.",
    "Indonesian": "Ia Dr. med. Budi.",
}


@pytest.mark.parametrize(
    "language",
    [pytest.param(name, marks=pytest.mark.slow if name == "Indonesian" else ()) for name in SPACED],  # seconds to load
)
def test_words_with_a_blank_inside_are_one_token_where_spacy_says_so(language):
    assert count_lengths(SPACED[language], language) == by_spacy(SPACED[language], language)


def test_a_word_that_never_ends_takes_no_longer_than_a_page():
    assert count_lengths("(" * 1_000_000, "English").tokens == 1_000_000
    assert count_lengths("你好。" * 300_000, "Chinese") == Lengths(900_000, 300_000, 1)


def test_halves_of_characters_are_counted():
    assert count_lengths("a \ud800 b\udfff.", "English").tokens >= 3


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(words, "MAX_WORDS", 100)
    monkeypatch.setattr(lengths, "MAX_WORDS", 100)
    text = "\n\n".join(f"w{number}. v{number}" for number in range(500))
    assert count_lengths(text, "English") == by_spacy(text, "English")
    assert len(_counter("English")._words) <= 100


@pytest.mark.parametrize("language", ["English", "Turkish", None])
def test_letters_without_an_end_are_one_token(language):
    text = f"One {'ab' * 1_000} two."
    assert count_lengths(text, language) == by_spacy(text, language)


def test_a_long_piece_does_not_forget_its_neighbours(monkeypatch):
    monkeypatch.setattr(words, "MAX_WORDS", 20)
    _counter.cache_clear()
    for number in range(18):
        count_lengths(f"w{number}", "English")
    long = "".join(map(chr, range(0x4E00, 0x4E00 + 900))) + "-"  # of which the parts are learned as well
    assert count_lengths(f"w1 {long} w2", "English").tokens >= 3
    _counter.cache_clear()


def test_words_that_are_learned_together_are_bounded_too(monkeypatch):
    monkeypatch.setattr(words, "MAX_WORDS", 100)
    monkeypatch.setattr(lengths, "MAX_WORDS", 100)
    _counter.cache_clear()
    texts = [(" ".join(f"a{row}b{number}" for number in range(30)), "English") for row in range(40)]
    assert count_all(texts) == [by_spacy(*one) for one in texts]
    assert len(_counter("English")._words) <= 100
    _counter.cache_clear()
