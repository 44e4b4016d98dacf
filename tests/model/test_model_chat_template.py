"""The exported chat template writes what training wrote, whatever the base, the surface, the turns and the markers."""

import json
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import data_tokenizers
import jinja2
import pytest
import tiny
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from marker_strategies import marker_sets
from transformers import AutoTokenizer

from treasure.data.config import TemplateConfig, TemplateKind
from treasure.data.example import Message
from treasure.data.template import make_template, prompt_segments
from treasure.errors import TaxonomyError
from treasure.markers.config import MarkerMode
from treasure.markers.header_style import HeaderStyle, Placement
from treasure.markers.marker_set import MarkerSet
from treasure.markers.surface import SurfaceName, make_surface
from treasure.model.causal_lm import build_tiny
from treasure.model.chat_template import chat_template
from treasure.model.checkpoint import Checkpoint, load_checkpoint, make_checkpoint, save_checkpoint
from treasure.model.levers import LEVERS_FILE, write_levers
from treasure.model.tokenizer import load_tokenizer
from treasure.taxonomy.taxonomy import AppliesWhen, Category, Kind, Taxonomy, Value

TAXONOMY = Taxonomy(
    "hard to write",
    (
        Category("domain", Kind.NOMINAL, values=tuple(map(Value, ("Legal", "Code", "{{ 1 }}", "%}"))), multiple=True),
        Category(
            "code_type",
            Kind.NOMINAL,
            values=(Value("go"), Value('C++ "17"')),
            applies_when=AppliesWhen("domain", ("Code", "%}")),
        ),
        Category("values", Kind.ORDINAL, values=(Value("7"), Value("\\n"), Value("déjà 😀 vu"), Value("HTMLPage"))),
        Category("quality", Kind.DECIMAL, decimals=2),
        Category("length_tokens", Kind.INTEGER, minimum=0.0),
    ),
)
TRIMS = "\n {{- bos_token }}{% for m in messages %}\n[{{ m.role | upper }}] {{ m.content | trim }}\n\n{% endfor %}  \n"
SYSTEM_LAST = (
    "{% if messages[0].role == 'system' %}{% set system = messages[0].content %}{% set messages = messages[1:] %}"
    "{% else %}{% set system = '' %}{% endif %}"
    "{% for m in messages %}{% if m.role == 'user' %}[INST] "
    "{% if system and loop.index0 >= messages|length - 2 %}{{ system }}\r\n\n{% endif %}{{ m.content }}[/INST]"
    "{% else %} {{ m.content }}{{ eos_token }}{% endif %}{% endfor %}{% if add_generation_prompt %}(think){% endif %}\n"
)
PLAIN = TemplateConfig(kind=TemplateKind.PLAIN)
TIGHT = TemplateConfig(
    kind=TemplateKind.PLAIN, system_prefix="{{", system_suffix="", user_prefix="", user_suffix='"', turn_separator="~"
)
BASES = {
    "own": ("byte_level", data_tokenizers.byte_level().chat_template, TemplateConfig()),
    "chatml": ("chatml", data_tokenizers.CHATML, TemplateConfig()),
    "variables": ("chatml", "{{ day }}" + data_tokenizers.CHATML, TemplateConfig(variables={"day": "1 'May'"})),
    "trims": ("sentencepiece", TRIMS, TemplateConfig()),
    "system in the last turn": ("sentencepiece", SYSTEM_LAST, TemplateConfig()),
    "none": ("sentencepiece", None, TemplateConfig()),
    "plain": ("chatml", data_tokenizers.CHATML, PLAIN),
    "tight": ("byte_level", None, TIGHT),
}


def checkpoint(base: str, mode: MarkerMode, placement: Placement = Placement.BOTH) -> Checkpoint:
    maker, text, config = BASES[base]
    tokenizer = data_tokenizers.MAKERS[maker]()
    tokenizer.chat_template = text
    surface = None if mode is MarkerMode.NONE else make_surface(SurfaceName(mode.value), TAXONOMY)
    model = build_tiny(replace(tiny.SHAPE, vocab_size=len(tokenizer)), tokenizer, 128, seed=0)
    return make_checkpoint(model, tokenizer, TAXONOMY, surface, config, 128, HeaderStyle(placement))


CHECKPOINTS = {(base, MarkerMode.TOKENS): checkpoint(base, MarkerMode.TOKENS) for base in BASES}
CHECKPOINTS |= {
    (base, MarkerMode.TEXT): checkpoint(base, MarkerMode.TEXT) for base in ("chatml", "trims", "none", "tight")
}
CHECKPOINTS |= {(base, MarkerMode.NONE): checkpoint(base, MarkerMode.NONE) for base in ("own", "trims")}
CHECKPOINTS["own", MarkerMode.WORDS] = checkpoint("own", MarkerMode.WORDS, Placement.PROMPT)
TEMPLATES = {key: chat_template(found.levers, found.tokenizer, found.encoder) for key, found in CHECKPOINTS.items()}
EACH = pytest.mark.parametrize("key", CHECKPOINTS, ids=" ".join)

words = st.one_of(data_tokenizers.words, st.sampled_from([" ", "\n a \n", "qZ7xTurn0WordsQz9", "{{ 1 }}<domain><b>|"]))
conversations = st.builds(
    lambda system, history, last: (
        *((Message("system", system),) if system is not None else ()),
        *(m for asked, said in history for m in (Message("user", asked), Message("assistant", said))),
        Message("user", last),
    ),
    st.none() | words,
    st.lists(st.tuples(words, words), max_size=2),
    words,
)


def rendered(key: tuple[str, MarkerMode], messages, **keywords) -> str:
    turns = [{"role": message.role, "content": message.content} for message in messages]
    keywords = {"add_generation_prompt": True, **keywords}
    return CHECKPOINTS[key].tokenizer.apply_chat_template(
        turns, chat_template=TEMPLATES[key], tokenize=False, **keywords
    )


def broken(text: str, controls) -> str:
    """`text` without the strings that would be control, a letter at a time."""
    for control in controls:
        while control in text:
            text = text.replace(control, control[0] + "\u200b" + control[1:], 1)
    return text


def trained(key: tuple[str, MarkerMode], messages, header: str = "") -> str:
    """What `Encoder.prompt_ids` stands for, as text."""
    found = CHECKPOINTS[key]
    template = make_template(found.template, found.tokenizer)
    controls = found.encoder.control_strings()
    prompt = ""
    for is_control, segments in groupby(prompt_segments(template, messages), lambda segment: segment.is_control):
        text = "".join(segment.text for segment in segments)
        prompt += text if is_control else broken(text, controls)
    start = "<s>" if BASES[key[0]][0] == "sentencepiece" else ""
    bridge = template.frame(tuple(message.role for message in messages)).bridge
    return f"{'' if prompt.startswith(start) else start}{prompt}{header}{bridge}"


def header_of(key: tuple[str, MarkerMode], markers: MarkerSet) -> str:
    surface = CHECKPOINTS[key].surface
    return surface.render(markers) + surface.separator if len(markers) else ""


@EACH
@settings(max_examples=25)
@given(messages=conversations, data=st.data())
def test_the_template_writes_what_training_wrote(key, messages, data):
    assert rendered(key, messages) == rendered(key, messages, markers={}, header={}) == trained(key, messages)
    if key[1] is MarkerMode.NONE:
        return
    markers = data.draw(marker_sets(TAXONOMY))
    expected = trained(key, messages, header_of(key, markers))
    assert rendered(key, messages, markers=markers.to_dict()) == expected
    if key[1] is not MarkerMode.WORDS:
        forced = data.draw(marker_sets(TAXONOMY))
        both = rendered(key, messages, markers=markers.to_dict(), header=forced.to_dict())
        assert both == expected + header_of(key, forced)


@given(messages=conversations, markers=marker_sets(TAXONOMY))
def test_where_tokens_stand_around_all_words_the_ids_are_those_of_training(messages, markers):
    key = ("own", MarkerMode.TOKENS)
    found = CHECKPOINTS[key]
    assume(not any(control in m.content for control in found.encoder.control_strings() for m in messages))
    turns = [{"role": message.role, "content": message.content} for message in messages]
    ids = found.tokenizer.apply_chat_template(
        turns, chat_template=TEMPLATES[key], add_generation_prompt=True, markers=markers.to_dict()
    )["input_ids"]
    assert ids == found.encoder.prompt_ids(messages, markers)


raw_values = st.one_of(
    st.sampled_from([value for category in TAXONOMY.categories for value in category.value_names]),
    st.sampled_from(["legal", "", " 40 ", "4e1", "1_0", "inf", "nan", "-0.0", "٤٠", "1.005", 10**400, True, 7, 7.0]),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
)
raw_markers = st.dictionaries(
    st.sampled_from([*TAXONOMY.names, "items", "x"]) | st.text(max_size=3),
    raw_values | st.lists(raw_values, max_size=3),
    max_size=3,
)


@pytest.mark.parametrize("key", [("own", MarkerMode.TOKENS), ("none", MarkerMode.TEXT)], ids=" ".join)
@given(values=raw_markers)
def test_what_is_no_set_of_markers_is_refused_and_all_else_is_written(key, values):
    messages = (Message("user", "Why?"),)
    try:
        markers = MarkerSet.of(TAXONOMY, values)
    except TaxonomyError:
        with pytest.raises(jinja2.TemplateError):
            rendered(key, messages, markers=values)
        return
    assert rendered(key, messages, markers=values) == trained(key, messages, header_of(key, markers))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"tone": "kind"}, r"Unknown category 'tone'\. Allowed: domain, code_type, values, quality, length_tokens\."),
        ({"domain": ["Legal", "Law"]}, r"Unknown value 'Law' for category 'domain'\. Allowed: Legal, Code, "),
        ({"code_type": ["go", 'C++ "17"']}, "Category 'code_type' holds one value, got go, C"),
        ({"length_tokens": -1}, r"Category 'length_tokens' takes numbers from 0 to inf, got '-1'\."),
        ({"length_tokens": 1.5}, r"Category 'length_tokens' takes a whole number, got '1.5'\."),
        ({"quality": "good"}, r"Category 'quality' takes a finite number, got 'good'\."),
        (
            {"domain": "Legal", "code_type": "go"},
            r"Category 'code_type' applies only when 'domain' is one of Code, %}; here it is Legal\.",
        ),
        (["Legal"], r"Markers are given as category -> value or list of values, got \['Legal'\]\."),
    ],
)
@pytest.mark.parametrize("keyword", ["markers", "header"])
def test_a_refusal_says_what_was_given_and_what_is_allowed(values, told, keyword):
    with pytest.raises(jinja2.TemplateError, match=told):
        rendered(("own", MarkerMode.TOKENS), (Message("user", "Why?"),), **{keyword: values})


def test_a_model_refuses_headers_that_it_never_met():
    ask = [{"role": "user", "content": "Why?"}]
    told = {
        Placement.COMPLETION: ("markers", "met no markers in prompts. Give them as `header`"),
        Placement.PROMPT: ("header", "met no header before its answers. Give `markers`"),
    }
    for placement, (keyword, message) in told.items():
        found = checkpoint("own", MarkerMode.TOKENS, placement)
        text = chat_template(found.levers, found.tokenizer, found.encoder)
        for name in ("markers", "header"):
            options = {
                "chat_template": text,
                "tokenize": False,
                "add_generation_prompt": True,
                name: {"domain": "Code"},
            }
            if name == keyword:
                with pytest.raises(jinja2.TemplateError, match=message):
                    found.tokenizer.apply_chat_template(ask, **options)
            else:
                assert "<|domain=Code|>" in found.tokenizer.apply_chat_template(ask, **options)
    for name in ("markers", "header"):
        with pytest.raises(jinja2.TemplateError, match="trained without markers"):
            rendered(("own", MarkerMode.NONE), (Message("user", "Why?"),), **{name: {"domain": "Code"}})


@pytest.mark.parametrize(
    ("roles", "keywords", "told"),
    [
        (("developer", "user"), {}, "Roles are system, user and assistant, got 'developer'"),
        (("user|><|markers", "user"), {}, "Roles are system, user and assistant"),
        (("user", "assistant"), {}, "end with a user turn, got user, assistant"),
        (("system",), {"add_generation_prompt": False, "markers": {"domain": "Code"}}, "end with a user turn"),
        (("user",), {"add_generation_prompt": False, "header": {"domain": "Code"}}, "needs add_generation_prompt"),
        (("user",), {"tools": [{"name": "<|markers|>"}]}, "without tools"),
        (("user",), {"documents": [{"text": "<|markers|>"}]}, "without tools"),
    ],
)
def test_what_training_had_no_place_for_is_refused(roles, keywords, told):
    with pytest.raises(jinja2.TemplateError, match=told):
        rendered(("own", MarkerMode.TOKENS), [Message(role, "Why?") for role in roles], **keywords)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{% for m in messages if m.role != 'system' %}|{{ m.content }}{% endfor %}", r"turn 1 \(system\) 0 times"),
        ("{% for m in messages %}|{{ m.content }}{{ m.content }}{% endfor %}", r"turn 1 \(system\) 2 times"),
        ("{% for m in messages %}|{{ m.content[:10] }}{% endfor %}", "0 times"),
        ("{{ raise_exception('no system turns here') }}", "no system turns here"),
        ("{% for m in messages | reverse %}|{{ m.content }}{% endfor %}", "does not end with"),
    ],
    ids=["drops", "doubles", "cuts", "refuses", "reorders"],
)
def test_a_base_that_hides_a_boundary_is_refused(text, told):
    found = CHECKPOINTS["own", MarkerMode.TOKENS]
    tokenizer = data_tokenizers.byte_level()
    tokenizer.chat_template = text
    exported = chat_template(found.levers, tokenizer, found.encoder)
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
    with pytest.raises(jinja2.TemplateError, match=told):
        tokenizer.apply_chat_template(turns, chat_template=exported, tokenize=False, add_generation_prompt=True)


@pytest.mark.parametrize("base", ["chatml", "tight", "system in the last turn"])
def test_a_whole_conversation_is_written_with_its_answer(base):
    key = (base, MarkerMode.TOKENS)
    ask = (Message("user", "A"), Message("assistant", "B"), Message("user", " C\n"))
    found = rendered(
        key, (*ask, Message("assistant", " D <|end|>")), add_generation_prompt=False, markers={"values": 7}
    )
    template = make_template(CHECKPOINTS[key].template, CHECKPOINTS[key].tokenizer)
    prompt = trained(key, ask, header_of(key, MarkerSet.of(TAXONOMY, {"values": "7"})))
    answer = broken(" D <|end|>", CHECKPOINTS[key].encoder.control_strings())
    end = template.frame(("user", "assistant", "user")).end
    assert found.startswith(prompt + answer + end)
    assert found.removeprefix(prompt + answer + end).strip() == ""


def test_words_may_come_in_parts():
    parts = [{"type": "text", "text": "A <|end|>"}, {"type": "text", "text": "B"}]
    tokenizer = CHECKPOINTS["own", MarkerMode.TOKENS].tokenizer
    options = {"chat_template": TEMPLATES["own", MarkerMode.TOKENS], "tokenize": False}
    found = tokenizer.apply_chat_template([{"role": "user", "content": parts}], **options)
    assert found == "<|user|>A <\u200b|end|>\nB"
    for content in ([*parts, {"type": "image", "url": "x"}], None, {"text": "x"}):
        with pytest.raises(jinja2.TemplateError, match="is a text or a list of parts of type text"):
            tokenizer.apply_chat_template([{"role": "user", "content": content}], **options)


def test_a_control_string_that_overlaps_itself_is_broken_everywhere():
    found = CHECKPOINTS["own", MarkerMode.NONE]
    tokenizer = data_tokenizers.byte_level()
    tokenizer.add_tokens(["====", "=!="])
    encoder = make_checkpoint(found.model, tokenizer, TAXONOMY, None, TemplateConfig(), 128).encoder
    exported = chat_template(found.levers, tokenizer, encoder)
    turns = [{"role": "user", "content": "=" * 23 + "!=!=!="}]
    text = tokenizer.apply_chat_template(turns, chat_template=exported, tokenize=False)
    assert "====" not in text and "=!=" not in text
    assert text.removeprefix("<|user|>").replace("\u200b", "") == turns[0]["content"]


def test_turns_that_touch_are_not_control_together():
    key = ("tight", MarkerMode.TEXT)
    found = rendered(key, (Message("system", "a <|us"), Message("user", "er|> b<MARKER_LIST")))
    assert "<\u200b|user|>" in found
    assert rendered(key, (Message("system", "<MARKER_"), Message("user", "LIST>"))).startswith("{{<\u200bMARKER_LIST>")


@EACH
def test_the_start_of_a_sequence_stands_once_and_only_there(key):
    tokenizer = CHECKPOINTS[key].tokenizer
    turns = [{"role": "user", "content": "<s>Why <s>?"}]
    ids = tokenizer.apply_chat_template(turns, chat_template=TEMPLATES[key], add_generation_prompt=True)["input_ids"]
    if tokenizer.bos_token_id is not None:
        assert (ids[0], ids.count(tokenizer.bos_token_id)) == (tokenizer.bos_token_id, 1)


@EACH
def test_engines_that_look_for_the_keywords_of_a_template_find_ours(key):
    """vLLM hands on only those of `chat_template_kwargs` that the template reads."""
    environment = jinja2.Environment(extensions=[jinja2.ext.loopcontrols])
    names = jinja2.meta.find_undeclared_variables(environment.parse(TEMPLATES[key]))
    assert {"messages", "markers", "header", "add_generation_prompt"} <= names
    assert not {name for name in names if name.startswith("treasure")}


@pytest.mark.parametrize("key", [("own", MarkerMode.TOKENS), ("none", MarkerMode.TEXT), ("trims", MarkerMode.NONE)])
def test_a_loaded_model_encodes_as_before_and_saves_the_same_files(key, tmp_path):
    found = CHECKPOINTS[key]
    before = found.tokenizer.chat_template
    save_checkpoint(found, tmp_path / "one")
    assert found.tokenizer.chat_template == before
    again = load_checkpoint(tmp_path / "one")
    assert again.tokenizer.chat_template == before
    assert again.encoder.identity() == found.encoder.identity()
    messages, markers = (Message("user", "Why <s> <|end|>?"),), MarkerSet()
    if key[1] is not MarkerMode.NONE:
        markers = MarkerSet.of(TAXONOMY, {"domain": ["Code", "Legal"], "quality": 1.5})
    assert again.encoder.prompt_ids(messages, markers) == found.encoder.prompt_ids(messages, markers)
    save_checkpoint(again, tmp_path / "two")
    save_checkpoint(load_checkpoint(tmp_path / "two"), tmp_path / "three")
    one, two, three = (_files(tmp_path / name) for name in ("one", "two", "three"))
    assert two == three
    for name in ("tokenizer_config.json", LEVERS_FILE):  # transformers notes a load from a folder; the digest of that
        one[name] = two[name]
    assert one == two


def _files(folder: Path) -> dict[str, bytes]:
    """All but the file that tells the time."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "provenance.json"}


@EACH
def test_plain_transformers_renders_with_markers(key, tmp_path):
    CHECKPOINTS[key].tokenizer.save_pretrained(tmp_path)  # what `save_checkpoint` does, without the weights
    (tmp_path / "chat_template.jinja").write_text(TEMPLATES[key], encoding="utf-8")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    markers = {} if key[1] is MarkerMode.NONE else {"length_tokens": 40, "domain": ["%}", "Legal"]}
    messages = (Message("system", "S"), Message("user", "Why?"))
    turns = [{"role": message.role, "content": message.content} for message in messages]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True, markers=markers)
    header = header_of(key, MarkerSet.of(TAXONOMY, markers)) if markers else ""
    assert text == trained(key, messages, header)


def test_training_on_from_an_export_starts_with_the_template_of_the_base(tmp_path):
    for name, text in (("one", "{% for m in messages %}|{{ m.content }}{% endfor %}"), ("none", None)):
        found = checkpoint("plain", MarkerMode.TOKENS)
        found.tokenizer.chat_template = text
        save_checkpoint(found, tmp_path / name)
        assert load_tokenizer(str(tmp_path / name)).chat_template == text
    several = {"default": data_tokenizers.CHATML, "tool_use": "{{ tools }}"}
    found.tokenizer.chat_template = several
    save_checkpoint(found, tmp_path / "several")
    assert load_checkpoint(tmp_path / "several").tokenizer.chat_template == several


@pytest.mark.parametrize("text", [data_tokenizers.CHATML, None])
def test_a_folder_of_before_keeps_the_template_it_has(text, tmp_path):
    found = checkpoint("plain", MarkerMode.TOKENS)
    found = replace(found, template=TemplateConfig())
    found.tokenizer.chat_template = text
    save_checkpoint(found, tmp_path)
    (tmp_path / "chat_template.jinja").unlink()
    found.tokenizer.save_pretrained(tmp_path)
    files = [name for name in json.loads((tmp_path / LEVERS_FILE).read_text())["files"] if (tmp_path / name).is_file()]
    write_levers(tmp_path, replace(found.levers, base_template=None), files)
    assert "base_chat_template" not in json.loads((tmp_path / LEVERS_FILE).read_text())
    assert load_checkpoint(tmp_path).tokenizer.chat_template == text
