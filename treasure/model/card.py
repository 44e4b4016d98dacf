"""The model card of a checkpoint folder: what it is, its levers, how to prompt it, how it was trained, limits."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from treasure.data.example import Message
from treasure.data.frequency import Frequency
from treasure.markers.marker_set import MarkerSet
from treasure.markers.surface import SurfaceName
from treasure.model.levers import Levers
from treasure.taxonomy.taxonomy import Category


@dataclass(frozen=True, kw_only=True)
class RenderedExample:
    """A training example as the model sees it. `given` ends where the answer begins, `written` is header and answer."""

    messages: tuple[Message, ...]
    markers: MarkerSet
    given: str
    written: str


@dataclass(frozen=True, kw_only=True)
class TrainingStory:
    """What a card tells of the training. `base` is a Hugging Face id or a folder; None for random weights.

    `datasets` are names. `settings` are lines of a table: what -> how. Shares under `tail_threshold` are tail.
    """

    base: str | None
    datasets: tuple[str, ...]
    settings: Mapping[str, str]
    frequency: Frequency
    tail_threshold: float
    example: RenderedExample | None
    tags: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class LeverRow:
    """One line of the card's table. `seen` and `share` are empty where nobody counted."""

    category: str
    value: str
    seen: str
    share: str
    group: str


def render_card(levers: Levers, story: TrainingStory | None = None) -> str:
    """The card as Markdown with the front matter of the Hugging Face Hub; without a story it tells the levers alone."""
    environment = Environment(
        loader=PackageLoader("treasure.model", "templates"),
        autoescape=False,  # Markdown; what could end a block or a table is taken care of below
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"fenced": _fenced, "cell": _cell}
    return environment.get_template("model_card.md.j2").render(
        front_matter=yaml.safe_dump(_front_matter(levers, story), sort_keys=False, allow_unicode=True),
        levers=levers,
        story=story,
        rows=lever_rows(levers, story),
        has_levers=levers.surface is not None,
        snippet=_snippet(levers, story.example) if story is not None and story.example is not None else "",
        adds_tokens=levers.surface is SurfaceName.TOKENS,
    )


def lever_rows(levers: Levers, story: TrainingStory | None) -> list[LeverRow]:
    """One row a value in the taxonomy's order, and one a numeric category; none for a model without markers."""
    if levers.surface is None:
        return []
    return [row for category in levers.taxonomy.categories for row in _category_rows(category, story)]


def _category_rows(category: Category, story: TrainingStory | None) -> list[LeverRow]:
    if category.is_numeric:
        return [LeverRow(category.name, _range(category), "", "", "number")]
    if story is None or category.name not in story.frequency.categories:
        return [LeverRow(category.name, value, "", "", "") for value in category.value_names]
    counts = story.frequency.categories[category.name].values
    return [
        LeverRow(
            category.name,
            value,
            str(counts.get(value, 0)),
            f"{story.frequency.share(category.name, value):.1%}",
            story.frequency.group(category.name, value, story.tail_threshold) if counts.get(value) else "never seen",
        )
        for value in category.value_names
    ]


def _range(category: Category) -> str:
    kind = "whole number" if category.decimals == 0 else f"number with {category.decimals} decimals"
    bounds = [
        f"{word} {bound:g}"
        for word, bound in (("from", category.minimum), ("to", category.maximum))
        if bound is not None
    ]
    return " ".join([kind, *bounds])


def _front_matter(levers: Levers, story: TrainingStory | None) -> dict[str, Any]:
    tags = ["treasure", *(story.tags if story is not None else ())]
    if levers.surface is not None:
        tags += ["training-time-markers", f"markers-{levers.surface}"]
    found: dict[str, Any] = {"library_name": "transformers", "pipeline_tag": "text-generation"}
    if story is not None and story.base is not None:
        found["base_model"] = story.base
    found["tags"] = tags
    if story is not None and story.datasets:
        found["datasets"] = list(story.datasets)
    return found


def _snippet(levers: Levers, example: RenderedExample) -> str:
    """Python that gives the ids of the example's prompt; run in the model's folder."""
    turns = ", ".join(f"Message({message.role!r}, {message.content!r})" for message in example.messages)
    markers = {} if levers.surface is None else example.markers.to_dict()
    return f"""from pathlib import Path

from treasure.data.example import Message
from treasure.markers.marker_set import MarkerSet
from treasure.model.checkpoint import load_checkpoint

checkpoint = load_checkpoint(Path("."))  # this folder
messages = [{turns}]
markers = MarkerSet.of(checkpoint.taxonomy, {markers!r})
prompt_ids = checkpoint.encoder.prompt_ids(messages, markers)"""


def _fenced(text: str, language: str = "text") -> str:
    """`text` in a code block whose fence is longer than any run of backticks in it; its bytes stay as they are."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
