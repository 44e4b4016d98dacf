"""One example as the model sees it: stretches of text by kind, with token counts and what is in the loss."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from transformers import PreTrainedTokenizerFast

from treasure.data.template import SegmentKind


@dataclass(frozen=True, slots=True)
class Span:
    """Neighbouring tokens of one kind. `text` is what they decode to."""

    kind: SegmentKind
    text: str
    num_tokens: int

    @property
    def is_learned(self) -> bool:
        """Whether these tokens are in the loss (with a header weight above 0)."""
        return self.kind in (SegmentKind.HEADER, SegmentKind.CONTENT)


def spans(ids: np.ndarray, kinds: np.ndarray, tokenizer: PreTrainedTokenizerFast) -> list[Span]:
    """Cuts a composed example (ids int32 [T], kinds uint8 [T]) where the kind changes."""
    found: list[Span] = []
    for kind, group in groupby(zip(kinds.tolist(), ids.tolist(), strict=True), key=lambda pair: pair[0]):
        run = [token for _, token in group]
        text = tokenizer.decode(run)
        assert isinstance(text, str)
        found.append(Span(SegmentKind(kind), text, len(run)))
    return found


def count_by_kind(found: Iterable[Span]) -> dict[SegmentKind, int]:
    """Tokens of each kind that occurs."""
    counts: Counter[SegmentKind] = Counter()
    for span in found:
        counts[span.kind] += span.num_tokens
    return dict(counts)


def marker_tax(found: Iterable[Span]) -> float:
    """Tokens with headers over tokens without, at least 1."""
    counts = count_by_kind(found)
    headers = counts.get(SegmentKind.PROMPT_HEADER, 0) + counts.get(SegmentKind.HEADER, 0)
    total = sum(counts.values())
    return total / max(1, total - headers)
