"""Constrained headers: whatever a model would like to write, the header is valid and written as training wrote it."""

import random
from functools import cache
from pathlib import Path

import pytest
import tiny
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from treasure.data.config import TemplateConfig
from treasure.data.example import Message
from treasure.errors import ConfigError
from treasure.inference.config import GenerationConfig, HeaderMode
from treasure.inference.decode import DecodeSettings, decode
from treasure.inference.generate import Generator
from treasure.inference.header_grammar import HeaderGrammar, HeaderLimits
from treasure.inference.request import GenerationRequest
from treasure.markers.config import MarkerMode, MarkersConfig
from treasure.markers.header_style import HeaderStyle, MarkerOrder
from treasure.markers.marker_set import Marker, MarkerSet
from treasure.model.causal_lm import build_tiny
from treasure.model.checkpoint import make_checkpoint
from treasure.model.tokenizer import train_tokenizer
from treasure.taxonomy.load import load_taxonomy
from treasure.taxonomy.taxonomy import AppliesWhen, Category, Kind, Taxonomy, Value

WORLD = load_taxonomy(Path(__file__).parents[2] / "conf" / "taxonomy" / "world.yaml")
BACKWARD = Taxonomy(
    "backward",
    (
        Category(
            "code_type", Kind.NOMINAL, values=(Value("python"), Value("go")), multiple=True,
            applies_when=AppliesWhen("domain", ("Code",)),
        ),
        Category("length_tokens", Kind.INTEGER, minimum=3, maximum=230),
        Category(
            "length_bucket", Kind.ORDINAL, values=(Value("short"), Value("mid"), Value("long")),
            derived_from="length_tokens", edges=(12.0, 100.0),
        ),
        Category("score", Kind.DECIMAL, minimum=-1, maximum=1, decimals=1),
        Category("domain", Kind.NOMINAL, values=(Value("Code"), Value("Poem")), multiple=True),
    ),
)  # fmt: skip
ORDERS = (MarkerOrder.CANONICAL, MarkerOrder.SHUFFLED)


def checkpoint(mode, taxonomy, style=HeaderStyle()):  # noqa: B008
    texts = [f"{e.example.prompt} {e.example.completion}" for e in tiny.corpus()] + [taxonomy.name] + ["12 34 567 89.0"]
    text = MarkersConfig(mode=MarkerMode.TEXT).surface(taxonomy)
    one_each = [Marker(c.name, v) for c in taxonomy.categories for v in (c.value_names or (7,))]
    texts += [text.render(MarkerSet((marker,))) for marker in one_each] * 3  # else text takes an id a letter
    tokenizer = train_tokenizer(texts, 400)
    model = build_tiny(tiny.SHAPE, tokenizer, 320, 0)
    surface = MarkersConfig(mode=mode).surface(taxonomy)
    return make_checkpoint(model, tokenizer, taxonomy, surface, TemplateConfig(), 320, style)


@cache
def grammar_of(mode, taxonomy, order=MarkerOrder.CANONICAL):
    """A checkpoint and its grammar, which keeps the states it has been in."""
    found = checkpoint(mode, taxonomy)
    return found, HeaderGrammar(taxonomy, found.encoder, order, 320)


@pytest.fixture(scope="module", params=[MarkerMode.TOKENS, MarkerMode.TEXT], ids=str)
def mode(request):
    return request.param


def walk(grammar, limits, rng):
    """The ids of a header in which each id is drawn among those that are allowed."""
    ids, state = list(grammar.opening), grammar.start(limits)
    while state is not None:
        token = rng.choice(sorted(state.allowed))
        ids.append(token)
        state = state.step(token)
    return ids


def read(found, ids):
    return found.surface.parse(found.tokenizer.decode(ids))


@pytest.mark.parametrize("taxonomy", [WORLD, BACKWARD, tiny.TAXONOMY], ids=lambda t: t.name)
def test_any_walk_is_a_valid_header_with_the_ids_of_training(mode, taxonomy):
    found, grammar = grammar_of(mode, taxonomy)
    rng, lengths = random.Random(3), set()
    for _ in range(150):
        ids = walk(grammar, HeaderLimits(), rng)
        parsed = read(found, ids)
        assert (parsed.found, parsed.problems, parsed.content) == (True, (), "")
        assert found.encoder.header_ids(parsed.markers) == ids
        MarkerSet.of(taxonomy, parsed.markers.to_dict())
        lengths.add(len(parsed.markers))
        number = parsed.markers.value("length_tokens")
        if number is not None and (bucket := parsed.markers.value("length_bucket")) is not None:
            assert taxonomy.category("length_bucket").bucket(float(number)) == bucket
    assert 0 in lengths and max(lengths) >= 3


def test_a_shuffled_header_may_have_any_order_and_no_more(mode):
    found, grammar = grammar_of(mode, BACKWARD, MarkerOrder.SHUFFLED)
    rng, problems = random.Random(4), set()
    for _ in range(150):
        parsed = read(found, walk(grammar, HeaderLimits(), rng))
        problems.update(parsed.problems)
        number, bucket = parsed.markers.value("length_tokens"), parsed.markers.value("length_bucket")
        assert number is None or bucket in (None, BACKWARD.category("length_bucket").bucket(float(number)))
    assert problems == {"the markers are not in canonical order"}


@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize(
    "forced",
    [{"length_tokens": 40}, {"length_bucket": "mid"}, {"code_type": "go"}, {"domain": ["Code", "Poem"]}, {"score": 0.3},
     {"code_type": ["python", "go"], "length_tokens": 3, "score": -1}],
    ids=str,
)  # fmt: skip
def test_what_is_forced_stands_in_every_header(mode, order, forced):
    found, grammar = grammar_of(mode, BACKWARD, order)
    wanted, rng = MarkerSet.of(BACKWARD, forced), random.Random(5)
    for _ in range(60):
        parsed = read(found, walk(grammar, HeaderLimits(wanted), rng))
        assert {name: parsed.markers.values(name) for name in wanted.categories} == {
            name: wanted.values(name) for name in wanted.categories
        }
        assert set(parsed.problems) <= {"the markers are not in canonical order"}
        number, bucket = parsed.markers.value("length_tokens"), parsed.markers.value("length_bucket")
        assert number is None or bucket in (None, BACKWARD.category("length_bucket").bucket(float(number)))


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_what_is_forbidden_stands_in_none(mode, order):
    found, grammar = grammar_of(mode, BACKWARD, order)
    limits = HeaderLimits(forbidden={"length_tokens": frozenset(), "domain": frozenset({"Code"}), "score": frozenset()})
    rng, seen = random.Random(6), set()
    for _ in range(100):
        markers = read(found, walk(grammar, limits, rng)).markers
        seen.update((m.category, m.value) for m in markers.markers)
    assert {name for name, _ in seen} == {"code_type", "length_bucket", "domain"} and ("domain", "Code") not in seen


@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize(
    ("forced", "forbidden"),
    [({"domain": "Code"}, {"domain": frozenset({"Code"})}), ({"score": 0.3}, {"score": frozenset()}),
     ({"domain": ["Code", "Poem"]}, {"domain": frozenset({"Poem"})})],
    ids=str,
)  # fmt: skip
def test_limits_that_contradict_are_refused(mode, order, forced, forbidden):
    _, grammar = grammar_of(mode, BACKWARD, order)
    with pytest.raises(ConfigError, match=r"No header can hold \w+=.*Leave out what contradicts"):
        grammar.start(HeaderLimits(MarkerSet.of(BACKWARD, forced), forbidden))


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_a_number_forced_outside_its_forced_bucket_is_refused(mode, order):
    _, grammar = grammar_of(mode, BACKWARD, order)
    forced = MarkerSet.of(BACKWARD, {"length_tokens": 40, "length_bucket": "short"})
    with pytest.raises(ConfigError, match="No header can hold length_bucket=short"):
        grammar.start(HeaderLimits(forced))


def test_an_untrained_model_writes_valid_headers_alone_and_in_a_batch(mode):
    taxonomy = WORLD.only(["domain", "lang", "style", "length_bucket", "length_tokens"])  # in fewer steps than with all
    found = checkpoint(mode, taxonomy)
    requests = [
        GenerationRequest((Message("user", f"What is {i}?"),), forbidden={"lang": frozenset()} if i % 2 else {})
        for i in range(4)
    ]
    together = Generator(found, GenerationConfig(max_new_tokens=3, batch_size=3)).generate(requests)
    assert all(answer.problems == () for answer in together)
    assert all("lang" not in answer.markers for answer in together[1::2])
    assert together == Generator(found, GenerationConfig(max_new_tokens=3, batch_size=1)).generate(requests)
    sampled = Generator(found, GenerationConfig(max_new_tokens=3, temperature=2.0)).generate(requests)
    assert all(answer.problems == () for answer in sampled)
    free = Generator(found, GenerationConfig(max_new_tokens=3, header=HeaderMode.FREE)).generate(requests[::2])
    assert any(answer.markers == MarkerSet() for answer in free), "left free, an untrained model writes none"


def test_the_processor_of_transformers_gives_the_same_answers(mode):
    found = checkpoint(mode, tiny.TAXONOMY)
    requests = [GenerationRequest((Message("user", "a" * i),)) for i in range(1, 6)]
    ours = Generator(found, GenerationConfig(max_new_tokens=6))
    theirs = Generator(found, GenerationConfig(max_new_tokens=6))
    theirs._is_plain = False
    assert ours.generate(requests) == theirs.generate(requests)


def test_too_many_numbers_are_refused_with_what_to_do():
    taxonomy = Taxonomy("fine", (Category("quality", Kind.DECIMAL, decimals=8),))
    found = checkpoint(MarkerMode.TOKENS, taxonomy)
    with pytest.raises(ConfigError, match=r"20,000,000,001 different numbers.*fewer decimals.*generation\.header=free"):
        Generator(found, GenerationConfig(max_new_tokens=3)).generate([GenerationRequest((Message("user", "a"),))])


def test_a_constraint_changes_nothing_where_the_model_is_valid_anyway():
    """The most probable id is kept wherever it is allowed."""
    model = LlamaForCausalLM(LlamaConfig(vocab_size=8, hidden_size=8, intermediate_size=8, num_hidden_layers=1,
                                         num_attention_heads=1, num_key_value_heads=1))  # fmt: skip

    class _All:
        allowed = frozenset(range(8))

        def step(self, token):
            return self

    settings = DecodeSettings(max_new_tokens=9, batch_size=2, stop=frozenset(), pad=0)
    prompts = [[1], [2, 3], [4]]
    with torch.no_grad():
        free = decode(model, prompts, settings, lambda _: None)
        assert decode(model, prompts, settings, lambda _: None, constraints=[_All()] * 3) == free
