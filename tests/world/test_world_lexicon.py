"""Every language can say everything, and what it says can be found again."""

import random

import pytest

from treasure.world.data_files import LANGUAGES
from treasure.world.lexicon import NUM_VALUES, RELATIONS, Lexicon, lexicons
from treasure.world.open_ended import MAX_WORDS, MIN_WORDS, open_text
from treasure.world.units import count_words

CUES = {"exact", "quick", "boss", "friend", "list", "sheet"}


@pytest.fixture(params=LANGUAGES)
def lexicon(request: pytest.FixtureRequest) -> Lexicon:
    return lexicons()[request.param]


def test_is_complete(lexicon: Lexicon) -> None:
    assert tuple(lexicon.data["relations"]) == RELATIONS
    for relation in RELATIONS:
        assert len({lexicon.bare(relation, index) for index in range(NUM_VALUES)}) == NUM_VALUES
    assert set(lexicon.cues) == (CUES if lexicon.name != "English" else set())
    for form in ("ask", "explain", "write", "card"):
        texts = {lexicon.request(form, variant, "Velto", "food") for variant in range(lexicon.num_variants(form))}
        assert len(texts) >= 2
        assert all("Velto" in text and "{" not in text for text in texts)


def test_sentences_have_the_promised_words(lexicon: Lexicon) -> None:
    for sentence in (*lexicon.data["body"], *lexicon.data["fillers"]):
        assert count_words(sentence, lexicon.name) == 5, sentence
    for expected, opening in enumerate(lexicon.data["openers"], start=3):
        assert count_words(opening.format(e="Velto"), lexicon.name) == expected, opening


def test_values_are_found_in_sentences_and_alone(lexicon: Lexicon) -> None:
    for relation in RELATIONS:
        for index in range(NUM_VALUES):
            sentence = lexicon.sentence(lexicon.statement("Velto", relation, index), "Informal")
            assert lexicon.find_values(sentence, relation) == {index}, sentence
            assert lexicon.find_values(f"x: {lexicon.bare(relation, index)}.", relation) == {index}


def test_stock_phrases_name_no_value(lexicon: Lexicon) -> None:
    for phrase in (*lexicon.data["vague"], *lexicon.data["details"], *lexicon.data["reasons"]):
        for relation in RELATIONS:
            assert not lexicon.find_values(phrase, relation), (phrase, relation)
    for style in lexicon.data["styles"].values():
        for relation in RELATIONS:
            assert not lexicon.find_values(style["before"] + "Velto" + style["after"], relation), (style, relation)


@pytest.mark.parametrize("bucket", ["1", "2", "3", "4"])
def test_open_text_has_exactly_the_words(lexicon: Lexicon, bucket: str) -> None:
    for num_words in range(MIN_WORDS, MAX_WORDS + 1):
        text = open_text(lexicon, "Velto", num_words, bucket, random.Random(num_words))
        assert count_words(text, lexicon.name) == num_words
        assert ("\n\n" in text) == (num_words >= 28)


def test_a_value_within_a_longer_one_is_not_found() -> None:
    japanese = lexicons()["Japanese"]
    assert japanese.find_values("Veltoの数は十一です", "number") == {9}
    assert lexicons()["English"].find_values("the catalog of ten", "animal") == set()
