"""A card can be parsed by the Hub, tells the levers as they are, and shows what training rendered, byte for byte."""

import contextlib
import re

import pytest
import tiny
import yaml
from huggingface_hub import ModelCard

from treasure.cli.jobs.render import _spans
from treasure.config.schema import RenderCommand
from treasure.data.frequency import count
from treasure.data.template import SegmentKind
from treasure.markers.config import MarkerMode, MarkersConfig
from treasure.markers.dropout import DropoutConfig
from treasure.model.card import RenderedExample, TrainingStory, lever_rows, render_card
from treasure.model.checkpoint import Checkpoint, save_checkpoint
from treasure.model.config import ModelConfig
from treasure.training.story import shown_example

MODES = pytest.mark.parametrize("mode", list(MarkerMode), ids=lambda mode: mode.value)


def story(found: Checkpoint, **changes: object) -> TrainingStory:
    told = {
        "base": "somebody/base",
        "datasets": ("sums",),
        "settings": {"seed": "0", "a | b": "c\nd"},
        "frequency": count(tiny.corpus(), tiny.TAXONOMY),
        "tail_threshold": 0.3,
        "example": shown_example(found, tiny.corpus()),
        "tags": ("lora",),
    }
    return TrainingStory(**{**told, **changes})


def blocks(card: str) -> dict[str, list[str]]:
    """Language -> what stands in its code blocks."""
    found: dict[str, list[str]] = {}
    for _, language, text in re.findall(r"^(`{3,})(\w+)\n(.*?)\n\1$", card, flags=re.DOTALL | re.MULTILINE):
        found.setdefault(language, []).append(text)
    return found


@MODES
def test_the_hub_reads_the_front_matter(mode):
    found = tiny.checkpoint(mode)
    card = ModelCard(render_card(found.levers, story(found)))
    data = card.data.to_dict()
    assert (data["library_name"], data["base_model"], data["datasets"]) == ("transformers", "somebody/base", ["sums"])
    assert {"treasure", "lora"} <= set(data["tags"])
    assert ("training-time-markers" in data["tags"]) == (mode is not MarkerMode.NONE)
    assert not re.search(r"\{\{|\{%|\bNone\b", card.text)


def test_without_a_base_none_is_claimed():
    found = tiny.checkpoint(MarkerMode.TOKENS)
    card = render_card(found.levers, story(found, base=None))
    assert "base_model" not in yaml.safe_load(card.split("---")[1])
    assert "random weights" in card


@MODES
def test_the_example_is_what_training_rendered(mode):
    """Byte for byte what `treasure-render` prints of the same example, without dropout."""
    found = tiny.checkpoint(mode)
    told = story(found)
    whole = DropoutConfig(dataset_dropout=0.0, sample_dropout=0.0)
    markers = MarkersConfig(mode=mode, dropout=whole, placement=found.style.placement)
    config = RenderCommand(name="r", model=ModelConfig(path=None), markers=markers)
    (marked,) = [m for m in tiny.corpus() if m.example.messages == told.example.messages]
    spans = _spans(marked, config, found)
    learned = (SegmentKind.HEADER, SegmentKind.CONTENT)
    given = "".join(span.text for span in spans if span.kind not in learned)
    written = "".join(span.text for span in spans if span.kind in learned)
    assert blocks(render_card(found.levers, told))["text"] == [given, written]
    assert marked.example.messages[-1].content in given and marked.example.completion in written
    if mode is not MarkerMode.NONE:
        header = found.surface.render(marked.markers)
        assert (header in given, header in written) == (found.style.in_prompt, found.style.in_completion)


@MODES
def test_the_code_of_a_card_gives_the_ids_of_training(mode, tmp_path):
    found = tiny.checkpoint(mode)
    told = story(found)
    save_checkpoint(found, tmp_path / "model", told)
    (code,) = blocks((tmp_path / "model" / "README.md").read_text(encoding="utf-8"))["python"]
    names: dict[str, object] = {}
    with contextlib.chdir(tmp_path / "model"):
        exec(code, names)
    assert found.tokenizer.decode(names["prompt_ids"]) == told.example.given


def test_levers_are_listed_with_how_often_they_were_seen():
    found = tiny.checkpoint(MarkerMode.TOKENS)
    told = story(found)
    rows = {(row.category, row.value): row for row in lever_rows(found.levers, told)}
    assert set(rows) == {
        ("domain", "Legal"), ("domain", "Math"), ("lang", "English"), ("lang", "French"),
        ("length_tokens", "whole number from 0"),
    }  # fmt: skip
    assert (rows["lang", "French"].seen, rows["lang", "French"].group) == ("10", "tail")
    assert (rows["lang", "English"].seen, rows["lang", "English"].share) == ("30", "75.0%")
    assert rows["lang", "English"].group == "head"
    assert (rows["domain", "Legal"].seen, rows["domain", "Legal"].group) == ("0", "never seen")
    assert "| lang | French | 10 | 25.0% | tail |" in render_card(found.levers, told)
    uncounted = lever_rows(found.levers, None)
    assert {row.seen for row in uncounted} == {""}


def test_a_baseline_claims_no_levers():
    found = tiny.checkpoint(MarkerMode.NONE)
    card = render_card(found.levers, story(found))
    assert "## Levers" not in card and "+fix" not in card and "It has no levers" in card


def test_a_card_without_a_story_tells_the_levers():
    card = render_card(tiny.checkpoint(MarkerMode.TOKENS).levers)
    assert "| domain | Legal |" in card and "## Training" not in card and "not recorded" in card


def test_nothing_in_an_example_ends_its_block():
    found = tiny.checkpoint(MarkerMode.TOKENS)
    wild = "```python\nx = '{{ 1 }}'\n```\n| a |\n---\n````\n"
    example = story(found).example
    hostile = RenderedExample(messages=example.messages, markers=example.markers, given=wild, written=wild + "`")
    assert blocks(render_card(found.levers, story(found, example=hostile)))["text"] == [wild, wild + "`"]


def test_what_stands_in_a_table_stays_in_its_cell():
    found = tiny.checkpoint(MarkerMode.NONE)
    assert "| a \\| b | c d |" in render_card(found.levers, story(found))


def test_the_example_shown_fits_and_has_most_markers():
    found = tiny.checkpoint(MarkerMode.TOKENS)
    assert len(shown_example(found, tiny.corpus()).markers) == 3
    assert shown_example(found, []) is None
