"""What backends share: a mended header holds what is asked, a valid one stays; a configuration makes its backend."""

import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st
from marker_strategies import marker_sets

from treasure.errors import ConfigError, LeverError
from treasure.inference.backends.build import make_backend
from treasure.inference.backends.header_tokens import header_tokens
from treasure.inference.backends.protocol import Backend
from treasure.inference.backends.remote import RemoteBackend
from treasure.inference.config import (
    BackendConfig,
    BackendKind,
    GenerationConfig,
    HeaderMode,
    RemoteConfig,
    VLLMConfig,
)
from treasure.inference.generate import Generator
from treasure.inference.headers import Headers
from treasure.inference.request import GenerationRequest
from treasure.markers.config import MarkerMode
from treasure.markers.header_style import DEFAULT_STYLE, HeaderStyle, Placement
from treasure.markers.marker_set import MarkerSet, applies
from treasure.markers.surface import SurfaceName, make_surface
from treasure.model.checkpoint import load_prompting, save_checkpoint

REMOTE = RemoteConfig(base_url="http://127.0.0.1:9/v1", model="tiny")
FORCED = {"domain": "Legal"}


def headers_of(taxonomy, style=DEFAULT_STYLE, name=SurfaceName.TOKENS):
    return Headers(taxonomy, None if name is None else make_surface(name, taxonomy), 512, style)


def request_of(taxonomy, forced=None, **options):
    return GenerationRequest((), forced=MarkerSet.of(taxonomy, forced or {}), **options)


def is_valid(taxonomy, markers):
    fits = [
        markers.value(c.name) == c.bucket(float(markers.value(c.derived_from)))
        for c in taxonomy.categories
        if c.name in markers and c.derived_from in markers
    ]
    return all(fits) and all(applies(taxonomy, markers, name) for name in markers.categories)


@given(data=st.data())
def test_a_mended_header_is_valid_and_holds_what_is_asked(taxonomy, data):
    found, forced = data.draw(marker_sets(taxonomy)), data.draw(marker_sets(taxonomy))
    if not is_valid(taxonomy, forced):
        forced = forced.without(["length_bucket"])
    free = sorted(set(taxonomy.names) - set(forced.categories))
    banned = data.draw(st.lists(st.sampled_from(free), unique=True) if free else st.just([]))
    forbidden = {name: frozenset(data.draw(st.sampled_from([(), found.values(name)]))) for name in banned}
    request = GenerationRequest((), forced=forced, forbidden=forbidden)
    mended = headers_of(taxonomy).mended(found, request)
    assert is_valid(taxonomy, mended)
    assert all(mended.values(name) == forced.values(name) for name in forced.categories)
    assert not set(banned) & set(mended.categories)
    assert MarkerSet.of(taxonomy, mended.to_dict()).markers == mended.markers
    assert headers_of(taxonomy).mended(mended, request) == mended


def test_what_hinders_a_forced_category_goes(taxonomy):
    found = MarkerSet.of(taxonomy, {"domain": "Legal", "lang": "French", "length_bucket": "long"})
    request = request_of(taxonomy, {"code_type": "python", "length_tokens": 5})
    assert headers_of(taxonomy).mended(found, request).to_dict() == {
        "lang": "French",
        "code_type": "python",
        "length_tokens": 5,
    }


def test_a_given_header_has_the_buckets_of_its_numbers(taxonomy):
    request = request_of(taxonomy, {"length_tokens": 5, "lang": "French"})
    expected = {"lang": "French", "length_bucket": "concise", "length_tokens": 5}
    assert headers_of(taxonomy).given(request).to_dict() == expected


def test_a_given_header_holds_no_bucket_that_is_forbidden(taxonomy):
    for banned in ((), ("concise",)):
        request = request_of(taxonomy, {"length_tokens": 5}, forbidden={"length_bucket": frozenset(banned)})
        assert headers_of(taxonomy).given(request).to_dict() == {"length_tokens": 5}


@pytest.mark.parametrize(
    ("style", "name", "markers", "told"),
    [
        (HeaderStyle(Placement.COMPLETION), SurfaceName.TOKENS, {"fixed": FORCED}, "no markers in prompts.*Force"),
        (HeaderStyle(Placement.PROMPT), SurfaceName.TOKENS, {"forced": FORCED}, "no header before its answers.*Fix"),
        (HeaderStyle(is_learned=False), SurfaceName.TOKENS, {}, "never learned"),
        (HeaderStyle(), None, {"fixed": FORCED}, "without markers"),
        (HeaderStyle(), None, {"forbidden": {"domain": frozenset()}}, "without markers"),
    ],
)
def test_what_makes_no_sense_is_refused(style, name, markers, told):
    given_ = {k: v if k == "forbidden" else MarkerSet.of(tiny.TAXONOMY, v) for k, v in markers.items()}
    with pytest.raises(LeverError, match=told):
        headers_of(tiny.TAXONOMY, style, name).check([GenerationRequest((), **given_)])


@pytest.mark.parametrize(
    ("style", "mode", "forced", "expected"),
    [
        (HeaderStyle(), HeaderMode.CONSTRAINED, None, True),
        (HeaderStyle(), HeaderMode.FREE, None, False),
        (HeaderStyle(), HeaderMode.FREE, FORCED, True),
        (HeaderStyle(is_learned=False), HeaderMode.FREE, FORCED, True),
        (HeaderStyle(Placement.PROMPT), HeaderMode.CONSTRAINED, None, False),
    ],
)
def test_a_header_is_settled_first_where_it_has_to_be_so(style, mode, forced, expected):
    assert headers_of(tiny.TAXONOMY, style).is_apart(request_of(tiny.TAXONOMY, forced), mode) is expected


@pytest.mark.parametrize("mode", [MarkerMode.TOKENS, MarkerMode.TEXT, MarkerMode.NONE], ids=str)
def test_a_configuration_makes_its_backend(tmp_path, mode):
    found = tiny.checkpoint(mode)
    save_checkpoint(found, tmp_path)
    here = make_backend(BackendConfig(), GenerationConfig(), tmp_path, "cpu")
    there = make_backend(BackendConfig(kind=BackendKind.REMOTE, remote=REMOTE), GenerationConfig(), tmp_path)
    assert (type(here), type(there)) == (Generator, RemoteBackend)
    assert isinstance(here, Backend)
    assert isinstance(there, Backend)
    allowed = header_tokens(load_prompting(tmp_path))
    if mode is not MarkerMode.TOKENS:
        assert allowed is None
        return
    ids = found.encoder.header_ids(MarkerSet.of(tiny.TAXONOMY, {"domain": ["Legal", "Math"], "length_tokens": 9876}))
    assert {*ids, *found.encoder.stop_ids(tiny.corpus()[0].example.messages)} <= set(allowed)
    assert not set(found.encoder.prompt_ids(tiny.corpus()[0].example.messages)[1:4]) & set(allowed)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: BackendConfig(kind=BackendKind.REMOTE), "base_url"),
        (lambda: RemoteConfig(concurrency=0), "concurrency"),
        (lambda: RemoteConfig(max_attempts=0), "max_attempts"),
        (lambda: RemoteConfig(timeout_s=0), "timeout_s"),
        (lambda: RemoteConfig(backoff_s=float("inf")), "backoff_s"),
        (lambda: VLLMConfig(memory_share=0), "memory_share"),
        (lambda: VLLMConfig(num_gpus=0), "num_gpus"),
    ],
)
def test_options_out_of_range_are_refused(make, told):
    with pytest.raises(ConfigError, match=told):
        make()
