import data_tokenizers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasure.data.config import TemplateConfig, TemplateKind
from treasure.data.example import Message
from treasure.data.template import ChatTemplate, PlainTemplate, SegmentKind, make_template, prompt_segments
from treasure.errors import ConfigError, DataError

SYSTEM_IN_LAST_USER_TURN = (
    "{% if messages[0].role == 'system' %}{% set system = messages[0].content %}{% set rest = messages[1:] %}"
    "{% else %}{% set system = '' %}{% set rest = messages %}{% endif %}"
    "{% for m in rest %}{% if m.role == 'user' %}[INST] "
    "{% if system and loop.index0 >= rest|length - 2 %}{{ system }}\n\n{% endif %}{{ m.content }}[/INST]"
    "{% else %} {{ m.content }}{{ eos_token }}{% endif %}{% endfor %}"
)
TEMPLATES = {"chatml": data_tokenizers.CHATML, "inst": SYSTEM_IN_LAST_USER_TURN, "own": None}


def _tokenizer(chat_template: str | None):
    tokenizer = data_tokenizers.chatml()
    tokenizer.chat_template = chat_template or data_tokenizers.byte_level().chat_template
    return tokenizer


TOKENIZERS = {name: _tokenizer(text) for name, text in TEMPLATES.items()}

conversations = st.builds(
    lambda system, history, last: (
        *((Message("system", system),) if system else ()),
        *(m for asked, said in history for m in (Message("user", asked), Message("assistant", said))),
        Message("user", last),
    ),
    data_tokenizers.words,
    st.lists(st.tuples(data_tokenizers.words, data_tokenizers.words), max_size=2),
    data_tokenizers.words,
)


@pytest.mark.parametrize("name", TEMPLATES)
@given(messages=conversations, completion=data_tokenizers.words)
def test_the_parts_joined_are_what_the_chat_template_writes(name, messages, completion):
    tokenizer = TOKENIZERS[name]
    template = make_template(TemplateConfig(), tokenizer)
    frame = template.frame(tuple(message.role for message in messages))
    joined = "".join(segment.text for segment in prompt_segments(template, messages))
    turns = [{"role": m.role, "content": m.content} for m in (*messages, Message("assistant", completion))]
    expected = tokenizer.apply_chat_template(turns, tokenize=False)
    assert expected.startswith(joined + frame.bridge + completion + frame.end)
    assert expected.removeprefix(joined + frame.bridge + completion + frame.end).strip() == ""


@given(messages=conversations)
def test_words_and_control_text_never_mix(messages):
    template = make_template(TemplateConfig(), TOKENIZERS["chatml"])
    found = [segment.text for segment in prompt_segments(template, messages) if not segment.is_control]
    assert found == [message.content for message in messages if message.content]
    assert {segment.kind for segment in prompt_segments(template, messages)} == {SegmentKind.PROMPT}


def test_a_system_turn_may_be_written_inside_the_last_user_turn():
    template = make_template(TemplateConfig(), TOKENIZERS["inst"])
    messages = [Message(*turn) for turn in (("system", "S"), ("user", "A"), ("assistant", "B"), ("user", "C"))]
    texts = [segment.text for segment in prompt_segments(template, messages)]
    assert texts == ["[INST] ", "A", "[/INST] ", "B", "<|end|>[INST] ", "S", "\n\n", "C"]
    assert template.frame(("system", "user", "assistant", "user")).bridge == "[/INST] "


def test_the_end_stops_at_the_token_that_closes_the_turn():
    assert make_template(TemplateConfig(), TOKENIZERS["chatml"]).frame(("user",)).end == "<|im_end|>"


def test_an_end_of_sequence_token_is_added_where_nothing_closes_the_turn():
    tokenizer = data_tokenizers.byte_level()
    tokenizer.chat_template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    assert make_template(TemplateConfig(), tokenizer).frame(("user",)).end == "\n<|end|>"


def test_variables_reach_the_chat_template():
    tokenizer = data_tokenizers.byte_level()
    tokenizer.chat_template = "{{ today }}{% for m in messages %}|{{ m.content }}{% endfor %}"
    template = make_template(TemplateConfig(variables={"today": "1 May"}), tokenizer)
    assert template.frame(("user",)).before == ("1 May|",)
    assert template.identity() != make_template(TemplateConfig(), tokenizer).identity()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{% for m in messages if m.role != 'system' %}|{{ m.content }}{% endfor %}", r"turn 1 \(system\) 0 times"),
        ("{% for m in messages %}|{{ m.content | upper }}{% endfor %}", "0 times"),
        ("{% for m in messages %}|{{ m.content }}{{ m.content }}{% endfor %}", "2 times"),
        ("{{ raise_exception('no system turns here') }}", "no system turns here"),
        ("{% for m in messages | reverse %}|{{ m.content }}{% endfor %}", "does not end with"),
    ],
    ids=["drops", "alters", "doubles", "refuses", "reorders"],
)
def test_a_template_that_hides_a_boundary_is_refused(text, reason):
    tokenizer = data_tokenizers.byte_level()
    tokenizer.chat_template = text
    with pytest.raises(DataError, match=reason):
        make_template(TemplateConfig(), tokenizer).frame(("system", "user"))


@pytest.mark.parametrize("roles", [(), ("assistant",), ("user", "assistant"), ("tool", "user")])
@pytest.mark.parametrize("kind", [TemplateKind.CHAT, TemplateKind.PLAIN])
def test_turns_must_end_with_the_user(kind, roles):
    with pytest.raises(DataError):
        make_template(TemplateConfig(kind=kind), TOKENIZERS["own"]).frame(roles)


def test_plain_strings_stand_between_the_turns():
    config = TemplateConfig(kind=TemplateKind.PLAIN, system_prefix="[", system_suffix="]", turn_separator="~")
    template = make_template(config, TOKENIZERS["own"])
    messages = [Message(*turn) for turn in (("system", "S"), ("user", "A"), ("assistant", "B"), ("user", "C"))]
    frame = template.frame(("system", "user", "assistant", "user"))
    text = "".join(segment.text for segment in prompt_segments(template, messages)) + frame.bridge + frame.end
    assert text == "[S]User: A\nAssistant: B<|end|>~User: C\nAssistant: <|end|>"


def test_auto_takes_the_chat_template_where_there_is_one():
    tokenizer = data_tokenizers.byte_level()
    assert isinstance(make_template(TemplateConfig(), tokenizer), ChatTemplate)
    tokenizer.chat_template = None
    assert isinstance(make_template(TemplateConfig(), tokenizer), PlainTemplate)
    with pytest.raises(ConfigError, match="no chat template"):
        make_template(TemplateConfig(kind=TemplateKind.CHAT), tokenizer)


def test_something_must_end_an_answer():
    tokenizer = data_tokenizers.byte_level()
    tokenizer.eos_token = None
    with pytest.raises(ConfigError, match="no end-of-sequence token"):
        make_template(TemplateConfig(), tokenizer)
    plain = TemplateConfig(kind=TemplateKind.PLAIN, end="###")
    assert make_template(plain, tokenizer).frame(("user",)).end == "###"
