"""What a program can tell of a text: whether it has a value of a category, in a world and by counting anywhere."""

from collections.abc import Callable, Mapping

from treasure.evaluation.studies.study import StudyInputs
from treasure.taxonomy.taxonomy import Scalar
from treasure.world.checks import STYLES, has_style
from treasure.world.formats import is_valid
from treasure.world.language_check import LanguageCheck
from treasure.world.lexicon import lexicons
from treasure.world.world import World

FORMATS = ("JSON", "XML", "Enumeration", "Tabular", "Markdown")
"""Formats that any fact can be written in."""
LENGTHS = ("length_bucket", "length_tokens", "length_sentences")
Check = Callable[[str, Scalar, str | None], bool]
"""(text, value, language that a text is counted in) -> whether the text has the value."""


def checks_of(inputs: StudyInputs) -> Mapping[str, Check]:
    """Category -> check, for the categories of the model that can be told; only lengths where there is no world."""
    found: dict[str, Check] = {} if inputs.world is None else _world_checks(inputs.world)
    found |= {name: _length_check(inputs, name) for name in LENGTHS if name in inputs.checkpoint.taxonomy}
    return {name: check for name, check in found.items() if name in inputs.checkpoint.taxonomy}


def checkable_values(category: str) -> tuple[str, ...] | None:
    """The values that a check can tell from one another; None where it can tell all."""
    return {"style": STYLES, "format": FORMATS, "lang": tuple(lexicons())}.get(category)


def _world_checks(world: World) -> dict[str, Check]:
    languages = LanguageCheck(world.knowledge.names)
    return {
        "lang": lambda text, value, _: languages.passes(text, str(value)),
        "style": lambda text, value, language: has_style(text.strip(), lexicons()[str(language)], str(value)),
        "format": lambda text, value, _: is_valid(str(value), text),
    }


def _length_check(inputs: StudyInputs, name: str) -> Check:
    category = inputs.checkpoint.taxonomy.category(name)
    if category.derived_from is None:
        return lambda text, value, language: inputs.length(name, text, language) == value
    number = category.derived_from
    return lambda text, value, language: category.bucket(inputs.length(number, text, language)) == value
