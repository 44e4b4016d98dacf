"""The marker tax: tokens and time of an example on both surfaces, against Baseline on the same examples."""

from typing import Any

from bench.contest import contest
from bench.options import Options
from bench.settings import ours
from bench.shapes import SHAPES

GOAL = 1.25
"""Most tokens of a marked example on the surface `tokens`, as a multiple of Baseline's, on the world."""


def measure(options: Options) -> dict[str, Any]:
    """Mode -> score, with its tokens and time per example as multiples of Baseline's."""
    shape = next(iter(SHAPES))
    modes = ("none", "tokens", "text")
    found = contest({mode: ours(shape, options, mode=mode, compile=False) for mode in modes}, options.num_rounds)
    scores = {mode: score.to_dict() for mode, score in found.items()}
    base = scores["none"]
    for score in scores.values():
        score["tokens_ratio"] = score["tokens_per_example"] / base["tokens_per_example"]
        score["time_ratio"] = base["examples_per_s"] / score["examples_per_s"]
    return {"scores": scores, "goal": GOAL}
