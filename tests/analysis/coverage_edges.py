"""Intervals put to the test: few prompts, rates near 0 and 1, several runs, answers that are not all judged.

`python tests/analysis/coverage_edges.py` prints the second table of docs/statistics.md. Sizes are numbers of prompts.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from coverage_simulation import answers

from treasure.analysis.config import Resampling
from treasure.analysis.scores.language_confusion import language_figures
from treasure.analysis.statistics import Pairs, difference_in_differences, mean, paired_lift, rate
from treasure.evaluation.metrics.pass_at_k import pass_at_k
from treasure.evaluation.record import EvaluationRecord, Regime
from treasure.intervals import Interval

NUM_SETS = 2_000
FEW = Resampling(num_resamples=500)
"""For the cases that make records, which take their time."""


@dataclass(frozen=True)
class Edge:
    """`interval` draws a data set of some prompts and says what is said of it, `truth` is true."""

    name: str
    truth: float
    interval: Callable[[np.random.Generator, int], Interval]
    sizes: tuple[int, ...]
    num_sets: int = NUM_SETS


def passes(rate_of_passes: float) -> Callable[[np.random.Generator, int], Interval]:
    return lambda rng, n: rate((rng.random(n) < rate_of_passes).astype(float), np.arange(n))


def samples(rate_of_passes: float) -> Callable[[np.random.Generator, int], Interval]:
    def draw(rng: np.random.Generator, num_prompts: int) -> Interval:
        found = answers(rng, num_prompts, 0.5, rate_of_passes)
        return rate(found.marked, found.clusters)

    return draw


def pass_at_5(rng: np.random.Generator, num_prompts: int) -> Interval:
    """Of ten samples to each problem, whose own rate is from Beta(0.3, 0.7)."""
    passed = rng.binomial(10, rng.beta(0.3, 0.7, num_prompts))
    return rate(np.array([pass_at_k(10, int(c), 5) for c in passed]), np.arange(num_prompts))


def true_pass_at_5() -> float:
    chance = np.random.default_rng(0).beta(0.3, 0.7, 4_000_000)
    return float(np.mean(1 - (1 - chance) ** 5))


def instructions(rng: np.random.Generator, num_prompts: int) -> Interval:
    """One to three verdicts on an answer, of which 15 % are good, more or less with the prompt."""
    clusters = np.repeat(np.arange(num_prompts), rng.integers(1, 4, num_prompts))
    return rate((rng.random(len(clusters)) < rng.beta(0.3, 1.7, num_prompts)[clusters]).astype(float), clusters)


def lift(before: float, after: float) -> Callable[[np.random.Generator, int], Interval]:
    def draw(rng: np.random.Generator, num_prompts: int) -> Interval:
        sides = ((rng.random(num_prompts) < chance).astype(float) for chance in (before, after))
        return paired_lift(*sides, np.arange(num_prompts))

    return draw


def words(rng: np.random.Generator, num_prompts: int) -> Interval:
    return mean(rng.exponential(size=num_prompts), np.arange(num_prompts))


def tail_against_many(rng: np.random.Generator, num_prompts: int) -> Interval:
    """A tail of so few prompts against a head of 200, one answer each."""

    def part(size: int, before: float, after: float, first: int) -> Pairs:
        sides = ((rng.random(size) < chance).astype(float) for chance in (before, after))
        return Pairs(*sides, np.arange(size) + first, np.zeros(size))

    return difference_in_differences(part(num_prompts, 0.2, 0.35, 0), part(200, 0.5, 0.55, 10_000))


def runs(num_seeds: int, spread: float) -> Callable[[np.random.Generator, int], Interval]:
    """Lifts of several runs that shift all answers by `spread` times what prompts differ by."""

    def draw(rng: np.random.Generator, num_prompts: int) -> Interval:
        shape = num_prompts, num_seeds
        values = rng.normal(size=(num_prompts, 1)) + rng.normal(size=shape) + spread * rng.normal(size=num_seeds)
        clusters, seeds = np.indices(shape)
        return paired_lift(np.zeros(values.size), values.ravel(), clusters.ravel(), seeds.ravel())

    return draw


def languages(judged: float, passed: float) -> Callable[[np.random.Generator, int], Interval]:
    """LPR over four languages that share their rows: a share `judged` of answers counts, of which `passed` pass."""

    def draw(rng: np.random.Generator, num_rows: int) -> Interval:
        chance = rng.beta(2 * passed, 2 * (1 - passed), num_rows)
        records = [
            EvaluationRecord(
                benchmark="language_confusion", prompt_id=f"{lang}/{row}", regime=Regime.INFERRED, seed=0, step=0,
                prompt="", content="",
                scores={"line_pass": float(rng.random() < chance[row])} if rng.random() < judged else {},
                slices={"task": "crosslingual", "lang": lang, "subset": "a", "row": str(row)},
            )
            for lang in ("de", "es", "fr", "it")
            for row in range(num_rows)
        ]  # fmt: skip
        figures = language_figures(records, how=FEW)
        return next(f.interval for f in figures if f.metric == "lpr" and f.slices == {"task": "crosslingual"})

    return draw


EDGES = (
    Edge("pass@5 of 10 samples", true_pass_at_5(), pass_at_5, (100, 500)),
    Edge("instructions followed, 0.15", 0.15, instructions, (100, 500)),
    Edge("LPR 0.7 of 4 languages, 80 % judged", 0.7, languages(0.8, 0.7), (50, 100), 400),
    Edge("LPR 0.7 of 4 languages, 10 % judged", 0.7, languages(0.1, 0.7), (50, 100), 400),
    Edge("lift 0.01 to 0.03, one answer", 0.02, lift(0.01, 0.03), (20, 100, 500)),
    Edge("lift 0.3 to 0.4, one answer", 0.1, lift(0.3, 0.4), (5, 10, 20, 50)),
    Edge("mean of lengths, exponential", 1.0, words, (5, 10, 20, 100)),
    Edge("tail of so many minus head of 200", 0.1, tail_against_many, (5, 10, 20, 50)),
    *(Edge(f"pass rate {p}, one answer", p, passes(p), (1, 3, 5, 20, 100)) for p in (0.5, 0.9, 0.99)),
    *(Edge(f"pass rate {p}, 2 to 4 answers", p, samples(p), (5, 10, 20, 100, 500)) for p in (0.5, 0.1, 0.02)),
    *(Edge(f"lift of {s} runs that differ {spread:g} as much as prompts", 0.0, runs(s, spread), (40,), 1_000)
      for s in (3, 5) for spread in (0.1, 1.0)),
)  # fmt: skip


def edge_coverage(edge: Edge, size: int) -> tuple[float, float]:
    """(the share of intervals that hold the truth, the share of data sets that have an interval)."""
    found = [edge.interval(np.random.default_rng((size, number)), size) for number in range(edge.num_sets)]
    told = [one for one in found if not np.isnan(one.low)]
    held = [one.low - 1e-9 <= edge.truth <= one.high + 1e-9 for one in told]
    return float(np.mean(held)) if held else float("nan"), len(told) / len(found)


if __name__ == "__main__":
    for edge in EDGES:
        if not sys.argv[1:] or any(word in edge.name for word in sys.argv[1:]):
            for size in edge.sizes:
                covered, told = edge_coverage(edge, size)
                print(f"| {edge.name} | {size} | {100 * covered:.1f} % | {100 * told:.0f} % |", flush=True)
