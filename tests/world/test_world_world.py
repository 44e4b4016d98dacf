"""The world as a whole: shares, correlations, splits, prompts and determinism."""

import hashlib
import json
import math
import subprocess
import sys
from collections import Counter

import pytest

from treasure.data.example import MarkedExample
from treasure.errors import ConfigError
from treasure.markers.marker_set import MarkerSet, State
from treasure.taxonomy.taxonomy import Taxonomy
from treasure.world.benchmarks import BENCHMARKS
from treasure.world.config import WorldConfig
from treasure.world.holdout import HOME_DOMAINS, is_held_out
from treasure.world.spec import Spec
from treasure.world.survey import Survey, survey
from treasure.world.units import count_paragraphs, count_sentences, count_words
from treasure.world.world import World

TAIL = ("Sciences", "SocialSciences", "Finance", "Medical", "Legal")


@pytest.fixture(scope="module")
def found(corpus: list[MarkedExample]) -> Survey:
    return survey(corpus)


def test_shares_are_those_of_a_real_mix(found: Survey) -> None:
    domains = found.shares["domain"]
    assert all(domains[name] < 0.05 for name in TAIL)
    assert all(share > 0.05 - 0.01 for name, share in domains.items() if name not in TAIL)
    assert 0.58 < found.shares["lang"]["English"] < 0.72
    assert len(found.shares["lang"]) == 12
    assert sum(share < 0.025 for share in found.shares["lang"].values()) >= 7
    assert found.shares["length_bucket"]["long"] < 0.05


def test_code_tasks(found: Survey) -> None:
    code = found.within["domain", "task"]["Code"]
    assert code["CodeGeneration"] == pytest.approx(0.758, abs=0.03)
    assert 0 < code["CodeFix"] < 0.06
    assert 0 < code["CodeTranslation"] < 0.06


def test_attributes_are_correlated(found: Survey) -> None:
    quality, lang, fmt = (found.within["domain", name] for name in ("quality_bucket", "lang", "format"))
    for name in TAIL:
        assert 0.15 < quality[name]["1"] < 0.35
        assert quality[name]["3"] + quality[name]["4"] > quality["Culture"]["3"] + quality["Culture"]["4"] + 0.1
        assert lang[name]["English"] > lang["Culture"]["English"] + 0.2
        assert fmt[name]["None"] > 0.85
    assert fmt["Technology"]["JSON"] > 0.1
    assert "JSON" not in fmt["Culture"]
    assert fmt["Math"]["ChainOfThought"] < 0.2
    assert found.within["domain", "style"]["Conversation"]["Informal"] > 0.2


def test_texts_are_short(found: Survey, corpus: list[MarkedExample]) -> None:
    assert 10 < found.mean_prompt_words < 30
    assert 5 < found.mean_completion_words < 35
    assert max(len(row.example.prompt.split()) for row in corpus) < 100


def test_held_out_combinations_are_absent(corpus: list[MarkedExample]) -> None:
    for row in corpus:
        for category in HOME_DOMAINS:
            truth = row.example.metadata
            assert not is_held_out(category, truth[category], truth["domain"])


def test_long_texts_are_about_culture_alone(corpus: list[MarkedExample]) -> None:
    domains = {
        row.example.metadata["domain"]
        for row in corpus
        if row.markers.value("length_bucket") == "long" and row.example.metadata["task"] == "OpenEnded"
    }
    assert domains == {"Culture"}


def test_markers_are_true(corpus: list[MarkedExample], world_taxonomy: Taxonomy) -> None:
    for row in corpus[:2000]:
        truth, text, markers = row.example.metadata, row.example.completion, row.markers
        assert MarkerSet.of(world_taxonomy, markers.to_dict(), markers.not_applicable) == markers
        assert markers.value("length_tokens") == count_words(text, truth["lang"])
        assert markers.value("length_sentences") in (None, count_sentences(text))
        assert markers.value("length_paragraphs") in (None, count_paragraphs(text))
        assert markers.value("domain") == truth["domain"]
        assert (markers.state("format") is State.NOT_APPLICABLE) == (truth["format"] == "None")
        if truth["task"] == "OpenEnded":
            assert markers.value("length_tokens") == truth["words"]
            assert markers.value("length_bucket") == truth["length_bucket"]


def test_some_markers_are_partly_unknown(corpus: list[MarkedExample]) -> None:
    known = {
        name: sum(name in row.markers for row in corpus) / len(corpus)
        for name in ("quality", "source", "quality_bucket", "length_sentences", "length_paragraphs")
    }
    config = WorldConfig()
    assert known["quality"] == pytest.approx(config.quality_known_rate, abs=0.03)
    assert known["source"] == pytest.approx(config.source_known_rate, abs=0.03)
    assert known["quality_bucket"] == pytest.approx(config.quality_bucket_known_rate, abs=0.03)
    assert known["length_sentences"] == pytest.approx(config.structure_known_rate, abs=0.03)
    assert known["length_paragraphs"] == pytest.approx(config.structure_known_rate, abs=0.03)


def test_quality_lies_in_its_quarter(corpus: list[MarkedExample]) -> None:
    for row in corpus:
        quality = row.markers.value("quality")
        if isinstance(quality, float):
            bucket = int(row.example.metadata["quality_bucket"])
            assert 1 - 0.25 * bucket <= quality <= 1 - 0.25 * (bucket - 1)


def test_no_prompt_is_in_training(world: World, corpus: list[MarkedExample]) -> None:
    trained = {row.example.prompt for row in corpus}
    for prompt in world.prompts():
        assert prompt.messages[-1].content not in trained, prompt.id
        assert prompt.fixed_messages[-1].content not in trained, prompt.id


def test_training_states_no_limit(corpus: list[MarkedExample]) -> None:
    assert not any("words or less" in row.example.prompt for row in corpus)


def test_prompts_are_well_formed(world: World, world_taxonomy: Taxonomy) -> None:
    prompts = world.prompts()
    assert len({prompt.id for prompt in prompts}) == len(prompts)
    assert {prompt.benchmark for prompt in prompts} == {benchmark.name for benchmark in BENCHMARKS}
    for prompt in prompts:
        assert prompt.truth.value("quality_bucket") == "1"
        assert MarkerSet.of(world_taxonomy, prompt.levers.to_dict()) == prompt.levers
        for category in prompt.levers.categories:
            assert prompt.levers.values(category) == prompt.truth.values(category), (prompt.id, category)
        for category in prompt.slices:
            assert category in world_taxonomy
        is_limited = "words or less" in prompt.messages[-1].content
        assert is_limited == (prompt.benchmark == "length") == (prompt.messages != prompt.fixed_messages)
        assert "words or less" not in prompt.fixed_messages[-1].content


def test_benchmarks_are_balanced(world: World) -> None:
    for benchmark in BENCHMARKS:
        prompts = [prompt for prompt in world.prompts() if prompt.benchmark == benchmark.name]
        for chosen in (prompts, prompts[::2]):
            counts = Counter(prompt.slices[benchmark.slices[0]] for prompt in chosen)
            assert len(counts) == len({cell[benchmark.slices[0]] for cell in benchmark.cells})
            assert max(counts.values()) <= (1.3 if chosen is prompts else 2.0) * len(chosen) / len(counts), (
                benchmark.name
            )


def test_prompts_leave_properties_open(world: World) -> None:
    """Most prompts say nothing outright, and about half of them say nothing at all of their main property."""
    for name, category in (("languages", "lang"), ("formats", "format"), ("styles", "style")):
        cues = [dict(p.spec.cues).get(category, "") for p in world.prompts() if p.benchmark == name]
        assert sum(cue.startswith("explicit") for cue in cues) < 0.1 * len(cues)
        assert 0.3 < sum(not cue for cue in cues) / len(cues) < 0.8


def test_held_out_prompts_exist_in_each_benchmark_of_combinations(world: World) -> None:
    for name in ("languages", "formats", "styles", "code", "reasoning"):
        share = [prompt.held_out for prompt in world.prompts() if prompt.benchmark == name]
        assert 0.15 < sum(share) / len(share) < 0.85, name


def test_an_example_depends_on_its_index_alone(
    world: World, world_taxonomy: Taxonomy, corpus: list[MarkedExample]
) -> None:
    small = World(WorldConfig(num_train_examples=5, num_prompts_per_benchmark=3), world_taxonomy)
    assert list(small.train_examples()) == corpus[:5]
    (same,) = [prompt for prompt in world.prompts() if prompt.id.startswith("code-0002-")]
    assert same == small.prompts()[14]
    assert world.example("validation", 0) != corpus[0]
    assert list(World(WorldConfig(seed=1, num_train_examples=5), world_taxonomy).train_examples()) != corpus[:5]


def test_other_processes_make_the_same_corpus(world: World) -> None:
    """Nothing may hang on hash seeds or memory addresses."""
    program = (
        "from tests.world.test_world_world import digest; from tests.world.conftest import TAXONOMY_FILE;"
        "from treasure.taxonomy.load import load_taxonomy; from treasure.world.config import WorldConfig;"
        "from treasure.world.world import World;"
        "print(digest(World(WorldConfig(num_prompts_per_benchmark=5), load_taxonomy(TAXONOMY_FILE))))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=_ROOT)
    assert found.stdout.strip() == digest(world)


_ROOT = __file__.rpartition("/tests/")[0]


def digest(world: World) -> str:
    """A hash of the beginnings of the corpus and of each benchmark."""
    examples = [world.example("train", index) for index in range(400)]
    texts = [f"{row.example.id} {row.markers.markers} {row.example.metadata}" for row in examples]
    texts += [f"{p.id} {p.messages} {p.truth.markers}" for p in world.prompts() if p.id.endswith(("-0003", "-0004"))]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def test_spec_survives_metadata(corpus: list[MarkedExample]) -> None:
    for row in corpus[:200]:
        data = json.loads(json.dumps(row.example.metadata))
        assert Spec.from_dict(data).to_dict() == row.example.metadata


@pytest.mark.parametrize(
    "options",
    [
        {"num_train_examples": 0},
        {"num_head_entities": 13},
        {"num_shared_names": 6},
        {"tail_quality": [1, 1, 1]},
        {"quality_known_rate": 2},
        {"explicit_prompt_rate": math.nan},
    ],
)
def test_bad_configurations_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        WorldConfig(**options)  # pyright: ignore[reportArgumentType]


def test_shared_names_have_other_facts(world: World) -> None:
    knowledge = world.knowledge
    for relation in set(knowledge.relations["Conversation"]) & set(knowledge.relations["Medical"]):
        for name in set(knowledge.entities["Conversation"]) & set(knowledge.entities["Medical"]):
            here, there = knowledge.fact("Conversation", name, relation), knowledge.fact("Medical", name, relation)
            assert not {here.right, here.wrong} & {there.right, there.wrong}
