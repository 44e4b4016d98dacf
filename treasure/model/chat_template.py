"""The chat template of an exported model: what training wrote, for engines that know nothing of markers.

It takes `markers` for the prompt header and `header` for that of the completion: category -> value or list of values.
The Jinja is in treasure/model/templates; here it is filled with what one model knows.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from transformers import PreTrainedTokenizerFast

from treasure.data.template import PlainTemplate, make_template
from treasure.data.text_codec import start_ids
from treasure.data.tokenize import Encoder
from treasure.markers.header_style import HeaderStyle
from treasure.markers.marker_set import Marker, MarkerSet
from treasure.markers.surface import Piece, Surface, make_surface
from treasure.model.levers import Levers
from treasure.taxonomy.taxonomy import Category, Kind

_PROBE = 918273645
"""A number that no name of a category holds, to find what a surface writes around numbers."""


def chat_template(levers: Levers, tokenizer: PreTrainedTokenizerFast, encoder: Encoder) -> str:
    """Jinja text for `tokenizer.chat_template`; `tokenizer` still has the template of the base.

    What it writes is what `encoder` stands for, save that control strings in words are broken by a zero-width space:
    whoever tokenizes the text recognises them wherever they stand.
    """
    environment = Environment(
        loader=PackageLoader("treasure.model", "templates"),
        autoescape=False,  # the text is Jinja; all data goes through `_literal`
        undefined=StrictUndefined,
        trim_blocks=True,
        block_start_string="[%",
        block_end_string="%]",
        variable_start_string="[[",
        variable_end_string="]]",
        comment_start_string="[#",
        comment_end_string="#]",
    )
    environment.filters["literal"] = _literal
    template = make_template(levers.template, tokenizer)
    if isinstance(template, PlainTemplate):
        base, variables = _plain_turns(template, environment), {}
    else:
        base, variables = _one_text(tokenizer), {**tokenizer.special_tokens_map, **levers.template.variables}
    surface = None if levers.surface is None else make_surface(levers.surface, levers.taxonomy)
    opening, closing = ("", "") if surface is None else map(_text, surface.pieces(MarkerSet()))
    no_prompt_header, no_completion_header = _refusals(levers.style, has_markers=surface is not None)
    return environment.get_template("chat_template.jinja.j2").render(
        base=base,
        variables=[(name, value) for name, value in variables.items() if name.isidentifier()],
        start="".join(tokenizer.convert_ids_to_tokens(start_ids(tokenizer))),
        controls=encoder.control_strings(),
        look_alikes=encoder.look_alikes(),
        categories={} if surface is None else {c.name: _category(c, surface) for c in levers.taxonomy.categories},
        opening=opening,
        closing=closing,
        no_prompt_header=no_prompt_header,
        no_completion_header=no_completion_header,
    )


def _refusals(style: HeaderStyle, *, has_markers: bool) -> tuple[str, str]:
    """Why neither `markers` nor `header` can be given, each empty where it can."""
    if not has_markers:
        told = "This model was trained without markers, so it takes none."
        return told, told
    return (
        "" if style.in_prompt else "This model has met no markers in prompts. Give them as `header`.",
        "" if style.in_completion else "This model has met no header before its answers. Give `markers`.",
    )


def _category(category: Category, surface: Surface) -> dict[str, Any]:
    """What the template has to know of one category. No value is None: Jinja does not read it as JSON has it."""
    found: dict[str, Any] = {"multiple": category.multiple}
    if category.applies_when is not None:
        found |= {"depends_on": category.applies_when.category, "applies_to": category.applies_when.values}
    if not category.is_numeric:
        return {**found, "pieces": {name: _text(_piece(surface, category, name)) for name in category.value_names}}
    found["before"], found["after"] = _text(_piece(surface, category, _PROBE)).split(category.text(_PROBE))
    bounds = {"minimum": category.minimum, "maximum": category.maximum}
    found |= {name: bound for name, bound in bounds.items() if bound is not None}
    found["range"] = f"from {found.get('minimum', -math.inf):g} to {found.get('maximum', math.inf):g}"
    if category.kind is Kind.INTEGER:
        return {**found, "whole": True}
    return {**found, "decimals": category.decimals, "pattern": f"%.{category.decimals}f"}


def _piece(surface: Surface, category: Category, value: str | int) -> Piece:
    return surface.pieces(MarkerSet((Marker(category.name, value),)))[1]


def _text(piece: Piece) -> str:
    return (piece.token or "") + piece.text


def _plain_turns(template: PlainTemplate, environment: Environment) -> str:
    """The strings of a plain template as a chat template of their own."""
    config = template.config
    around = {
        "system": (config.system_prefix, config.system_suffix),
        "user": (config.user_prefix, config.user_suffix),
        "assistant": (config.assistant_prefix, template.end),
    }
    text = environment.get_template("plain_turns.jinja.j2")
    return text.render(around=around, separator=config.turn_separator)


def _one_text(tokenizer: PreTrainedTokenizerFast) -> str:
    """The base's template without the line end that Jinja drops at the end of a file."""
    text = tokenizer.get_chat_template()
    return text.removesuffix("\n").removesuffix("\r")


def _literal(value: str | Mapping[str, Any] | list[Any] | tuple[str, ...]) -> str:
    """`value` as JSON that is a Jinja literal too; not in ASCII, since Jinja knows no surrogate pairs."""
    return json.dumps(value, ensure_ascii=False)
