"""The true posterior: a distribution, calibrated on the corpus, and a hand-computed case."""

import random
from collections import defaultdict

import pytest

from treasure.data.example import MarkedExample
from treasure.errors import TaxonomyError
from treasure.world.chain import ATTRIBUTES
from treasure.world.cues import EXPLICIT
from treasure.world.posterior import Posterior
from treasure.world.spec import Spec
from treasure.world.world import World


@pytest.fixture(scope="module")
def posterior(world: World) -> Posterior:
    return Posterior(world.sampler)


def test_sums_to_one_and_believes_the_truth_possible(world: World, posterior: Posterior) -> None:
    prompts = world.prompts()
    said_and_new = [
        prompt
        for prompt in prompts
        if prompt.spec.new_combination and any(cue.startswith(EXPLICIT) for _, cue in prompt.spec.cues)
    ]
    assert said_and_new
    for prompt in (*said_and_new, *prompts[::23]):
        for category in ATTRIBUTES:
            belief = posterior.of(prompt.spec, category)
            assert sum(belief.values()) == pytest.approx(1)
        if not prompt.spec.new_combination:
            assert posterior.of(prompt.spec, "lang")[prompt.spec.lang] > 0


@pytest.mark.parametrize("category", ["domain", "task", "lang", "format", "style", "quality_bucket", "code_type"])
def test_is_calibrated_on_the_corpus(corpus: list[MarkedExample], posterior: Posterior, category: str) -> None:
    """Among values believed with about p, a share of about p is true."""
    sums: dict[int, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for row in random.Random(0).sample(corpus, 400):
        spec = Spec.from_dict(row.example.metadata)
        for value, p in posterior.of(spec, category).items():
            cell = sums[min(int(p * 5), 4)]
            cell[0] += p
            cell[1] += value == spec.attribute(category)
            cell[2] += p * (1 - p)
    for believed, true, variance in sums.values():
        assert abs(believed - true) <= 4 * variance**0.5 + 1


def test_belief_in_a_shared_name_follows_bayes(world: World, posterior: Posterior) -> None:
    """'Bolo' is in Conversation and SocialSciences; only the shares of domain, task, language and entity matter."""
    spec = _plain_question(world, "Bolo", "animal")
    belief = posterior.of(spec, "domain")
    assert set(belief) == {"Conversation", "SocialSciences"}
    cued = Spec.from_dict({**spec.to_dict(), "cues": [["domain", "survey"]]})
    before = belief["SocialSciences"] / belief["Conversation"]
    after = posterior.of(cued, "domain")["SocialSciences"] / posterior.of(cued, "domain")["Conversation"]
    cues = world.sampler.cues
    ratio = 1.0
    for cue, power in (("survey", 1), ("", -1)):
        likelihood = {d: cues.given("domain", d, "English").shares[cue] for d in belief}
        ratio *= (likelihood["SocialSciences"] / likelihood["Conversation"]) ** power
    assert after / before == pytest.approx(ratio)


def test_explicit_cue_settles_it(world: World, posterior: Posterior) -> None:
    spec = Spec.from_dict({**_plain_question(world, "Zaza", "color").to_dict(), "cues": [["lang", "explicit:Hindi"]]})
    assert posterior.of(spec, "lang") == {"Hindi": pytest.approx(1)}


def test_counted_categories_have_none(world: World, posterior: Posterior) -> None:
    with pytest.raises(TaxonomyError, match="length_tokens"):
        posterior.of(world.prompts()[0].spec, "length_tokens")


def _plain_question(world: World, entity: str, relation: str) -> Spec:
    prompt = world.prompts()[0]
    changes = {
        "entity": entity, "relation": relation, "form": "ask", "prompt_lang": "English", "text_lang": "None",
        "given_code": "None", "cues": [], "new_combination": False,
    }  # fmt: skip
    return Spec.from_dict({**prompt.spec.to_dict(), **changes})
