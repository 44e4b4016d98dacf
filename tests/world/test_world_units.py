"""The unit of length belongs to the language."""

import pytest

from treasure.world.units import count_paragraphs, count_sentences, count_words


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("The color of Velto is red.", "English", 6),
        ("Eh bien, tu sais !", "French", 5),
        ("Veltoの色は赤です。", "Japanese", 7),
        ("Velto的颜色是红色。", "Chinese", 7),
        ('{"a": 1}', "English", 2),
        ("", "English", 0),
        ("。", "Chinese", 0),
    ],
)
def test_words(text: str, language: str, expected: int) -> None:
    assert count_words(text, language) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("One. Two.", 2),
        ("one two", 1),
        ("一。二。", 2),
        ("1. a\n2. b", 2 + 2),
        ("Really?! Yes", 2),
        ("3.5 is", 1),
    ],
)
def test_sentences(text: str, expected: int) -> None:
    assert count_sentences(text) == expected


def test_paragraphs() -> None:
    assert count_paragraphs("") == 0
    assert count_paragraphs("a\nb") == 1
    assert count_paragraphs("a\n\nb\n \nc\n\n") == 3
