"""The tokens that headers are made of, for engines that hold an answer to a text and not to tokens.

Without this an engine may spell a marker letter by letter where its token is not allowed: the text is the same, but not
what the model has learned.
"""

import re
from collections.abc import Sequence

from treasure.data.example import Message
from treasure.markers.surface import SurfaceName
from treasure.model.checkpoint import Prompting

_OF_NUMBERS = re.compile(r"[-.0-9]+")
_SOME_TURN = (Message("user", ""),)


def header_tokens(prompting: Prompting) -> Sequence[int] | None:
    """The ids that a header may hold, and those that end an answer; None where it may hold any, being text."""
    if prompting.surface is None or prompting.surface.name is not SurfaceName.TOKENS:
        return None
    vocabulary = prompting.tokenizer.get_added_vocab()
    own = {vocabulary[token] for token in prompting.surface.added_tokens()}
    own |= {i for ids in prompting.encoder.header_ends() for i in ids.tolist()}
    own |= {i for i in range(len(prompting.tokenizer)) if _OF_NUMBERS.fullmatch(str(prompting.tokenizer.decode([i])))}
    return sorted(own.union(prompting.encoder.stop_ids(_SOME_TURN)))
