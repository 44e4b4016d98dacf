from dataclasses import replace

import data_tokenizers
import numpy as np
import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

from treasure.data.config import TemplateConfig
from treasure.data.example import Example, MarkedExample, Message
from treasure.data.template import SegmentKind, make_template
from treasure.data.tokenize import Encoder, compose
from treasure.errors import ConfigError, DataError
from treasure.markers.marker_set import MarkerSet
from treasure.markers.surface import SurfaceName, make_surface


def _encoder(kind: str, name: SurfaceName):
    tokenizer = data_tokenizers.MAKERS[kind]()
    surface = data_tokenizers.surface_of(name, tokenizer)
    return Encoder(tokenizer, make_template(TemplateConfig(), tokenizer), surface), tokenizer, surface


CASES = {
    f"{kind}-{name}": _encoder(kind, name)
    for kind in ("byte_level", "chatml", "sentencepiece")
    for name in (SurfaceName.TEXT, SurfaceName.TOKENS)
}
EACH = pytest.mark.parametrize("case", CASES)

marker_sets = st.fixed_dictionaries(
    {},
    optional={
        "domain": st.lists(st.sampled_from(["Legal", "Math"]), min_size=1, max_size=2, unique=True),
        "lang": st.sampled_from(["English", "French"]),
        "length_tokens": st.integers(0, 3000),
    },
).map(lambda values: MarkerSet.of(tiny.TAXONOMY, values))


def example(prompt: str, completion: str = "four", markers: MarkerSet = MarkerSet(), system: str = ""):  # noqa: B008
    before = (Message("system", system),) if system else ()
    return MarkedExample(Example("an-id", (*before, Message("user", prompt)), completion, "test"), markers)


examples = st.builds(example, data_tokenizers.words, data_tokenizers.words, marker_sets, data_tokenizers.words)


@EACH
@given(marked=examples, data=st.data())
def test_parts_stand_in_order_and_have_their_kind(case, marked, data):
    encoder, _, _ = CASES[case]
    (parts,) = encoder.encode([marked])
    num_markers = len(parts.marker_ids)
    chosen = sorted(data.draw(st.sets(st.integers(0, num_markers - 1)) if num_markers else st.just(set())))
    ids, kinds = compose(parts, prompt_markers=chosen, completion_header=True)
    assert (ids.dtype, kinds.dtype) == (np.int32, np.uint8)
    full = encoder.header_ids(marked.markers) if num_markers else []
    kept = MarkerSet(tuple(marked.markers.markers[i] for i in chosen))
    assert ids[kinds == SegmentKind.HEADER].tolist() == full
    assert ids[kinds == SegmentKind.PROMPT_HEADER].tolist() == (encoder.header_ids(kept) if chosen else [])
    assert ids[kinds == SegmentKind.PROMPT].tolist() == [*parts.prompt_ids, *parts.bridge_ids]
    assert ids[kinds == SegmentKind.CONTENT].tolist() == parts.content_ids.tolist()
    assert len(ids) <= parts.length


@EACH
@given(marked=examples, fixed=marker_sets)
def test_a_model_is_asked_as_it_was_trained(case, marked, fixed):
    encoder, _, _ = CASES[case]
    (parts,) = encoder.encode([replace(marked, markers=fixed)])
    everything = range(len(parts.marker_ids))
    ids, kinds = compose(parts, prompt_markers=everything, completion_header=True)
    learned = (kinds == SegmentKind.HEADER) | (kinds == SegmentKind.CONTENT)
    assert encoder.prompt_ids(marked.example.messages, fixed) == ids[~learned].tolist()
    assert not learned[: int((~learned).sum())].any()


@pytest.mark.parametrize("case", [case for case in CASES if "sentencepiece" not in case])
@given(marked=examples)
def test_the_ids_decode_to_the_text_that_was_meant(case, marked):
    encoder, tokenizer, surface = CASES[case]
    (parts,) = encoder.encode([marked])
    ids, kinds = compose(parts, prompt_markers=None, completion_header=True)
    header = surface.render(marked.markers) + surface.separator if len(marked.markers) else ""
    assert tokenizer.decode(ids[kinds == SegmentKind.HEADER]) == header
    turns = [{"role": m.role, "content": m.content} for m in marked.example.messages]
    assert tokenizer.decode(ids[kinds == SegmentKind.PROMPT]) == tokenizer.apply_chat_template(
        turns, tokenize=False, add_generation_prompt=True
    )
    assert tokenizer.decode(parts.content_ids).startswith(marked.example.completion)


@EACH
@given(text=data_tokenizers.words)
def test_marker_syntax_of_a_user_is_never_a_header(case, text):
    encoder, _, surface = CASES[case]
    markers = MarkerSet.of(tiny.TAXONOMY, {"domain": "Legal"})
    written = surface.render(markers)
    (parts,) = encoder.encode([example(text + written, written + text)])
    opening = encoder.header_ids(MarkerSet())[:-1] if surface.added_tokens() else encoder.header_ends()[0].tolist()
    for ids in (parts.prompt_ids.tolist(), parts.content_ids.tolist()):
        assert not any(ids[i : i + len(opening)] == opening for i in range(len(ids)))


@EACH
@given(rows=st.lists(examples, min_size=1, max_size=4))
def test_many_are_encoded_as_each_alone(case, rows):
    encoder, _, _ = CASES[case]
    for together, row in zip(encoder.encode(rows), rows, strict=True):
        (alone,) = encoder.encode([row])
        for name in ("prompt_ids", "bridge_ids", "content_ids", "open_ids", "close_ids"):
            assert np.array_equal(getattr(together, name), getattr(alone, name)), name
        assert [c for c, _ in together.marker_ids] == [c for c, _ in alone.marker_ids]
        assert together.length == alone.length


@EACH
def test_an_unknown_example_has_no_header_on_either_side(case):
    (parts,) = CASES[case][0].encode([example("What is two plus two?")])
    _, kinds = compose(parts, prompt_markers=(), completion_header=True)
    assert set(kinds.tolist()) == {SegmentKind.PROMPT, SegmentKind.CONTENT}
    assert parts.header_length == 0


def test_baseline_and_unknown_examples_are_the_same_ids():
    encoder, _, _ = CASES["byte_level-tokens"]
    marked = example("two?", markers=MarkerSet.of(tiny.TAXONOMY, {"lang": "English"}))
    (with_markers,), (without,) = encoder.encode([marked]), encoder.encode([replace(marked, markers=MarkerSet())])
    baseline, _ = compose(with_markers, prompt_markers=None, completion_header=False)
    unknown, _ = compose(without, prompt_markers=None, completion_header=True)
    assert baseline.tolist() == unknown.tolist()


def test_the_sequence_starts_once():
    encoder, tokenizer, _ = CASES["sentencepiece-tokens"]
    (parts,) = encoder.encode([example("What is two plus two?")])
    ids, _ = compose(parts, prompt_markers=None, completion_header=True)
    assert ids[0] == tokenizer.bos_token_id
    assert (ids == tokenizer.bos_token_id).sum() == 1
    assert ids[-1] == tokenizer.eos_token_id


def test_a_template_that_writes_the_start_itself_is_not_given_another():
    tokenizer = data_tokenizers.sentencepiece()
    tokenizer.chat_template = "{{ bos_token }}{% for m in messages %}{{ m.content }}|{% endfor %}"
    encoder = Encoder(tokenizer, make_template(TemplateConfig(), tokenizer), None)
    assert encoder.prompt_ids((Message("user", "two"),)).count(tokenizer.bos_token_id) == 1


def test_header_end_and_stop_ids():
    for case in ("byte_level-tokens", "byte_level-text"):
        encoder, tokenizer, surface = CASES[case]
        end = "<|/markers|>" if surface.name is SurfaceName.TOKENS else "\n"
        assert tokenizer.decode(encoder.header_end_ids()) == end
    encoder, tokenizer, _ = CASES["chatml-tokens"]
    stops = encoder.stop_ids((Message("user", "x"),))
    assert set(tokenizer.convert_ids_to_tokens(stops)) == {"<|im_end|>", "<|end|>"}


def test_without_a_surface_there_are_no_headers():
    tokenizer = data_tokenizers.byte_level()
    encoder = Encoder(tokenizer, make_template(TemplateConfig(), tokenizer), None)
    (parts,) = encoder.encode([example("two?", markers=MarkerSet.of(tiny.TAXONOMY, {"lang": "English"}))])
    assert (parts.marker_ids, len(parts.open_ids), encoder.header_end_ids()) == ((), 0, [])


def test_a_tokenizer_without_the_marker_tokens_is_refused():
    tokenizer = data_tokenizers.byte_level()
    template = make_template(TemplateConfig(), tokenizer)
    with pytest.raises(ConfigError, match=r"lacks 7 of the 7 tokens.*<\|markers\|>"):
        Encoder(tokenizer, template, make_surface(SurfaceName.TOKENS, tiny.TAXONOMY))


def test_turns_that_do_not_fit_name_their_example():
    encoder, _, _ = CASES["byte_level-text"]
    row = MarkedExample(Example("id-7", (Message("assistant", "x"),), "y", "chats"), MarkerSet())
    with pytest.raises(DataError, match="Example 'id-7' of 'chats'"):
        encoder.encode([row])
