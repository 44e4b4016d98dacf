"""Prompts beyond the context are not asked: the others have the answers that they would have without them."""

import pytest
import tiny

from treasure.data.example import Message
from treasure.inference.fitting import answer_fitting, prompt_sizes
from treasure.inference.request import Generation, GenerationRequest
from treasure.markers.config import MarkerMode
from treasure.markers.marker_set import MarkerSet


def requests(*texts):
    return [GenerationRequest((Message("user", text),)) for text in texts]


def echo(asked, description, first):
    return [
        Generation(MarkerSet(), f"{first + n} {one.messages[0].content}", (), 1, True) for n, one in enumerate(asked)
    ]


def test_what_fits_is_answered_in_its_place_and_the_rest_says_how_long_it_is():
    found = answer_fitting(echo, requests("a", "b", "c"), [4, 5, 3], 5, None, 7)
    assert [one.content for one in found] == ["7 a", "", "8 c"]
    assert found[1].problems == ("longer than the context of 5 tokens: the prompt has 5",) and not found[1].finished


def test_nobody_is_asked_where_nothing_fits():
    (found,) = answer_fitting(lambda *_: pytest.fail("asked"), requests("a"), [5], 5, None, 0)
    assert found.content == ""


def test_a_prompt_that_is_asked_several_times_is_encoded_once(monkeypatch):
    encoder = tiny.checkpoint(MarkerMode.TOKENS).encoder
    french = MarkerSet.of(tiny.TAXONOMY, {"lang": "French"})
    asked = [*requests("Why?", "Why?"), GenerationRequest((Message("user", "Why?"),), fixed=french)]
    sizes = [len(encoder.prompt_ids(one.messages, one.fixed)) for one in asked]
    encoded, encode = [], encoder.prompt_ids
    monkeypatch.setattr(encoder, "prompt_ids", lambda *prompt: encoded.append(prompt) or encode(*prompt))
    assert prompt_sizes(encoder, asked) == sizes and sizes[0] == sizes[1] < sizes[2]
    assert len(encoded) == 2
