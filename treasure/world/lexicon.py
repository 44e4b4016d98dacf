"""`Lexicon`: what one language can say of the world, and what of it can be found again in a text."""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from treasure.world.data_files import LANGUAGES, read_data

RELATIONS = ("color", "material", "animal", "country", "month", "number", "food", "tool")
"""What can be known of an entity; each has ten values."""
NUM_VALUES = 10
NUM_REASONS = 3
_WORD = re.compile(r"[\w\u0900-\u097f\u064b-\u065f]+")  # \w leaves out the vowel signs of Hindi and Arabic


def words(text: str) -> list[str]:
    """The words of `text` in lower case, without punctuation."""
    return _WORD.findall(text.lower())


@dataclass(frozen=True)
class Lexicon:
    """One language. Relations are named as in `RELATIONS`, values by their number from 0; `e` is an entity's name."""

    name: str
    joiner: str
    data: Mapping[str, Any]

    @property
    def cues(self) -> Mapping[str, str]:
        """Cue id -> phrase, for the cues that this language has."""
        return self.data.get("cues", {})

    @property
    def is_spaced(self) -> bool:
        """Whether spaces part words."""
        return self.joiner == " "

    def key(self, relation: str) -> str:
        """The relation as a label."""
        return self.data["relations"][relation]["key"]

    def of(self, e: str, relation: str) -> str:
        """'the color of Velto'."""
        return self.data["relations"][relation]["of"].format(e=e)

    def value(self, relation: str, index: int) -> str:
        """The value as it stands in a sentence: 'the wolf'."""
        return self.data["values"][relation][index].replace("|", "")

    def bare(self, relation: str, index: int) -> str:
        """The value as it stands in a table: 'wolf'."""
        return self.data["values"][relation][index].rpartition("|")[2]

    def statement(self, e: str, relation: str, index: int) -> str:
        """'the color of Velto is red': neither capital nor full stop."""
        copula = self.data["relations"][relation].get("is", "")
        value = self.value(relation, index)
        return self.data["statement"].format(of=self.of(e, relation), value=value, **{"is": copula})

    def sentence(self, clause: str, style: str = "None") -> str:
        """A clause as a sentence, in the wording of `style` ('None' for neutral)."""
        if style == "None":
            return capitalised(clause + self.data["stop"])
        frame = self.data["styles"][style]
        return capitalised(frame["before"] + clause + frame["after"])

    def request(self, form: str, variant: int, e: str, relation: str) -> str:
        """A prompt of the given form; `variant` counts from 0 to `num_variants`."""
        entry = self.data["relations"].get(relation, {})
        of = self.of(e, relation) if entry else ""
        frame = self.data["forms"][form][variant]
        return capitalised(frame.format(e=e, of=of, key=entry.get("key", ""), ask=entry.get("ask", "")))

    def num_variants(self, form: str) -> int:
        """How many wordings this language has for a form of request."""
        return len(self.data["forms"][form])

    def join(self, sentences: list[str]) -> str:
        """Sentences as one text."""
        return self.joiner.join(sentences)

    def find_values(self, text: str, relation: str) -> set[int]:
        """The values of `relation` that `text` names in this language."""
        return {index for index, pattern in self._patterns[relation] if pattern.search(text.lower())}

    @functools.cached_property
    def _patterns(self) -> dict[str, list[tuple[int, re.Pattern[str]]]]:
        return {relation: [(i, self._pattern(relation, i)) for i in range(NUM_VALUES)] for relation in RELATIONS}

    def _pattern(self, relation: str, index: int) -> re.Pattern[str]:
        mine = self.bare(relation, index).lower()
        if self.is_spaced:
            edge = r"[\w\u0900-\u097f\u064b-\u065f]"
            return re.compile(rf"(?<!{edge}){re.escape(mine)}(?!{edge})")
        # without spaces a value must not be part of a longer one: 十 stands in 十一
        longer = [self.bare(relation, i).lower() for i in range(NUM_VALUES)]
        tails = [other[len(mine) :] for other in longer if other.startswith(mine) and other != mine]
        heads = [other[: -len(mine)] for other in longer if other.endswith(mine) and other != mine]
        after = "".join(f"(?!{re.escape(tail)})" for tail in tails)
        before = "".join(f"(?<!{re.escape(head)})" for head in heads)
        return re.compile(before + re.escape(mine) + after)


def capitalised(text: str) -> str:
    """`text` with its first letter in upper case, which may stand behind an opening mark."""
    for place, char in enumerate(text):
        if char.isalpha():
            return text[:place] + char.upper() + text[place + 1 :]
    return text


@functools.cache
def lexicons() -> Mapping[str, Lexicon]:
    """All languages by name."""
    found = {}
    for name in LANGUAGES:
        data = read_data(f"languages/{name.lower()}")
        found[name] = Lexicon(name, data["joiner"], data)
    return found
