"""Loading: what is shipped, what may be inherited, and how mistakes are told."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasure.errors import TaxonomyError
from treasure.taxonomy.load import load_taxonomy, taxonomy_from_dict, taxonomy_to_dict
from treasure.taxonomy.taxonomy import AppliesWhen, Kind, Taxonomy

SMALL = {
    "name": "small",
    "categories": {
        "domain": {"kind": "nominal", "multiple": True, "values": ["Code", "Legal"]},
        "code_type": {
            "kind": "nominal",
            "values": {"python": {"definition": "Python code."}},
            "applies_when": {"category": "domain", "values": ["Code"]},
        },
        "quality": {"kind": "decimal", "decimals": 2, "minimum": 0},
        "length_bucket": {
            "kind": "ordinal", "values": ["short", "mid", "long"], "derived_from": "length_tokens", "edges": [3, 9],
        },
        "length_tokens": {"kind": "integer", "minimum": 0, "maximum": 100},
    },
}  # fmt: skip

BASE_YAML = """\
name: base
categories:
  domain:
    kind: nominal
    values:
      Code: {definition: Programs., includes: Scripts., tie_break: None.}
      Legal: {definition: Laws.}
  code_type:
    kind: nominal
    values: [python, go]
    applies_when: {category: domain, values: [Code]}
  length_bucket: {kind: ordinal, values: [short, long], derived_from: length_tokens, edges: [10]}
  length_tokens: {kind: integer, minimum: 0}
"""


def load(tmp_path: Path, text: str, name: str = "mine.yaml") -> Taxonomy:
    (tmp_path / "base.yaml").write_text(BASE_YAML)
    (tmp_path / name).write_text(text)
    return load_taxonomy(tmp_path / name)


def test_shipped_counts_are_those_of_the_paper(taxonomy):
    counts = {category.name: len(category.values) for category in taxonomy.categories}
    assert counts == {
        "domain": 11, "task": 14, "lang": 23, "code_type": 17, "format": 8, "style": 3, "source": 4,
        "quality_bucket": 4, "quality": 0, "length_bucket": 3, "length_tokens": 0, "length_sentences": 0,
        "length_paragraphs": 0,
    }  # fmt: skip
    assert taxonomy.num_markers == 91  # the paper's 90 and Finance


def test_shipped_texts_are_whole(taxonomy):
    for category in taxonomy.categories:
        assert category.definition.endswith("."), category.name
        for value in category.values:
            for text in (value.definition, value.includes, value.tie_break):
                assert text.endswith(".") and len(text) > 10, (category.name, value)


def test_shipped_definitions_tell_values_apart(taxonomy):
    for category in taxonomy.categories:
        texts = [text for value in category.values for text in (value.definition, value.includes)]
        assert len(set(texts)) == len(texts), category.name


def test_shipped_order_puts_what_the_prompt_tells_first(taxonomy):
    assert taxonomy.names[:4] == ("domain", "task", "lang", "code_type")
    assert taxonomy.names[-4:] == ("length_bucket", "length_tokens", "length_sentences", "length_paragraphs")


@pytest.mark.parametrize(
    ("tokens", "bucket"), [(0, "concise"), (299, "concise"), (300, "medium"), (1000, "medium"), (1001, "long")]
)
def test_shipped_length_buckets_are_cut_as_in_the_paper(taxonomy, tokens, bucket):
    assert taxonomy.category("length_bucket").bucket(tokens) == bucket


def test_written_taxonomy_comes_back_equal(taxonomy):
    for one in (taxonomy, taxonomy_from_dict(SMALL, "small")):
        again = taxonomy_from_dict(json.loads(json.dumps(taxonomy_to_dict(one))), "copy")
        assert again == one
        assert again.hash == one.hash


@given(kept=st.sets(st.sampled_from(list(SMALL["categories"])), min_size=1))
def test_any_subset_can_be_written_and_read(kept):
    subset = taxonomy_from_dict(SMALL, "small").only(kept)
    assert set(subset.names) == kept
    assert taxonomy_from_dict(taxonomy_to_dict(subset), "copy") == subset


def test_subset_keeps_buckets_of_counted_lengths_and_drops_loose_rules():
    subset = taxonomy_from_dict(SMALL, "small").only(["length_bucket", "code_type"])
    assert subset.names == ("code_type", "length_bucket")
    assert subset.category("code_type").applies_when is None
    assert subset.category("length_bucket").bucket(5) == "mid"


def test_extends_merges_entry_by_entry(tmp_path):
    mine = load(
        tmp_path,
        "name: mine\nextends: base\ncategories:\n  length_bucket: {edges: [4]}\n"
        "  domain: {values: {Code: {definition: Source.}, Medical: }}\n  mood: {kind: ordinal, values: [low, high]}\n",
    )
    assert mine.name == "mine"
    assert mine.names == ("domain", "code_type", "length_bucket", "length_tokens", "mood")
    assert mine.category("length_bucket").edges == (4.0,)
    assert mine.category("domain").value_names == ("Code", "Legal", "Medical")
    code = mine.category("domain").values[0]
    assert (code.definition, code.includes) == ("Source.", "Scripts.")


def test_a_list_of_values_replaces_and_keeps_descriptions(tmp_path):
    mine = load(tmp_path, "name: m\nextends: base\ncategories: {domain: {values: [Art, Legal, Code]}}\n")
    assert mine.category("domain").value_names == ("Art", "Legal", "Code")
    assert mine.category("domain").values[1].definition == "Laws."


def test_null_takes_a_setting_back_and_only_keeps_a_part(tmp_path):
    mine = load(
        tmp_path,
        "name: m\nextends: base\nonly: [length_bucket, code_type, domain]\n"
        "categories: {code_type: {applies_when: null}}\n",
    )
    assert mine.names == ("domain", "code_type", "length_bucket")
    assert mine.category("code_type").applies_when is None
    assert load(tmp_path, "name: m\nextends: base\n").category("code_type").applies_when == AppliesWhen(
        "domain", ("Code",)
    )


def test_names_that_yaml_takes_for_other_things_stay_names(tmp_path):
    mine = load(tmp_path, "name: m\ncategories: {answer: {kind: nominal, values: {No: , 1: , on: }}}\n")
    assert mine.category("answer").value_names == ("No", "1", "on")


WRONG_FILES = {
    "duplicate key": (
        "name: m\ncategories:\n  a: {kind: integer}\n  a: {kind: decimal}\n",
        ["mine.yaml:4", "twice", "mine.yaml:3"],
    ),
    "duplicate in list": (
        "name: m\ncategories:\n  a:\n    kind: nominal\n    values: [x, y, x]\n",
        ["mine.yaml:5", "twice", "x"],
    ),
    "duplicate value key": (
        "name: m\ncategories:\n  a:\n    kind: nominal\n    values:\n      x:\n      x:\n",
        ["mine.yaml:7", "twice"],
    ),
    "unknown top key": ("name: m\ncategorys: {}\n", ["mine.yaml:2", "categorys", "Did you mean 'categories'?"]),
    "unknown key": (
        "name: m\ncategories:\n  a:\n    kind: integer\n    minimun: 0\n",
        ["mine.yaml:5", "Did you mean 'minimum'?"],
    ),
    "unknown value key": (
        "name: m\ncategories: {a: {kind: nominal, values: {x: {define: y}}}}\n",
        ["mine.yaml:2", "define"],
    ),
    "value text for mapping": (
        "name: m\nextends: base\ncategories: {domain: {values: {Code: text}}}\n",
        ["mine.yaml:3", "'Code' must be a mapping"],
    ),
    "inherited entry not a mapping": (
        "name: m\nextends: base\ncategories: {domain: 3}\n",
        ["mine.yaml:3", "'domain' must be a mapping"],
    ),
    "unknown kind": (
        "name: m\ncategories:\n  a:\n    kind: nominel\n    values: [x]\n",
        ["mine.yaml:4", "Did you mean 'nominal'?"],
    ),
    "missing kind": ("name: m\ncategories:\n  a: {values: [x]}\n", ["mine.yaml:3", "kind", "ordinal"]),
    "no name": ("categories: {a: {kind: integer}}\n", ["mine.yaml", "'name'"]),
    "no categories": ("name: m\n", ["categories"]),
    "not a mapping": ("- a\n- b\n", ["mine.yaml:1", "mapping"]),
    "not yaml": ("name: [\n", ["mine.yaml", "Not readable as YAML"]),
    "no values": ("name: m\ncategories:\n  a: {kind: nominal, values: []}\n", ["mine.yaml:3", "at least one"]),
    "value not a name": ("name: m\ncategories:\n  a: {kind: nominal, values: [no]}\n", ["mine.yaml:3", "quotes"]),
    "value breaks header": (
        "name: m\ncategories:\n  a:\n    kind: nominal\n    values: ['a<b']\n",
        ["mine.yaml:5", "a<b"],
    ),
    "reserved value": ("name: m\ncategories:\n  a: {kind: nominal, values: [unknown]}\n", ["reserved", "unknown"]),
    "bad category name": (
        "name: m\ncategories:\n  Big One: {kind: integer}\n",
        ["mine.yaml:3", "Big One", "lower-case"],
    ),
    "reserved category name": ("name: m\ncategories:\n  markers: {kind: integer}\n", ["mine.yaml:3", "reserved"]),
    "numeric with values": (
        "name: m\ncategories:\n  a:\n    kind: integer\n    values: [x]\n",
        ["mine.yaml:5", "makes no sense"],
    ),
    "closed with minimum": ("name: m\ncategories: {a: {kind: nominal, values: [x], minimum: 1}}\n", ["minimum"]),
    "decimals of integer": ("name: m\ncategories: {a: {kind: integer, decimals: 2}}\n", ["decimals", "0 to 0"]),
    "minimum above maximum": (
        "name: m\ncategories: {a: {kind: integer, minimum: 2, maximum: 1}}\n",
        ["2", "1", "above"],
    ),
    "multiple not boolean": (
        "name: m\ncategories: {a: {kind: nominal, values: [x], multiple: 3}}\n",
        ["true or false"],
    ),
    "definition not text": ("name: m\ncategories: {a: {kind: integer, definition: [x]}}\n", ["definition", "text"]),
    "edges not rising": (
        "name: m\nextends: base\ncategories:\n  length_bucket:\n    values: [a, b, c]\n    edges: [5, 5]\n",
        ["mine.yaml:6", "rise"],
    ),
    "edges too few": (
        "name: m\nextends: base\ncategories:\n  length_bucket:\n    values: [a, b, c]\n",
        ["base.yaml:12", "need 2 edges, got 1"],
    ),
    "edges of nominal": (
        "name: m\ncategories: {a: {kind: nominal, values: [x, y], edges: [1], derived_from: length_tokens}}\n",
        ["ordinal"],
    ),
    "derived from unknown": (
        "name: m\nextends: base\ncategories:\n  length_bucket: {derived_from: length_token}\n",
        ["mine.yaml:4", "Did you mean 'length_tokens'?"],
    ),
    "edges not numbers": (
        "name: m\nextends: base\ncategories:\n  length_bucket: {edges: [x]}\n",
        ["mine.yaml:4", "number"],
    ),
    "rule on unknown category": (
        "name: m\nextends: base\ncategories:\n  code_type: {applies_when: {category: domian}}\n",
        ["mine.yaml:4", "Did you mean 'domain'?"],
    ),
    "rule on unknown value": (
        "name: m\nextends: base\ncategories:\n  code_type:\n    applies_when:\n      values: [Cod]\n",
        ["mine.yaml:5", "Did you mean 'Code'?"],
    ),
    "rule without values": (
        "name: m\ncategories: {a: {kind: integer, applies_when: {category: b}}}\n",
        ["applies_when", "values"],
    ),
    "unknown base": (
        "name: m\nextends: bases\n",
        ["mine.yaml:2", "Did you mean 'base'?", "In this folder: base, mine"],
    ),
    "base elsewhere": ("name: m\nextends: ../base\n", ["mine.yaml:2", "same folder"]),
    "extends itself": ("name: m\nextends: mine\n", ["mine.yaml:2", "extends itself"]),
    "only unknown": ("name: m\nextends: base\nonly: [domian]\n", ["mine.yaml:3", "Did you mean 'domain'?"]),
    "only not a list": ("name: m\nextends: base\nonly: domain\n", ["mine.yaml:3", "list"]),
}


@pytest.mark.parametrize("case", WRONG_FILES)
def test_mistakes_are_told_with_place_and_remedy(tmp_path, case):
    text, parts = WRONG_FILES[case]
    with pytest.raises(TaxonomyError) as caught:
        load(tmp_path, text)
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message, message


def test_circle_over_two_files_is_refused(tmp_path):
    (tmp_path / "one.yaml").write_text("name: one\nextends: two\n")
    (tmp_path / "two.yaml").write_text("name: two\nextends: one\n")
    with pytest.raises(TaxonomyError, match="extends itself"):
        load_taxonomy(tmp_path / "one.yaml")


def test_a_file_of_ones_own_extends_a_shipped_one(tmp_path):
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    (shipped / "base.yaml").write_text(BASE_YAML)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    own = elsewhere / "base.yaml"  # of the same name as what it extends
    own.write_text("name: mine\nextends: base\nonly: [length_tokens]\n")
    assert load_taxonomy(own, shipped).names == ("length_tokens",)
    own.write_text("name: mine\nextends: basis\n")
    with pytest.raises(TaxonomyError, match=r"base.yaml:2: .*Did you mean 'base'.*Shipped: base\."):
        load_taxonomy(own, shipped)


def test_what_only_leaves_out_is_not_checked(tmp_path):
    mine = load(tmp_path, "name: m\nextends: base\nonly: [domain]\ncategories: {domain: {values: [Legal]}}\n")
    assert mine.category("domain").value_names == ("Legal",)


def test_errors_without_a_file_name_the_origin():
    with pytest.raises(TaxonomyError, match=r"^model folder: Unknown kind 'x'"):
        taxonomy_from_dict({"name": "t", "categories": {"a": {"kind": "x"}}}, "model folder")


@given(
    data=st.recursive(
        st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["nominal", "integer", "a", "Code", "domain"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["name", "categories", "a", "kind", "values", "edges", "applies_when", "category", "multiple"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_any_data_gives_a_taxonomy_or_a_taxonomy_error(data):
    document = {"name": "t", "categories": {"b": {"kind": "nominal", "values": ["x"]}, "a": data}}
    try:
        assert taxonomy_from_dict(document, "here").category("a").kind in Kind
    except TaxonomyError as error:
        assert str(error).startswith("here: ")
