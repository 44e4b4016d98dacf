"""From a benchmark's prompts to what a model is asked: its levers in each regime, as far as the model knows them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from treasure.errors import TaxonomyError
from treasure.evaluation.benchmark_rows import Asked
from treasure.evaluation.benchmarks.protocol import BenchmarkPrompt
from treasure.evaluation.record import Regime
from treasure.inference.levers import ChoosesNumbers, LeverMode, LeverSet
from treasure.inference.request import GenerationRequest
from treasure.markers.header_style import HeaderStyle
from treasure.markers.marker_set import MarkerSet
from treasure.taxonomy.taxonomy import Taxonomy


@dataclass(frozen=True, kw_only=True)
class AskedModel:
    """What is known of the model that is asked; `beside` are levers that are set in all regimes but Baseline's."""

    taxonomy: Taxonomy
    style: HeaderStyle
    beside: LeverSet
    lengths: ChoosesNumbers | None = None


def ask(
    prompts: Sequence[BenchmarkPrompt], regimes: Sequence[Regime], model: AskedModel, *, num_samples: int = 1
) -> tuple[list[Asked], Counter[str]]:
    """Every prompt in every regime, `num_samples` times; and how often each lever was left out that the model lacks.

    The regime `fixed` shows a prompt's levers in the prompt, `forced` also in the header; `oracle` is `fixed` here,
    since the levers are all that is known, and is refused. A prompt without levers that the model knows is asked in
    `fixed` as in `inferred`.

    Raises:
        LeverError: the levers beside contradict those of a prompt.
    """
    assert Regime.ORACLE not in regimes, "files of public benchmarks do not know all markers"
    left_out: Counter[str] = Counter()
    known = {prompt.id: _known(prompt.levers, model.taxonomy, left_out) for prompt in prompts}
    return [
        Asked(prompt=prompt, regime=regime, request=_request(prompt, known[prompt.id], regime, model), sample=sample)
        for regime in regimes
        for prompt in prompts
        for sample in range(num_samples)
    ], left_out


def _known(levers: Mapping[str, Any], taxonomy: Taxonomy, left_out: Counter[str]) -> MarkerSet:
    """Those of `levers` that the taxonomy has."""
    kept: dict[str, Any] = {}
    for name, value in levers.items():
        try:
            MarkerSet.of(taxonomy, {name: value})
        except TaxonomyError:
            left_out[f"{name}={value}"] += 1
            continue
        kept[name] = value
    return MarkerSet.of(taxonomy, kept)


def _request(prompt: BenchmarkPrompt, levers: MarkerSet, regime: Regime, model: AskedModel) -> GenerationRequest:
    if regime is Regime.BASELINE:
        return GenerationRequest(prompt.messages)
    if regime is Regime.INFERRED:
        return model.beside.request(prompt.messages, model.taxonomy, model.style, model.lengths)
    is_forced = regime is Regime.FORCED or not model.style.in_prompt
    wanted = LeverSet.setting(LeverMode.FORCE if is_forced else LeverMode.FIX, levers)
    both = wanted.over(model.beside, model.taxonomy)
    # A text that leaves something to the levers goes only to a model that is told by them.
    is_told = len(levers) > 0 and set(prompt.levers) == set(levers.categories)
    messages = prompt.fixed_messages if prompt.fixed_messages is not None and is_told else prompt.messages
    return both.request(messages, model.taxonomy, model.style, model.lengths)
