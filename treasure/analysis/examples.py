"""Picks answers to show side by side: at random among the prompts where the regimes came out differently."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from treasure.analysis.benchmarks import ORACLE_SCORE, benchmark_order
from treasure.analysis.collect import RunTable
from treasure.evaluation.record import EvaluationRecord, Regime
from treasure.seeding import stream

PER_BENCHMARK = 2
SHOWN = (Regime.BASELINE, Regime.INFERRED, Regime.FIXED)


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """One answer as the page shows it. `score` is the overall score in [0, 1], `header` what the model wrote first."""

    regime: str
    content: str
    score: float
    header: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SideBySide:
    """One prompt with the answer of each regime; `fixed_prompt` is how regime fixed was asked, where that differs."""

    benchmark: str
    prompt_id: str
    prompt: str
    fixed_prompt: str
    levers: Mapping[str, Any]
    groups: Mapping[str, str]
    answers: tuple[ShownAnswer, ...]

    @property
    def outcome(self) -> str:
        """'better' or 'worse': regime fixed against Baseline."""
        scores = {answer.regime: answer.score for answer in self.answers}
        return "better" if scores[Regime.FIXED] > scores[Regime.BASELINE] else "worse"


def pick_examples(runs: RunTable) -> tuple[SideBySide, ...]:
    """Up to `PER_BENCHMARK` prompts of each benchmark under the first seed, gains and losses as chance has them."""
    found: dict[str, dict[str, dict[Regime, EvaluationRecord]]] = {}
    for run in (runs.baselines[0], runs.marked[0]):
        for record in run.at():
            if record.regime in SHOWN and ORACLE_SCORE in record.scores:
                found.setdefault(record.benchmark, {}).setdefault(record.prompt_id, {})[record.regime] = record
    return tuple(
        _side_by_side(prompts[prompt_id])
        for benchmark, prompts in sorted(found.items(), key=lambda item: benchmark_order(item[0]))
        for prompt_id in _draw(benchmark, (name for name, answers in prompts.items() if _differ(answers)))
    )


def _differ(answers: Mapping[Regime, EvaluationRecord]) -> bool:
    if len(answers) < len(SHOWN):
        return False
    return answers[Regime.BASELINE].scores[ORACLE_SCORE] != answers[Regime.FIXED].scores[ORACLE_SCORE]


def _draw(benchmark: str, prompt_ids: Iterable[str]) -> list[str]:
    candidates = sorted(prompt_ids)
    return sorted(stream("examples", benchmark).sample(candidates, min(PER_BENCHMARK, len(candidates))))


def _side_by_side(answers: Mapping[Regime, EvaluationRecord]) -> SideBySide:
    baseline, fixed = answers[Regime.BASELINE], answers[Regime.FIXED]
    return SideBySide(
        benchmark=baseline.benchmark,
        prompt_id=baseline.prompt_id,
        prompt=baseline.prompt,
        fixed_prompt=fixed.prompt if fixed.prompt != baseline.prompt else "",
        levers=fixed.levers,
        groups=baseline.groups,
        answers=tuple(
            ShownAnswer(regime.value, answers[regime].content, answers[regime].scores[ORACLE_SCORE],
                        answers[regime].predicted)
            for regime in SHOWN
        ),
    )  # fmt: skip
