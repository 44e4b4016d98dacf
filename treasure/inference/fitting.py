"""Prompts that leave no room in the context that a model was trained with are not asked.

What a model says beyond it means nothing, and long texts take all memory.
"""

from collections.abc import Callable, Sequence

from treasure.data.tokenize import Encoder
from treasure.inference.request import Generation, GenerationRequest
from treasure.markers.marker_set import MarkerSet

TOO_LONG = "longer than the context"
"""How the problem of a prompt that was not asked begins."""

Answer = Callable[[Sequence[GenerationRequest], str | None, int], list[Generation]]
"""What answers requests: shows a bar where there is a description; the number is that of the first of them."""


def prompt_sizes(encoder: Encoder, requests: Sequence[GenerationRequest]) -> list[int]:
    """Tokens of each prompt with the markers that it fixes; one that stands there several times is encoded once."""
    prompts = [(request.messages, request.fixed) for request in requests]
    sizes = {prompt: len(encoder.prompt_ids(*prompt)) for prompt in dict.fromkeys(prompts)}
    return [sizes[prompt] for prompt in prompts]


def answer_fitting(
    answer: Answer,
    requests: Sequence[GenerationRequest],
    sizes: Sequence[int],
    context: int,
    description: str | None,
    first: int,
) -> list[Generation]:
    """What `answer` says to the requests whose `sizes` are below `context`; others get an empty answer.

    Its one problem says how long the prompt is. `first` is the number of the first request that is asked.
    """
    fitting = [request for request, size in zip(requests, sizes, strict=True) if size < context]
    given = iter(answer(fitting, description, first) if fitting else [])
    return [next(given) if size < context else _not_asked(size, context) for size in sizes]


def _not_asked(size: int, context: int) -> Generation:
    problem = f"{TOO_LONG} of {context} tokens: the prompt has {size}"
    return Generation(MarkerSet(), "", (problem,), 0, finished=False)
