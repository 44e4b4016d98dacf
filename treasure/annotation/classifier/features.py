"""Texts to numbers: hashed word and character n-grams of prompt and completion, each in columns of its own."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import HashingVectorizer

from treasure.annotation.classifier.config import FeatureConfig
from treasure.data.example import Example

VERSION = 1
"""Raised whenever the same settings would give other columns, so that older models are refused, not misread."""

_WITHOUT_BLANKS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
"""Letters of Thai, Lao, Burmese, Khmer, kana and Han, which blanks do not part into words."""
_TOKEN = re.compile(rf"[{_WITHOUT_BLANKS}]|[^\W{_WITHOUT_BLANKS}]+|[^\w\s]")
_DIGIT = re.compile(r"\d")
_SPACE = re.compile(r"\s+")
_HEAD_SHARE = 0.75


class TextFeatures:
    """Makes one row of `num_columns` numbers of each example; nothing is learned, so nothing needs to be stored."""

    def __init__(self, config: FeatureConfig) -> None:
        self._max_characters = config.max_characters
        self._vectorizers = (
            _vectorizer(config, _TOKEN.findall, (1, config.word_ngrams)),
            _vectorizer(config, None, (config.char_ngrams, config.char_ngrams)),
        )
        self.num_columns = 4 * 2**config.bits

    def matrix(self, examples: Sequence[Example]) -> csr_matrix:
        """One row an example: four blocks of binary n-grams, each of length 1, or 0 where there is no text."""
        prompts = [self._prepared(example.prompt) for example in examples]
        completions = [self._prepared(example.completion) for example in examples]
        blocks: Any = [
            vectorizer.transform(texts) for texts in (prompts, completions) for vectorizer in self._vectorizers
        ]
        return csr_matrix(hstack(blocks, format="csr"))

    def _prepared(self, text: str) -> str:
        """What n-grams are taken of: case, the kind of blanks and which digit it is do not matter."""
        clipped = clip(text, self._max_characters)
        if not clipped.isascii():
            clipped = clipped.encode("utf-8", "replace").decode()  # half a surrogate pair cannot be hashed
        return _DIGIT.sub("0", _SPACE.sub(" ", clipped.lower())).strip()


def clip(text: str, max_characters: int) -> str:
    """At most so many characters, from the start and the end, since a question may stand before or after its text."""
    if len(text) <= max_characters:
        return text
    num_head = int(max_characters * _HEAD_SHARE)
    return text[:num_head] + text[len(text) - (max_characters - num_head) :]


def _vectorizer(
    config: FeatureConfig, tokenizer: Callable[[str], list[str]] | None, ngrams: tuple[int, int]
) -> HashingVectorizer:
    options: dict[str, Any] = {"token_pattern": None, "dtype": np.float32}  # typed too narrowly by their defaults
    return HashingVectorizer(
        analyzer="char" if tokenizer is None else "word",
        tokenizer=tokenizer,
        lowercase=False,
        ngram_range=ngrams,
        n_features=2**config.bits,
        alternate_sign=False,
        binary=True,
        norm="l2",
        **options,
    )
