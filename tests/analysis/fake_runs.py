"""Run folders as training leaves them, with answers drawn from known rates; shared by the tests of the analysis."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from treasure.evaluation.record import EvaluationRecord, Regime, write_records
from treasure.seeding import stream


@dataclass(frozen=True)
class Bench:
    """A benchmark of the fake world: values of its main category by group, its metrics, the truth's other markers."""

    name: str
    category: str
    head: tuple[str, ...]
    tail: tuple[str, ...]
    metrics: tuple[str, ...]


BENCHES = (
    Bench("facts", "domain", ("Conversation", "Culture", "Technology"), ("Legal", "Medical", "Finance", "Sciences"),
          ("fact_correct", "quality_form")),
    Bench("languages", "lang", ("English", "French", "German"), ("Hindi", "Greek", "Russian", "Japanese"),
          ("language_pass", "fact_correct")),
    Bench("formats", "format", ("JSON", "Enumeration"), ("XML", "Tabular", "Latex"), ("format_valid", "fact_correct")),
    Bench("styles", "style", ("Formal",), ("Custom",), ("style_pass",)),
    Bench("code", "task", ("CodeGeneration", "CodeExplanation"), ("CodeFix", "CodeTranslation"), ("pass_at_1",)),
    Bench("length", "length_bucket", ("concise",), ("long",), ("length_violation_rate", "length_distance_words")),
    Bench("reasoning", "format", ("ChainOfThought",), (), ("answer_correct",)),
    Bench("translation", "lang", ("English", "French"), ("Hindi", "Greek"), ("translation_exact", "translation_f1")),
    Bench("text_tasks", "task", ("Summarization",), ("Classification", "Rewrite"), ("task_form", "exact")),
)  # fmt: skip

LIFTS = {Regime.BASELINE: (0.0, 0.0), Regime.INFERRED: (0.03, 0.07), Regime.FIXED: (0.08, 0.22),
         Regime.FORCED: (0.09, 0.23), Regime.ORACLE: (0.12, 0.26)}  # fmt: skip
"""Planted lift of every metric on (head, tail)."""


def write_fake_runs(
    folder: Path,
    group: str = "head_vs_tail",
    *,
    seeds: tuple[int, ...] = (0, 1),
    num_prompts: int = 24,
    steps: tuple[int, ...] = (400, 800, 1200),
    benches: tuple[Bench, ...] = BENCHES,
) -> Path:
    """Writes a Baseline and a marked run for each seed; returns the group's folder."""
    for seed in seeds:
        for markers in ("none", "tokens"):
            name = "baseline" if markers == "none" else "marked"
            place = folder / group / f"{name}-{seed:08x}"
            write_fake_run(place, name, markers, seed, num_prompts, steps, benches)
    return folder / group


def write_fake_run(
    place: Path,
    name: str,
    markers: str,
    seed: int,
    num_prompts: int = 24,
    steps: tuple[int, ...] = (1200,),
    benches: tuple[Bench, ...] = BENCHES,
) -> Path:
    """Writes one finished run folder."""
    place.mkdir(parents=True)
    regimes = (Regime.BASELINE,) if markers == "none" else tuple(r for r in Regime if r is not Regime.BASELINE)
    write_records(
        place / "records.jsonl",
        [
            record
            for step in steps
            for bench in benches
            for index in range(num_prompts)
            for regime in regimes
            for record in _records(bench, index, regime, seed, step, steps[-1])
        ],
    )
    summary = {
        "name": name, "markers": markers, "seed": seed, "steps": steps[-1], "num_examples": 40_000,
        "examples_key": "0123456789abcdef",
        "num_tokens": 2_050_000 if markers == "none" else 2_610_000, "num_parameters": 1_300_000,
        "train_seconds": 241.5, "evaluation_seconds": 63.2, "flops": 1.6e13 if markers == "none" else 2.0e13,
    }  # fmt: skip
    (place / "summary.json").write_text(json.dumps(summary))
    (place / "provenance.json").write_text(json.dumps({"commit": "0123abc", "versions": {"torch": "2.13.0"}}))
    (place / "config.yaml").write_text(f"seed: {seed}\n")
    (place / "DONE").write_text("")
    return place


def _records(bench: Bench, index: int, regime: Regime, seed: int, step: int, last: int) -> Iterator[EvaluationRecord]:
    is_tail = bool(bench.tail) and index % 2 == 1
    values = bench.tail if is_tail else bench.head
    value = values[index // 2 % len(values)]
    rng = stream("fake", bench.name, index, regime.value, seed, step)
    level = 0.25 + 0.3 * stream("fake", bench.name, index).random() + (0.0 if is_tail else 0.15)
    rate = (level + LIFTS[regime][is_tail]) * (0.4 + 0.6 * step / last)
    scores: dict[str, float] = {metric: _score(metric, rate, rng) for metric in bench.metrics}
    scores["oracle_score"] = sum(s for m, s in scores.items() if not m.startswith("length")) / len(scores)
    if bench.name == "length":
        scores["oracle_score"] = 1.0 - scores["length_violation_rate"]
    truth = {bench.category: value, "source": "Human", "length_tokens": 14}
    predicted = {k: v if rng.random() < 0.7 else "Unspecified" for k, v in truth.items() if k != "length_tokens"}
    fixed = regime in (Regime.FIXED, Regime.FORCED)
    yield EvaluationRecord(
        benchmark=bench.name, prompt_id=f"{bench.name}-{index:03d}", regime=regime, seed=seed, step=step,
        prompt=f"What is <b>Zarvo {index}</b> known for? Please tell me & my friend about {value}.",
        content=f"Zarvo {index} is {'known for copper' if rate > 0.5 else 'a thing one hears of'}.\nमैं {seed} {regime}",
        scores=scores,
        slices={bench.category: value, "source": "Human"},
        groups={bench.category: "tail" if is_tail else "head"},
        levers={bench.category: value} if fixed else {},
        predicted={} if regime is Regime.BASELINE else {**predicted, "length_tokens": 14 + rng.randint(-3, 3)},
        truth=truth,
        problems=(),
    )  # fmt: skip


def _score(metric: str, rate: float, rng: random.Random) -> float:
    if metric == "length_violation_rate":
        return float(rng.random() > rate)
    if metric == "length_distance_words":
        return float(rng.randint(0, 10)) * (1.2 - rate)
    return float(rng.random() < rate)
