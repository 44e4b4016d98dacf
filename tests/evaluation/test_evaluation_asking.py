"""What a model is asked in each regime: which text, and which levers stand where."""

from dataclasses import replace
from pathlib import Path

import pytest

from treasure.data.example import Message
from treasure.evaluation.asking import AskedModel, ask
from treasure.evaluation.benchmarks.protocol import BenchmarkPrompt
from treasure.evaluation.record import Regime
from treasure.inference.levers import LeverSet
from treasure.markers.header_style import HeaderStyle, Placement
from treasure.taxonomy.load import load_taxonomy

TAXONOMY = load_taxonomy(Path(__file__).parents[2] / "conf" / "taxonomy" / "treasure_hunt.yaml")
MODEL = AskedModel(taxonomy=TAXONOMY, style=HeaderStyle(), beside=LeverSet.of(TAXONOMY, {"lang": "French"}))
PROMPT = BenchmarkPrompt(
    id="p",
    messages=(Message("user", "Use 9 words or less. Why?"),),
    fixed_messages=(Message("user", "Why?"),),
    levers={"length_tokens": 9},
)
BESIDE, BOTH = {"lang": "French"}, {"length_tokens": 9, "lang": "French"}


def asked(regime, prompt=PROMPT, model=MODEL):
    ((one,), left_out) = ask([prompt], [regime], model)
    request = one.request
    return request.messages[-1].content, request.fixed.to_dict(), request.forced.to_dict(), dict(left_out)


@pytest.mark.parametrize(
    ("regime", "text", "fixed", "forced"),
    [
        (Regime.BASELINE, "Use 9 words or less. Why?", {}, {}),
        (Regime.INFERRED, "Use 9 words or less. Why?", BESIDE, {}),
        (Regime.FIXED, "Why?", BOTH, {}),
        (Regime.FORCED, "Why?", BOTH, {"length_tokens": 9}),
    ],
)
def test_each_regime_has_its_text_and_its_levers(regime, text, fixed, forced):
    assert asked(regime) == (text, fixed, forced, {})


def test_without_a_header_in_prompts_levers_are_forced():
    model = replace(MODEL, style=HeaderStyle(placement=Placement.COMPLETION), beside=LeverSet())
    assert asked(Regime.FIXED, model=model) == ("Why?", {}, {"length_tokens": 9}, {})


@pytest.mark.parametrize("levers", [{"tone": "dry"}, {"length_tokens": 9, "tone": "dry"}, {"lang": "Klingon"}, {}])
def test_a_model_that_lacks_a_lever_gets_the_text_that_says_it(levers):
    text, fixed, _, left_out = asked(Regime.FIXED, replace(PROMPT, levers=levers))
    assert text == "Use 9 words or less. Why?"
    assert fixed == (BOTH if "length_tokens" in levers else BESIDE)
    assert left_out == {f"{name}={value}": 1 for name, value in levers.items() if name != "length_tokens"}


def test_all_samples_of_a_prompt_stand_together_in_each_regime():
    prompts = [PROMPT, replace(PROMPT, id="q")]
    found, _ = ask(prompts, [Regime.INFERRED, Regime.FIXED], MODEL, num_samples=2)
    assert [one.key for one in found] == [
        (name, regime, sample) for regime in ("inferred", "fixed") for name in "pq" for sample in (0, 1)
    ]
