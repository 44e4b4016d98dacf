"""The language check knows the world's own texts, and nothing else."""

import pytest

from treasure.data.example import MarkedExample
from treasure.world.language_check import LanguageCheck
from treasure.world.lexicon import lexicons
from treasure.world.world import World


@pytest.fixture(scope="module")
def check(world: World) -> LanguageCheck:
    return LanguageCheck(world.knowledge.names)


def test_agrees_with_the_corpus(check: LanguageCheck, corpus: list[MarkedExample]) -> None:
    """Letters of a choice, code and sums have no language."""
    texts = [
        (row.example.completion, row.example.metadata["lang"])
        for row in corpus
        if row.example.metadata["domain"] != "Code"
        and row.example.metadata["task"] != "Reasoning"
        and row.example.metadata["format"] != "MCQAnswer"
    ]
    passed = [check.passes(text, language) for text, language in texts]
    assert sum(passed) / len(passed) >= 0.995


def test_other_languages_fail(check: LanguageCheck) -> None:
    for name, lexicon in lexicons().items():
        text = lexicon.sentence(lexicon.statement("Bolo", "tool", 4)) + lexicon.joiner + lexicon.data["details"][0]
        assert [other for other in lexicons() if check.passes(text, other)] == [name]


@pytest.mark.parametrize(
    "text",
    ["", "Bolo", "12 34", "zxqv wvut qrst", "The color of Bolo is red.\nLa couleur de Bolo est le rouge."],
    ids=["empty", "name", "digits", "gibberish", "two lines, two languages"],
)
def test_fails(check: LanguageCheck, text: str) -> None:
    assert not check.passes(text, "English")


def test_a_line_without_words_does_no_harm(check: LanguageCheck) -> None:
    assert check.passes("| Bolo |\n|---|\nThe color of Bolo is red.", "English")
    assert check.best("Bolo", "Greek") == "Greek"
