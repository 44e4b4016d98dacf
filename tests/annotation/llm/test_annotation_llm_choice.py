import json
import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llm_examples import TAXONOMY, closed

from treasure.annotation.llm.choice import (
    check_letters,
    make_choice,
    parse_answer,
    read_letters,
    response_format,
)
from treasure.errors import ConfigError
from treasure.llm.chat import InvalidAnswerError
from treasure.llm.request import LETTERS
from treasure.taxonomy.taxonomy import Category, Kind, Value

DOMAIN, TASK = (make_choice(TAXONOMY.category(name), 0) for name in ("domain", "task"))


def test_a_defined_unspecified_is_a_value_and_one_without_definition_is_the_abstention():
    assert DOMAIN.values == ("Sciences", "Legal", "Code", "Unspecified") and DOMAIN.abstain == "Unsure"
    assert TASK.values == ("Translation", "Rewrite", "Reasoning") and TASK.abstain == "Unspecified"
    bare = Category("domain", Kind.NOMINAL, values=(Value("Legal"), Value("Unspecified")))
    assert make_choice(bare).values == ("Legal",) and make_choice(bare).abstain == "Unspecified"


def test_the_shipped_domain_has_its_own_unspecified(taxonomy):
    domain, task = (make_choice(taxonomy.category(name)) for name in ("domain", "task"))
    assert "Unspecified" in domain.values and domain.abstain == "Unsure"
    assert "Unspecified" not in task.values and task.abstain == "Unspecified"


def test_every_label_stands_at_every_place_about_as_often():
    places = Counter()
    for number in range(4000):
        for place, label in enumerate(make_choice(TAXONOMY.category("domain"), 7, str(number)).shown):
            places[label, place] += 1
    assert len(places) == 25
    assert all(abs(count - 800) < 150 for count in places.values())


def test_letters_follow_the_order_shown():
    assert list(DOMAIN.letters.values()) == list(DOMAIN.shown)
    assert len({make_choice(TAXONOMY.category("domain"), seed).letters["B"] for seed in range(40)}) == 5


def test_the_order_follows_from_its_key():
    orders = {make_choice(TAXONOMY.category("domain"), seed, "text").shown for seed in range(20)}
    assert len(orders) > 5
    assert make_choice(TAXONOMY.category("domain"), 3, "text") == make_choice(TAXONOMY.category("domain"), 3, "text")


@pytest.mark.parametrize(
    "text",
    ["Legal", ' "Legal" ', "```\nLegal\n```", '{"domain": "Legal"}', '```json\n{"domain": "Legal"}\n```',
     "<think>Code? No.</think>\nLegal", '{"domain": "Legal", "why": "a contract"}'],
)  # fmt: skip
def test_exact_labels_are_read(text):
    assert parse_answer(text, [DOMAIN]) == {"domain": "Legal"}


@pytest.mark.parametrize(
    "text",
    ["", " ", "legal", "LEGAL", "Legal.", "It is Legal", "Law", "Legal, Code", '{"domain": "Law"}',
     '{"domain": ["Legal"]}', '{"domain": null}', '{"task": "Legal"}', '{"domain": "Legal", "domain": "Code"}',
     "[" * 100_000, '{"domain": "Leg'],
)  # fmt: skip
def test_anything_else_is_no_answer(text):
    with pytest.raises(InvalidAnswerError):
        parse_answer(text, [DOMAIN])


@given(
    st.text()
    | st.recursive(st.none() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)).map(json.dumps)
)
def test_no_answer_slips_in(text):
    try:
        answers = parse_answer(text, [DOMAIN, TASK])
    except InvalidAnswerError:
        return
    assert answers["domain"] in DOMAIN.labels and answers["task"] in TASK.labels


def test_several_categories_need_one_label_each():
    assert parse_answer('{"domain": "Code", "task": "Rewrite"}', [DOMAIN, TASK]) == {
        "domain": "Code",
        "task": "Rewrite",
    }
    for text in ('{"domain": "Code"}', "Code", '{"domain": "Rewrite", "task": "Code"}'):
        with pytest.raises(InvalidAnswerError):
            parse_answer(text, [DOMAIN, TASK])


def test_the_schema_is_the_same_for_every_order():
    schemas = [response_format([make_choice(TAXONOMY.category("domain"), seed)]) for seed in range(5)]
    assert all(schema == schemas[0] for schema in schemas)
    assert schemas[0]["json_schema"]["schema"]["properties"]["domain"]["enum"] == list(DOMAIN.labels)


def entries(**probabilities):
    return [{"token": token, "logprob": math.log(p)} for token, p in probabilities.items()]


def test_letters_are_mapped_back_and_their_variants_added():
    letters = {label: letter for letter, label in DOMAIN.letters.items()}
    legal, code = letters["Legal"], letters["Code"]
    alternatives = [*entries(**{legal: 0.5, code: 0.2}), *entries(**{f" {legal}": 0.1, f"▁{code}": 0.1, "The": 0.1})]
    found = read_letters(alternatives, DOMAIN)
    assert found == pytest.approx({"Legal": 6 / 9, "Code": 3 / 9, "Sciences": 0, "Unspecified": 0, "Unsure": 0})


def test_a_model_that_talks_instead_of_choosing_gives_no_answer():
    letter = next(iter(DOMAIN.letters))
    with pytest.raises(InvalidAnswerError, match="30%"):
        read_letters(entries(**{"The": 0.7, letter: 0.3}), DOMAIN)
    for broken in (
        [{"token": letter}],
        [{"token": letter, "logprob": math.nan}],
        ["B"],
        [{"token": 3, "logprob": 0.0}],
    ):
        with pytest.raises(InvalidAnswerError):
            read_letters(broken, DOMAIN)


def test_there_are_letters_for_every_shipped_category_and_no_more(taxonomy):
    for category in taxonomy.categories:
        check_letters(category)
    with pytest.raises(ConfigError, match="structured"):
        check_letters(closed("many", *(f"v{n}" for n in range(len(LETTERS)))))
