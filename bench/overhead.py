"""What Lightning costs: `fit` against a bare loop over the same micro-batches with the same loss and optimizer."""

from typing import Any

from bench.contest import contest
from bench.options import Options
from bench.settings import BARE, OURS_BEST, ours, shared
from bench.shapes import SHAPES

GOAL = 0.03


def measure(options: Options) -> dict[str, Any]:
    """Scores of both at the smallest shape, where a step is shortest, and how much longer ours takes."""
    shape = next(iter(SHAPES))
    bare = {**shared(shape, options), **OURS_BEST, "compile": False}
    found = contest({"ours": ours(shape, options, compile=False), "bare loop": (BARE, bare)}, options.num_rounds)
    scores = {name: score.to_dict() for name, score in found.items()}
    pairs = zip(found["ours"].rounds, found["bare loop"].rounds, strict=True)
    each = sorted(own.seconds / other.seconds - 1 for own, other in pairs)
    return {
        "scores": scores,
        "overhead": scores["bare loop"]["tokens_per_s"] / scores["ours"]["tokens_per_s"] - 1,
        "overhead_rounds": each,
        "goal": GOAL,
    }
