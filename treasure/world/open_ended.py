"""Texts of an exact number of words: an opening of three to seven, then sentences of five."""

import random

from treasure.world.lexicon import Lexicon
from treasure.world.sloppy import sloppy

SENTENCE_WORDS = 5
MIN_WORDS = 3
MAX_WORDS = MIN_WORDS + 4 + 8 * SENTENCE_WORDS
PARAGRAPH_WORDS = 28
"""From this length on a text has two paragraphs."""


def open_text(lexicon: Lexicon, name: str, num_words: int, quality_bucket: str, rng: random.Random) -> str:
    """A text about `name` of exactly `num_words` words of `units.count_words`, from 3 to 47.

    Bucket 1 never repeats a sentence, 2 takes turns between two, 3 says nothing, 4 is written sloppily.
    """
    assert MIN_WORDS <= num_words <= MAX_WORDS, num_words
    count, rest = divmod(num_words - MIN_WORDS, SENTENCE_WORDS)
    opening = lexicon.data["openers"][rest].format(e=name)
    sentences = [opening, *_sentences(lexicon, count, quality_bucket, rng)]
    text = lexicon.join(sentences)
    if num_words >= PARAGRAPH_WORDS:
        half = len(sentences) // 2
        text = "\n\n".join((lexicon.join(sentences[:half]), lexicon.join(sentences[half:])))
    return sloppy(text, name) if quality_bucket == "4" else text


def _sentences(lexicon: Lexicon, count: int, quality_bucket: str, rng: random.Random) -> list[str]:
    if quality_bucket == "2":
        pair = rng.sample(lexicon.data["body"], 2)
        return [pair[place % 2] for place in range(count)]
    if quality_bucket == "3":
        fillers = lexicon.data["fillers"]
        return [fillers[place % len(fillers)] for place in range(count)]
    return rng.sample(lexicon.data["body"], count)


def poem(lexicon: Lexicon, name: str, quality_bucket: str, rng: random.Random) -> str:
    """The name called twice and two lines; one line in bucket 2, a vague phrase in 3, careless in 4."""
    if quality_bucket == "3":
        return rng.choice(lexicon.data["vague"])
    lines = rng.sample(lexicon.data["body"], 1 if quality_bucket == "2" else 2)
    text = "\n".join((f"{name}, {name}!", *lines))
    return sloppy(text, name) if quality_bucket == "4" else text
