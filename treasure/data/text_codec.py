"""Text to ids in two ways: control text, in which special tokens are recognised, and words, in which they never are.

Segments are encoded one by one, so that the texts of the ids, joined, are the texts of the segments, joined: only the
first segment of a sequence gets the blank that some tokenizers put before a text.
"""

import json
import sys
from collections.abc import Sequence
from typing import Any

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

_ZERO_WIDTH_SPACE = "\u200b"
_BLOCK = 1024
"""So many letters of Unicode are normalized together, to find those that change."""


class TextCodec:
    """The encoders of one tokenizer.

    In words, these are ordinary letters: special tokens, added tokens (save white space and single characters, which
    base models use as plain vocabulary), and the strings in `guarded`, which are spelled letter by letter. Where the
    vocabulary has nothing but letters for a guarded string, it gets a zero-width space after its first letter. What
    the tokenizer's normalizer would make one of these strings is one.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, guarded: Sequence[str] = ()) -> None:
        self._tokenizer, self._guarded = tokenizer, tuple(guarded)
        source = json.loads(tokenizer.backend_tokenizer.to_str())
        self._control_first = _control_encoder(source)
        self._control = _control_encoder(_without_leading_blank(source))
        self._words_first = _words_encoder(source)
        self._words = _words_encoder(_without_leading_blank(source))
        control_entries = [entry for entry in source["added_tokens"] if _is_control(entry["content"])]
        unknown = tokenizer.unk_token
        self._forbidden = frozenset(entry["id"] for entry in control_entries if entry["content"] != unknown)
        self._control_strings = tuple(dict.fromkeys([*(entry["content"] for entry in control_entries), *guarded]))
        self._spelled = {self._normalized(string): tuple(self._normalized(string)) for string in self._control_strings}
        self._spelled |= {self._normalized(string): self._letters(self._normalized(string)) for string in guarded}

    def __reduce__(self) -> tuple[Any, ...]:
        return TextCodec, (self._tokenizer, self._guarded)  # the encoders would lose their settings when pickled

    @property
    def control_strings(self) -> tuple[str, ...]:
        """What is never control in words, though it is elsewhere: special and added tokens, and the guarded strings."""
        return tuple(dict.fromkeys([*self._control_strings, *self._spelled]))

    def look_alikes(self) -> dict[str, str]:
        """Letter -> letters of control strings that the normalizer makes of it, found by going through all of Unicode.

        Empty for most tokenizers. Unicode's canonical form alone makes a K of the Kelvin sign.
        """
        if self._words.normalizer is None:
            return {}
        letters = set("".join(self.control_strings))
        codes = [code for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
        blocks = ("".join(map(chr, codes[i : i + _BLOCK])) for i in range(0, len(codes), _BLOCK))
        changed = (letter for block in blocks if self._normalized(block) != block for letter in block)
        found = ((letter, self._normalized(letter)) for letter in changed)
        return {letter: read for letter, read in found if read != letter and letters.issuperset(read)}

    def control(self, text: str, *, first: bool = False) -> list[int]:
        """Ids of control text; `first` when nothing stands before it in the sequence."""
        return (self._control_first if first else self._control).encode(text, add_special_tokens=False).ids

    def words(self, texts: Sequence[str], *, first: bool = False) -> list[list[int]]:
        """Ids of texts that are only words, whatever they contain."""
        encoder = self._words_first if first else self._words
        whole = [_without_halves(text) for text in texts]
        encoded = [item.ids for item in encoder.encode_batch_fast(whole, add_special_tokens=False)]
        return [
            ids if self._is_clean(text, ids) else self._spell(self._normalized(text), first=first)
            for text, ids in zip(whole, encoded, strict=True)
        ]

    def plain(self, text: str) -> list[int]:
        """Ids of text of our own making, such as the inside of a header: no special token, nothing guarded."""
        return self._words.encode(text, add_special_tokens=False).ids

    def plain_texts(self, texts: Sequence[str]) -> list[list[int]]:
        """What `plain` gives for each of `texts`."""
        return [found.ids for found in self._words.encode_batch_fast(list(texts), add_special_tokens=False)]

    def _is_clean(self, text: str, ids: list[int]) -> bool:
        if not self._forbidden.isdisjoint(ids):
            return False
        text = self._normalized(text) if self._guarded else text
        return not any(self._normalized(string) in text for string in self._guarded)

    def _normalized(self, text: str) -> str:
        """`text` as the tokenizer reads it; a second time changes nothing."""
        normalizer = self._words.normalizer
        return text if normalizer is None else normalizer.normalize_str(text)

    def _letters(self, string: str) -> tuple[str, ...]:
        """The letters of `string`, with an invisible one among them if the vocabulary spells it by letters anyway."""
        letters = tuple(string)
        spelled = [i for letter in letters for i in self.plain(letter)]
        return letters if spelled != self.plain(string) else (letters[0], _ZERO_WIDTH_SPACE, *letters[1:])

    def _spell(self, text: str, *, first: bool) -> list[int]:
        """Encodes `text` with every control string in it taken letter by letter."""
        parts = [text]
        for string, letters in self._spelled.items():
            parts = [piece for part in parts for piece in _cut(part, string, letters)]
        found: list[int] = []
        for part in parts:
            encoder = self._words_first if first and not found else self._words
            found += encoder.encode(part, add_special_tokens=False).ids
        return found


def start_ids(tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """What the tokenizer puts at the start of a sequence by itself, usually one beginning-of-sequence id or nothing."""
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    full = tokenizer("a", add_special_tokens=True)["input_ids"]
    assert isinstance(bare, list)
    assert isinstance(full, list)
    places = [i for i in range(len(full)) if full[i : i + len(bare)] == bare]
    return full[: places[0]] if places else []


def _without_halves(text: str) -> str:
    """`text` with the replacement character for each half of a surrogate pair, which no tokenizer takes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _is_control(content: str) -> bool:
    return len(content) > 1 and not content.isspace()


def _cut(text: str, string: str, letters: tuple[str, ...]) -> list[str]:
    """`text` cut so that each occurrence of `string` falls into `letters`."""
    if len(text) < 2 or string not in text:
        return [text]
    first, *rest = text.split(string)
    return [part for part in (first, *(part for tail in rest for part in (*letters, tail))) if part]


def _control_encoder(source: dict[str, Any]) -> Tokenizer:
    return _bare(Tokenizer.from_str(json.dumps(source)))


def _words_encoder(source: dict[str, Any]) -> Tokenizer:
    """All added tokens become 'special', which one switch then hides; ids keep their places."""
    entries = [{**entry, "special": _is_control(entry["content"])} for entry in source["added_tokens"]]
    encoder = _bare(Tokenizer.from_str(json.dumps({**source, "added_tokens": entries})))
    encoder.encode_special_tokens = True
    return encoder


def _bare(encoder: Tokenizer) -> Tokenizer:
    encoder.no_truncation()
    encoder.no_padding()
    return encoder


def _without_leading_blank(source: dict[str, Any]) -> dict[str, Any]:
    """The same tokenizer for a text that goes on: nothing is put before it."""
    return {
        **source,
        "normalizer": _continuing(source["normalizer"], "normalizers"),
        "pre_tokenizer": _continuing(source["pre_tokenizer"], "pretokenizers"),
    }


def _continuing(step: dict[str, Any] | None, members: str) -> dict[str, Any] | None:
    if step is None or step["type"] == "Prepend":
        return None
    if step["type"] == "Sequence":
        kept = [_continuing(inner, members) for inner in step[members]]
        return {**step, members: [inner for inner in kept if inner is not None]}
    if step["type"] == "Metaspace":
        return {**step, "prepend_scheme": "never"}
    return {**step, "add_prefix_space": False} if "add_prefix_space" in step else step
