"""Posteriors: what sampling under the grammar would find, told without sampling."""

import dataclasses
from collections import Counter
from contextlib import nullcontext
from functools import lru_cache
from itertools import chain

import architectures
import eager
import numpy as np
import pytest
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_inference_header_grammar import BACKWARD
from test_inference_header_grammar import checkpoint as make

from treasure.data.example import Message
from treasure.errors import ConfigError, LeverError, TaxonomyError
from treasure.inference.category_posterior import CategoryPosterior, PosteriorKind
from treasure.inference.category_tree import PRUNED, Outside
from treasure.inference.config import GenerationConfig
from treasure.inference.generate import Generator
from treasure.inference.posterior import Posteriors
from treasure.inference.posterior_calibration import PosteriorCalibration, tempered
from treasure.inference.prefix_reader import Place, read_prefixes
from treasure.inference.request import GenerationRequest
from treasure.markers.config import MarkerMode
from treasure.markers.header_style import HeaderStyle, MarkerOrder, Placement
from treasure.markers.marker_set import Marker, MarkerSet
from treasure.taxonomy.taxonomy import Taxonomy

CLOSED = ("domain", "lang")
NOT_WRITTEN = Outside.NOT_WRITTEN
GREATEST = 60
DOMAIN, LANG, LENGTH = tiny.TAXONOMY.categories
TAXONOMY = Taxonomy("small", (DOMAIN, LANG, dataclasses.replace(LENGTH, maximum=GREATEST)))


@lru_cache
def checkpoint(mode, order=MarkerOrder.CANONICAL):
    """A model whose header probabilities are far from even: an untrained one is sharpened at its output."""
    found = make(mode, TAXONOMY, HeaderStyle(order=order))
    head = found.model.get_output_embeddings()
    assert head is not None
    with torch.no_grad():
        head.weight.mul_(12)
    return found


@pytest.fixture(params=[MarkerMode.TOKENS, MarkerMode.TEXT], ids=str)
def mode(request):
    return request.param


@lru_cache
def posteriors(mode, order=MarkerOrder.CANONICAL, batch_size=128):
    return Posteriors(checkpoint(mode, order), GenerationConfig(batch_size=batch_size), "cpu")


def asked(*texts, **levers):
    return [GenerationRequest((Message("user", text),), **levers) for text in texts]


def markers(**values):
    return MarkerSet.of(TAXONOMY, values)


def expected(found, request, header, category):
    """outcome -> probability from a plain forward pass for each id of each piece, with neither cache nor grammar."""
    encoder, taxonomy = found.encoder, found.taxonomy
    opening, closing = (ids.tolist() for ids in encoder.header_ends())
    place = taxonomy.index(category)
    before = [m for m in header.markers if taxonomy.index(m.category) < place]
    start = [
        *encoder.prompt_ids(request.messages, request.fixed),
        *opening,
        *chain.from_iterable(encoder.marker_ids(before)),
    ]
    first = taxonomy.index(before[-1].category) if before else 0
    passed, own, later = [], [], []
    for name in taxonomy.names[first:]:
        values = range(GREATEST + 1) if name == "length_tokens" else taxonomy.category(name).value_names
        pieces = [Marker(name, value) for value in values if not before or follows(taxonomy, before[-1], name, value)]
        (own if name == category else later if taxonomy.index(name) > place else passed).extend(pieces)
    strings = {}
    for group, outcome in ((passed, "passed"), (own, None), (later, NOT_WRITTEN)):
        for marker, ids in zip(group, encoder.marker_ids(group), strict=True):
            # what follows tells a number that ends from one that goes on
            strings[(*ids, *closing)] = marker.value if outcome is None else outcome
    strings[tuple(closing)] = NOT_WRITTEN
    table: Counter = Counter()
    spread(found, start, strings, 0, 1.0, table)
    table.pop("passed", None)
    total = sum(table.values())
    return {outcome: share / total for outcome, share in table.items()}


def follows(taxonomy, last, name, value):
    if last.category != name:
        return True
    category = taxonomy.category(name)
    return category.multiple and category.value_names.index(value) > category.value_names.index(last.value)


def spread(found, start, strings, depth, share, table):
    """Shares out among `strings`, which agree in their first `depth` ids."""
    if len(set(strings.values())) == 1:
        table[next(iter(strings.values()))] += share
        return
    allowed = sorted({ids[depth] for ids in strings})
    prefix = next(iter(strings))[:depth]
    with torch.inference_mode():
        ids = torch.tensor([[*start, *prefix]])
        logits = found.model(input_ids=ids, use_cache=False).logits[0, -1].double()
    for token, p in zip(allowed, logits[allowed].softmax(-1).tolist(), strict=True):
        own = {ids: outcome for ids, outcome in strings.items() if ids[depth] == token}
        if share * p > 1e-6:
            spread(found, start, own, depth + 1, share * p, table)
        else:
            for outcome in own.values():
                table[outcome] += share * p / len(own)


def near(probabilities, wanted, tolerance=2e-4):
    assert sum(probabilities.values()) == pytest.approx(1)
    for outcome in {*probabilities, *wanted} - {Outside.OTHER_NUMBER}:
        assert probabilities.get(outcome, 0) == pytest.approx(wanted.get(outcome, 0), abs=tolerance), outcome


@pytest.mark.parametrize(
    "header", [{}, {"domain": ["Legal"]}, {"domain": ["Legal", "Math"], "lang": "French"}], ids=str
)
def test_probabilities_are_those_of_plain_forward_passes(mode, header):
    request, told = asked("What is 4 plus 1?")[0], markers(**header)
    found = posteriors(mode).conditional([request], [told])[0]
    assert list(found) == list(TAXONOMY.names)
    for name in CLOSED:
        near(found[name].probabilities, expected(checkpoint(mode), request, told, name), 1e-5)
        assert found[name].kind is PosteriorKind.CONDITIONAL and not found[name].calibrated
        assert 0 <= found[name].invalid_mass < 1


def test_numbers_are_those_of_plain_forward_passes(mode):
    request, told = asked("What is 4 plus 1?")[0], markers(lang="French")
    found = posteriors(mode).conditional([request], [told], ["length_tokens"])[0]["length_tokens"]
    near(found.probabilities, expected(checkpoint(mode), request, told, "length_tokens"), 2 * PRUNED)
    assert 0 <= found.probabilities.get(Outside.OTHER_NUMBER, 0) < 0.2


def test_it_is_what_sampling_finds(mode):
    """Shares of 500 sampled headers against the first category, and the marginal of the second."""
    request = asked("Combien font 8 et 1 ?")[0]
    config = GenerationConfig(temperature=1.0, seed=3)
    headers = Generator(checkpoint(mode), config, "cpu").headers([request] * 500)
    first = posteriors(mode).conditional([request])[0]["domain"].probabilities
    second = posteriors(mode).marginal([request], 100, seed=8)[0]["lang"]
    assert (second.kind, second.num_headers) == (PosteriorKind.MARGINAL, 100)
    for name, probabilities in (("domain", first), ("lang", second.probabilities)):
        counts = Counter(NOT_WRITTEN if (v := header.value(name)) is None else v for header in headers)
        for outcome, p in probabilities.items():
            assert counts[outcome] / 500 == pytest.approx(p, abs=0.08), (name, outcome)


@settings(max_examples=4)
@given(st.lists(st.integers(0, 99), min_size=2, max_size=5), st.integers(1, 3))
def test_the_batch_does_not_matter(numbers, batch_size):
    for mode in (MarkerMode.TOKENS, MarkerMode.TEXT):
        requests = asked(*(f"What is {n} plus 1?" + " Go on." * (n % 3) for n in numbers))
        headers = [markers(lang=("French", "English")[n % 2]) for n in numbers]
        together = posteriors(mode).conditional(requests, headers)
        apart = posteriors(mode, batch_size=batch_size).conditional(requests, headers)
        for one, other in zip(together, apart, strict=True):
            for name in TAXONOMY.names:
                near(one[name].probabilities, other[name].probabilities)
                assert one[name].invalid_mass == pytest.approx(other[name].invalid_mass, abs=1e-4)


def test_the_first_category_has_no_earlier_ones(mode):
    requests = asked("What is 4 plus 1?", "Combien font 8 et 1 ?")
    given_own, averaged = posteriors(mode).conditional(requests), posteriors(mode).marginal(requests, 5)
    for one, other in zip(given_own, averaged, strict=True):
        near(one["domain"].probabilities, other["domain"].probabilities, 1e-6)
        assert {p.num_headers for p in other.values()} == {5}


def test_the_second_category_is_averaged_over_what_was_sampled():
    """By hand: the shares of the sampled first values times the conditional distributions behind them."""
    request, mode = asked("What is 4 plus 1?")[0], MarkerMode.TOKENS
    config = GenerationConfig(temperature=1.0, seed=5)
    headers = Generator(checkpoint(mode), config, "cpu").headers([request] * 7)
    each = [posteriors(mode).conditional([request], [h], ["lang"])[0]["lang"].probabilities for h in headers]
    wanted = {outcome: float(np.mean([one.get(outcome, 0) for one in each])) for outcome in each[0]}
    near(posteriors(mode).marginal([request], 7, ["lang"], seed=5)[0]["lang"].probabilities, wanted, 1e-5)


@pytest.mark.parametrize("order", [MarkerOrder.CANONICAL, MarkerOrder.SHUFFLED], ids=str)
def test_what_is_forced_is_certain_and_what_is_forbidden_impossible(mode, order):
    requests = asked("What is 4 plus 1?", forced=markers(lang="French"), forbidden={"domain": frozenset({"Math"})})
    reader = posteriors(mode, order)
    for found in (*reader.conditional(requests), *reader.marginal(requests, 4)):
        assert dict(found["lang"].probabilities) == {"French": 1.0}
        assert str(found["lang"].entropy) == "0.0"
        assert set(found["domain"].probabilities) <= {"Legal", NOT_WRITTEN}
        assert sum(found["length_tokens"].probabilities.values()) == pytest.approx(1)


def test_a_bucket_bounds_its_number_and_a_category_that_does_not_apply_is_not_written():
    found = Posteriors(make(MarkerMode.TOKENS, BACKWARD), GenerationConfig(), "cpu")
    requests = asked("What?", forced=MarkerSet.of(BACKWARD, {"length_bucket": "short", "domain": "Poem"}))
    one = found.conditional(requests)[0]
    assert dict(one["code_type"].probabilities) == {NOT_WRITTEN: 1.0}
    assert {int(value) for value in one["length_tokens"].values} <= set(range(3, 12))
    assert 3 <= one["length_tokens"].quantile(0.5) <= 11 and 3 <= one["length_tokens"].mean <= 11


def test_shuffled_headers_are_asked_for_the_category_at_once(mode):
    reader = posteriors(mode, MarkerOrder.SHUFFLED)
    requests = asked("What is 4 plus 1?", "Combien font 8 et 1 ?")
    for found in reader.conditional(requests):
        assert all(NOT_WRITTEN not in p.probabilities for p in found.values())
        assert sum(found["domain"].probabilities.values()) == pytest.approx(1)
    counted = reader.marginal(requests, 6)[0]["lang"]
    assert all(round(p * 6) == pytest.approx(p * 6) for p in counted.probabilities.values())


def test_a_header_that_cannot_be_is_refused(mode):
    request = asked("What?", forbidden={"lang": frozenset()})
    with pytest.raises(LeverError, match="No header can go on with lang=French"):
        posteriors(mode).conditional(request, [markers(lang="French")])
    forced = asked("What?", forced=markers(domain=["Legal", "Math"]))
    for header in (markers(), markers(domain="Legal"), markers(lang="French")):
        for read in (
            lambda h: posteriors(mode).conditional(forced, [h], ["lang"]),
            lambda h: posteriors(mode).check(forced[0], h),
        ):
            with pytest.raises(LeverError):
                read(header)
    with pytest.raises(TaxonomyError, match="Unknown category 'lng'"):
        posteriors(mode).conditional(request, categories=["lng"])


def test_a_model_without_headers_has_no_beliefs():
    for mode, style in (
        (MarkerMode.NONE, None),
        (MarkerMode.TOKENS, HeaderStyle(Placement.PROMPT)),
        (MarkerMode.TOKENS, HeaderStyle(is_learned=False)),
    ):
        with pytest.raises(LeverError, match="writes no header"):
            Posteriors(tiny.checkpoint(mode, style=style), GenerationConfig(), "cpu")


def test_a_calibration_is_applied_and_told():
    requests = asked("What is 4 plus 1?")
    calibration = PosteriorCalibration({"lang": 2.0}, {"lang": 30})
    plain = posteriors(MarkerMode.TOKENS).conditional(requests, [markers()])[0]
    found = checkpoint(MarkerMode.TOKENS)
    warm = Posteriors(found, GenerationConfig(), "cpu", calibration).conditional(requests, [markers()])[0]
    near(warm["lang"].probabilities, tempered(plain["lang"].probabilities, 2.0), 1e-6)
    assert warm["lang"].probabilities != plain["lang"].probabilities
    assert {name: p.calibrated for name, p in warm.items()} == {"domain": False, "lang": True, "length_tokens": False}
    assert warm["lang"].written == pytest.approx(plain["lang"].written)


def test_numbers_in_brief():
    found = CategoryPosterior.of(
        "length_tokens", PosteriorKind.CONDITIONAL,
        {NOT_WRITTEN: 2.0, 10: 1.0, 20: 3.0, 40: 1.0, Outside.OTHER_NUMBER: 1.0},
    )  # fmt: skip
    assert found.values == pytest.approx({20: 0.6, 10: 0.2, 40: 0.2}) and found.written == 0.75
    assert found.mean == pytest.approx(22) and [found.quantile(q) for q in (0.2, 0.5, 0.81)] == [10, 20, 40]
    even = CategoryPosterior.of("lang", PosteriorKind.CONDITIONAL, {"English": 1.0, "French": 1.0})
    assert even.entropy == pytest.approx(np.log(2))


@pytest.mark.parametrize("name", ["llama", "gpt2", "mistral", "lfm2"])
def test_readers_of_any_architecture_know_what_a_forward_pass_says(name):
    """Mistral looks back a window and lfm2 keeps convolutions, so both read whole beginnings."""
    model = architectures.build(name)
    draw = torch.Generator().manual_seed(2)
    texts = [torch.randint(5, 60, (size,), generator=draw).tolist() for size in (40, 11, 12)]
    places = [Place(0, 40), Place(0, 37, (7, 8)), Place(1, 9, (6,)), Place(1, 9), Place(2, 12), Place(2, 10, (9, 5, 6))]
    wanted = [np.arange(3 + i, 20) for i in range(len(places))]
    for batch_size in (1, 4, 64):
        reader = read_prefixes(model, texts, pad=0, batch_size=batch_size, longest=None)
        for place, ids, answer in zip(places, wanted, reader.log_probabilities(places, wanted), strict=True):
            whole = torch.tensor([[*texts[place.text][: place.length], *place.path]])
            with torch.inference_mode():
                logits = model(input_ids=whole, use_cache=False).logits[0, -1].log_softmax(-1)
            np.testing.assert_allclose(answer, logits.numpy()[ids], atol=2e-4)


def test_more_ids_than_positions_are_refused():
    found = checkpoint(MarkerMode.TOKENS)
    short = dataclasses.replace(found, model=architectures.build("gpt2"))
    with pytest.raises(ConfigError, match="positions"):
        Posteriors(short, GenerationConfig(), "cpu").conditional(asked("word " * 300), [markers()])


def test_a_piece_that_does_not_fit_behind_the_text_is_refused():
    prompt = eager.with_table(64).encoder.prompt_ids(eager.REQUESTS[0].messages)
    for room in (1, 2, 12):  # the opening is the first id, and a number has more than one
        reader = Posteriors(eager.with_table(len(prompt) + room), GenerationConfig(), "cpu")
        fitting = nullcontext() if room == 12 else pytest.raises(ConfigError, match="positions")
        with fitting:
            reader.conditional(eager.REQUESTS[:1], [MarkerSet()])
