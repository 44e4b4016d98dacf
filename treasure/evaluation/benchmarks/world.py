"""The world's benchmarks: every prompt in every regime, each answer scored by the oracle into one record."""

from collections.abc import Mapping, Sequence

from treasure.data.frequency import Frequency
from treasure.evaluation.record import EvaluationRecord, Regime
from treasure.inference.generate import Generator
from treasure.inference.request import Generation, GenerationRequest
from treasure.world.oracle import Oracle
from treasure.world.world import WorldPrompt


def request_for(prompt: WorldPrompt, regime: Regime, *, in_prompt: bool = True) -> GenerationRequest:
    """What the model is given for `prompt` in `regime`; `in_prompt` says whether it has met prompt headers."""
    if not in_prompt and regime in (Regime.FORCED, Regime.ORACLE):
        given = prompt.levers if regime is Regime.FORCED else prompt.truth
        return GenerationRequest(prompt.fixed_messages, forced=given)
    if regime is Regime.FIXED:
        return GenerationRequest(prompt.fixed_messages, fixed=prompt.levers)
    if regime is Regime.FORCED:
        return GenerationRequest(prompt.fixed_messages, fixed=prompt.levers, forced=prompt.levers)
    if regime is Regime.ORACLE:
        return GenerationRequest(prompt.fixed_messages, fixed=prompt.truth)
    return GenerationRequest(prompt.messages)


def evaluate_world(
    generator: Generator,
    oracle: Oracle,
    prompts: Sequence[WorldPrompt],
    regimes: Sequence[Regime],
    frequency: Frequency,
    *,
    tail_threshold: float,
    seed: int,
    step: int,
    in_prompt: bool = True,
) -> list[EvaluationRecord]:
    """Records of all prompts in all regimes, regime by regime in the order of `prompts`.

    Prompts whose answer cannot be scored on this machine (no tool-chain for its language) have empty `scores`.
    """
    records: list[EvaluationRecord] = []
    for regime in regimes:
        requests = [request_for(prompt, regime, in_prompt=in_prompt) for prompt in prompts]
        answers = generator.generate(requests, description=f"step {step} · {regime}")
        scores = oracle.score(prompts, [answer.content for answer in answers])
        for prompt, request, answer, score in zip(prompts, requests, answers, scores, strict=True):
            groups = {name: frequency.group(name, value, tail_threshold) for name, value in prompt.slices.items()}
            records.append(_record(prompt, request, answer, score, groups, regime, seed, step))
    return records


def _record(
    prompt: WorldPrompt,
    request: GenerationRequest,
    answer: Generation,
    scores: Mapping[str, float],
    groups: Mapping[str, str],
    regime: Regime,
    seed: int,
    step: int,
) -> EvaluationRecord:
    return EvaluationRecord(
        benchmark=prompt.benchmark,
        prompt_id=prompt.id,
        regime=regime,
        seed=seed,
        step=step,
        prompt=request.messages[-1].content,
        content=answer.content,
        scores=dict(scores),
        slices=dict(prompt.slices),
        groups=dict(groups),
        levers=(request.fixed if len(request.fixed) else request.forced).to_dict(),
        predicted=answer.markers.to_dict(),
        truth=prompt.truth.to_dict(),
        problems=answer.problems,
    )
