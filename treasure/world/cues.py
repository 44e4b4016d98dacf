"""Cues: phrases of a prompt that hint at a property with a known likelihood, and mostly stay silent."""

import random
from collections.abc import Mapping

from treasure.world.chain import Distribution
from treasure.world.data_files import read_data
from treasure.world.lexicon import lexicons

SILENT = ""
EXPLICIT = "explicit:"
"""A cue 'explicit:French' says the value outright."""


class Cues:
    """P(cue | value of the property, language of the prompt) for all properties, and the words of each cue."""

    def __init__(self) -> None:
        self._data = read_data("cues")
        self._cache: dict[tuple[str, str, str], Distribution] = {}
        self._open: dict[tuple[str, str, str], Distribution] = {}
        self.categories = tuple(self._data)

    def given(self, category: str, value: str, prompt_lang: str) -> Distribution:
        """The distribution over cue ids; `SILENT` is one of them."""
        key = (category, value, prompt_lang)
        found = self._cache.get(key)
        if found is None:
            found = self._cache[key] = self._build(*key)
        return found

    def draw(self, rng: random.Random, category: str, value: str, prompt_lang: str, allow_explicit: bool) -> str:
        """One cue id, without the explicit ones if so asked."""
        if allow_explicit:
            return self.given(category, value, prompt_lang).draw(rng)
        key = (category, value, prompt_lang)
        if key not in self._open:
            shares = self.given(*key).shares
            kept = {cue: share for cue, share in shares.items() if not cue.startswith(EXPLICIT)}
            self._open[key] = Distribution(kept)
        return self._open[key].draw(rng)

    def text(self, category: str, cue: str, prompt_lang: str) -> str:
        """The words of a cue that is not silent."""
        entry = self._data[category]
        if cue.startswith(EXPLICIT):
            return entry["texts"][cue.removeprefix(EXPLICIT)]
        return entry["cues"][cue]["text"] if prompt_lang == "English" else lexicons()[prompt_lang].cues[cue]

    def _build(self, category: str, value: str, prompt_lang: str) -> Distribution:
        entry = self._data[category]
        shares: dict[str, float] = {}
        if prompt_lang == "English" and value in entry["texts"]:
            shares[EXPLICIT + value] = _share(entry["explicit"], value)
        for cue, rule in entry["cues"].items():
            if prompt_lang == "English" or cue in lexicons()[prompt_lang].cues:
                shares[cue] = _share(rule["p"], value)
        silence = 1.0 - sum(shares.values())
        assert silence > 0, f"cues of {category}={value} leave no room for silence"
        return Distribution({SILENT: silence, **shares})


def _share(shares: Mapping[str, float], value: str) -> float:
    return shares.get(value, shares.get("default", 0.0))
