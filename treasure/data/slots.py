"""Under which number the loss of each learned token is counted: its category, copied or inferred, or head or tail.

One number a token lets a step add up all losses at once, however many categories there are.

Shapes: T tokens of one composed example.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from treasure.data.tokenize import TokenizedExample

CONTENT_HEAD, CONTENT_TAIL, BRACKET = 0, 1, 2
"""Content of an example without and with a tail value; opening and closing of a header."""
FIRST_CATEGORY = 3
"""From here on two slots a category: its markers that did not stand in the prompt header, and those that did."""


def num_slots(num_categories: int) -> int:
    """How many slots there are."""
    return FIRST_CATEGORY + 2 * num_categories


def category_slot(category: int, *, in_prompt: bool) -> int:
    """The slot of header tokens of category number `category`, told apart by what the prompt header gave away."""
    return FIRST_CATEGORY + 2 * category + in_prompt


def token_slots(
    example: TokenizedExample,
    length: int,
    *,
    prompt_markers: Collection[int],
    header_order: Sequence[int],
    numbers: Mapping[str, int],
    is_tail: bool,
) -> np.ndarray:
    """The slot of each token, int16 [T] with T = `length`, of an example composed with these arguments.

    `header_order` is empty where no completion header is written; `numbers` gives each category its number. Tokens of
    the prompt, which are never learned, count as head.
    """
    codes, lengths = [], []
    if header_order:
        codes, lengths = [BRACKET], [len(example.open_ids)]
        for index in header_order:
            category, ids = example.marker_ids[index]
            codes.append(category_slot(numbers[category], in_prompt=index in prompt_markers))
            lengths.append(len(ids))
        codes.append(BRACKET)
        lengths.append(len(example.close_ids))
    codes.append(CONTENT_TAIL if is_tail else CONTENT_HEAD)
    lengths.append(len(example.content_ids))
    prompt = length - sum(lengths)
    return np.repeat(np.array([CONTENT_HEAD, *codes], dtype=np.int16), [prompt, *lengths])
