"""The world's benchmarks: every prompt in every regime, each answer scored by the oracle into one record."""

from collections.abc import Mapping, Sequence

from treasure.data.frequency import Frequency
from treasure.evaluation.record import EvaluationRecord, Regime
from treasure.inference.generate import Generator
from treasure.inference.levers import LeverMode, LeverSet
from treasure.inference.request import Generation, GenerationRequest
from treasure.markers.header_style import DEFAULT_STYLE, HeaderStyle
from treasure.markers.marker_set import MarkerSet
from treasure.taxonomy.taxonomy import Taxonomy
from treasure.world.oracle import Oracle
from treasure.world.world import WorldPrompt


def request_for(
    prompt: WorldPrompt,
    regime: Regime,
    taxonomy: Taxonomy,
    *,
    style: HeaderStyle = DEFAULT_STYLE,
    beside: LeverSet = LeverSet(),  # noqa: B008  # frozen
) -> GenerationRequest:
    """What a model with headers of `style` is given for `prompt` in `regime`.

    The levers `beside` those of the regime are set in all regimes but Baseline's, where the regime does not say
    otherwise.
    """
    if regime is Regime.BASELINE:
        return GenerationRequest(prompt.messages)
    given = {Regime.INFERRED: MarkerSet(), Regime.ORACLE: prompt.truth}.get(regime, prompt.levers)
    is_forced = regime is Regime.FORCED or not style.in_prompt
    levers = LeverSet.setting(LeverMode.FORCE if is_forced else LeverMode.FIX, given).over(beside, taxonomy)
    messages = prompt.messages if regime is Regime.INFERRED else prompt.fixed_messages
    return levers.request(messages, taxonomy, style, None)


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
    taxonomy: Taxonomy,
    style: HeaderStyle = DEFAULT_STYLE,
    beside: LeverSet = LeverSet(),  # noqa: B008  # frozen
) -> list[EvaluationRecord]:
    """Records of all prompts in all regimes, regime by regime in the order of `prompts`; see `request_for`.

    Prompts whose answer cannot be scored on this machine (no tool-chain for its language) have empty `scores`.
    """
    records: list[EvaluationRecord] = []
    for regime in regimes:
        requests = [request_for(prompt, regime, taxonomy, style=style, beside=beside) for prompt in prompts]
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
