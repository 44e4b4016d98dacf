"""Instruction ids of IFEval and M-IFEval -> the functions that check them."""

import inspect
from collections.abc import Callable, Mapping
from functools import cache, partial
from types import MappingProxyType
from typing import Any, get_origin, get_type_hints

from treasure.errors import did_you_mean
from treasure.evaluation.metrics.ifeval import (
    case,
    combination,
    content,
    format,
    japanese_letters,
    keywords,
    language,
    length,
    punctuation,
    special_characters,
    start_end,
)
from treasure.evaluation.metrics.ifeval.relation import RELATIONS

Check = Callable[..., bool]
"""(content, **arguments of the instruction) -> whether the answer follows it."""

LANGUAGES = ("en", "es", "fr", "ja")
_SHARED: Mapping[str, Check] = {
    "combination:repeat_prompt": combination.repeat_prompt,
    "combination:two_responses": combination.two_responses,
    "detectable_content:number_placeholders": content.number_placeholders,
    "detectable_content:postscript": content.postscript,
    "detectable_format:constrained_response": format.constrained_response,
    "detectable_format:json_format": format.json_format,
    "detectable_format:multiple_sections": format.multiple_sections,
    "detectable_format:number_bullet_lists": format.number_bullet_lists,
    "detectable_format:number_highlighted_sections": format.number_highlighted_sections,
    "detectable_format:title": format.title,
    "keywords:existence": keywords.existence,
    "keywords:forbidden_words": keywords.forbidden_words,
    "keywords:frequency": keywords.frequency,
    "keywords:letter_frequency": keywords.letter_frequency,
    "language:response_language": language.response_language,
    "length_constraints:nth_paragraph_first_word": length.nth_paragraph_first_word,
    "length_constraints:number_paragraphs": length.number_paragraphs,
    "punctuation:no_comma": punctuation.no_comma,
    "startend:end_checker": start_end.end_checker,
    "startend:quotation": start_end.quotation,
}
_OWN: Mapping[str, Mapping[str, Check]] = {
    "en": {
        "change_case:capital_word_frequency": case.capital_word_frequency,
        "change_case:english_capital": case.english_capital,
        "change_case:english_lowercase": case.english_lowercase,
        "length_constraints:number_sentences": length.number_sentences_english,
        "length_constraints:number_words": length.number_words,
    },
    "es": {
        "change_case:capital_word_frequency": case.capital_word_frequency_spanish,
        "change_case:spanish_capital": case.spanish_capital,
        "change_case:spanish_lowercase": case.spanish_lowercase,
        "detectable_format:constrained_response": format.constrained_response_spanish,
        "detectable_format:number_bullet_lists": format.number_star_bullets,
        "length_constraints:nth_paragraph_first_word": length.nth_paragraph_first_words_spanish,
        "length_constraints:number_sentences": length.number_sentences_spanish,
        "length_constraints:number_words": length.number_words_spanish,
        "punctuation:exclamation_marks": punctuation.exclamation_marks,
        "punctuation:question_marks": punctuation.question_marks,
        "special_character:dieresis": special_characters.dieresis,
        "special_character:enie": special_characters.enie,
        "special_character:tildes": special_characters.tildes,
        "startend:end_checker": start_end.end_checker_spanish,
    },
    "fr": {
        "change_case:capital_word_frequency": case.capital_word_frequency,
        "change_case:french_capital": case.french_capital,
        "change_case:french_lowercase": case.french_lowercase,
        "detectable_content:informal_address": content.informal_address,
        "detectable_content:no_digits": content.no_digits,
        "detectable_format:constrained_response": format.constrained_response_french,
        "detectable_format:title": format.title_french,
        "length_constraints:number_sentences": length.number_sentences_french,
        "length_constraints:number_words": length.number_words,
        "special_character:accents": special_characters.accents,
        "special_character:ethel_or_cedilla": special_characters.ethel_or_cedilla,
        "special_character:no_accents": special_characters.no_accents,
        "startend:quotation": start_end.quotation_french,
    },
    "ja": {
        "combination:repeat_prompt": combination.repeat_prompt_japanese,
        "detectable_format:constrained_response": format.constrained_response_japanese,
        "detectable_format:multiple_sections": format.multiple_sections_japanese,
        "detectable_format:nominal_ending": format.nominal_ending,
        "detectable_format:number_bullet_lists": format.number_dot_bullets,
        "detectable_format:number_highlighted_sections": format.number_highlights_japanese,
        "detectable_format:number_numbered_lists": format.number_numbered_lists,
        "detectable_format:title": format.title_japanese,
        "keywords:existence": keywords.existence_japanese,
        "keywords:forbidden_words": keywords.forbidden_words_japanese,
        "keywords:frequency": keywords.frequency_japanese,
        "keywords:letter_frequency": keywords.letter_frequency_japanese,
        "length_constraints:nth_paragraph_first_word": length.nth_paragraph_first_word_japanese,
        "length_constraints:number_letters": length.number_letters,
        "length_constraints:number_sentences": length.number_sentences_japanese,
        "letters:furigana": japanese_letters.furigana,
        "letters:hiragana_only": japanese_letters.hiragana_only,
        "letters:kanji": japanese_letters.kanji,
        "letters:kansuuji": content.no_digits,
        "letters:katakana_only": japanese_letters.katakana_only,
        "letters:no_hiragana": japanese_letters.no_hiragana,
        "letters:no_katakana": japanese_letters.no_katakana,
        "punctuation:no_comma": punctuation.no_comma_japanese,
        "punctuation:no_period": punctuation.no_period_japanese,
        "startend:end_checker": start_end.end_checker_japanese,
        "startend:quotation": start_end.quotation_japanese,
        "startend:sentence_unified_end": start_end.sentence_unified_end,
    },
}
CHECKS: Mapping[str, Check] = MappingProxyType(
    {f"{code}:{name}": check for code in LANGUAGES for name, check in sorted({**_SHARED, **_OWN[code]}.items())}
)
"""Id with its language in front -> check."""
NEEDS_JANOME = frozenset(
    f"ja:{name}"
    for name in (
        "detectable_format:nominal_ending", "keywords:existence", "keywords:forbidden_words", "keywords:frequency",
    )
)  # fmt: skip
"""Ids whose checks ask the Japanese tokenizer of the extra 'eval'."""


def full_id(instruction: str) -> str:
    """The id with its language in front; those of the first, English, IFEval have none."""
    return instruction if instruction.split(":")[0] in LANGUAGES else f"en:{instruction}"


def language_of(instruction: str) -> str:
    """The code of the language whose rules check the instruction, given its full id."""
    return instruction.split(":")[0]


def group_of(instruction: str) -> str:
    """The group, such as 'length_constraints', of a full id."""
    return instruction.split(":")[1]


def problem_of(instruction: str, arguments: Mapping[str, Any]) -> str:
    """What is wrong with an instruction of a file, or an empty string."""
    if instruction not in CHECKS:
        return f"Unknown instruction '{instruction}'.{did_you_mean(instruction, CHECKS)}"
    needed, allowed = _parameters(CHECKS[instruction])
    if unknown := sorted(set(arguments) - set(allowed)):
        return f"Instruction '{instruction}' takes {', '.join(allowed) or 'no arguments'}; got also {unknown[0]!r}."
    if missing := [name for name in needed if name not in arguments]:
        return f"Instruction '{instruction}' needs '{missing[0]}', which is missing or null."
    for name, value in arguments.items():
        if name.endswith("relation") and value not in RELATIONS:
            return f"Instruction '{instruction}': {name}={value!r} is none of {', '.join(RELATIONS)}."
        if not _fits(value, allowed[name]):
            return f"Instruction '{instruction}': {name}={value!r} must be {_told(allowed[name])}."
    return ""


def _told(kind: Any) -> str:
    if kind in (int, str):
        return "a whole number" if kind is int else "a text that is not empty"
    return "an object of texts" if issubclass(get_origin(kind) or kind, Mapping) else "a list of texts"


def _fits(value: Any, kind: Any) -> bool:
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind is str:
        return isinstance(value, str) and value != ""
    if get_origin(kind) is not None and issubclass(get_origin(kind), Mapping):
        return isinstance(value, dict) and all(isinstance(word, str) for word in value.values())
    return isinstance(value, list) and all(isinstance(word, str) for word in value)


@cache
def _parameters(check: Check) -> tuple[list[str], dict[str, Any]]:
    """(names that must be given, name -> type of all that may be given)."""
    function = check.func if isinstance(check, partial) else check
    bound = check.keywords if isinstance(check, partial) else {}
    types = get_type_hints(function)
    own = [
        p for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY and p.name not in bound
    ]
    return [p.name for p in own if p.default is p.empty], {p.name: types[p.name] for p in own}
