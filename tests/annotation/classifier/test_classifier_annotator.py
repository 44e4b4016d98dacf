"""The classifier as an annotator: what it says, when it says nothing, and which models it refuses."""

import json
import pickle

import numpy as np
import pytest
from classifier_cases import WORDS, example, marked, train
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from treasure.annotation.classifier.annotator import ClassifierAnnotator
from treasure.annotation.classifier.config import ClassifierConfig
from treasure.annotation.finding import Finding, Outcome
from treasure.data.example import Example, Message
from treasure.errors import CheckpointError, ConfigError
from treasure.taxonomy.load import taxonomy_from_dict, taxonomy_to_dict


@pytest.fixture(scope="module")
def folder(taxonomy, tmp_path_factory):
    path = tmp_path_factory.mktemp("classifier") / "model"
    train(taxonomy, path, marked(taxonomy, 180, several=True))
    return path


@pytest.fixture(scope="module")
def annotator(folder, taxonomy):
    return ClassifierAnnotator(ClassifierConfig(folder=str(folder)), taxonomy)


def ask(annotator, *examples, known=None) -> list[dict[str, Finding]]:
    return annotator.annotate(examples, [{}] * len(examples) if known is None else known)


def changed(taxonomy, edit):
    data = taxonomy_to_dict(taxonomy)
    edit(data["categories"])
    return taxonomy_from_dict(data, "test")


def test_it_says_what_words_tell(annotator):
    for value, words in WORDS.items():
        (found,) = ask(annotator, example("what about the " + " ".join(words[:6]), " ".join(words[4:])))
        finding = found["domain"]
        assert (finding.annotator, finding.outcome, finding.values) == ("classifier", Outcome.FOUND, (value,))
        assert 0.5 <= finding.probability <= 1


def test_it_names_several_values_where_several_are_likely(folder, taxonomy):
    both = example(" ".join(WORDS["Medical"] + WORDS["Legal"]), " ".join(WORDS["Medical"] + WORDS["Legal"]))
    annotator = ClassifierAnnotator(ClassifierConfig(folder=str(folder), threshold=0, further_threshold=0.02), taxonomy)
    assert ask(annotator, both)[0]["domain"].values == ("Medical", "Legal")  # in the taxonomy's order
    annotator = ClassifierAnnotator(ClassifierConfig(folder=str(folder), threshold=0, further_threshold=1), taxonomy)
    assert len(ask(annotator, both)[0]["domain"].values) == 1


def test_it_abstains_below_the_threshold_and_on_no_text(folder, taxonomy, annotator):
    strict = ClassifierAnnotator(ClassifierConfig(folder=str(folder), thresholds={"domain": 1}), taxonomy)
    (found,) = ask(strict, example("the judge", "and the tenant"))
    assert found["domain"].outcome is Outcome.ABSTAINED
    assert found["domain"].probability is not None
    assert "Legal" in found["domain"].note
    blank = ask(annotator, Example("x", (Message("user", " \n"),), "", "made"))[0]["domain"]
    assert (blank.outcome, blank.values) == (Outcome.ABSTAINED, ())


def test_a_script_never_seen_leaves_it_unsure(annotator):
    (found,) = ask(annotator, example("ሰላም ለዓለም ሁሉ ይሁን", "ᚠᛇᚻ ᛒᛦᚦ ᚠᚱᚩᚠᚢᚱ"))
    assert found["domain"].outcome is Outcome.ABSTAINED


def test_what_is_settled_is_not_asked(annotator):
    settled = {"domain": Finding("facts", Outcome.FOUND, ("Math",))}
    none = {"domain": Finding("facts", Outcome.NOT_APPLICABLE)}
    unsure = {"domain": Finding("rules", Outcome.ABSTAINED)}
    found = ask(annotator, *[example("the judge and the tenant", "lawsuit")] * 3, known=[settled, none, unsure])
    assert [set(one) for one in found] == [set(), set(), {"domain"}]
    assert ask(annotator) == []


@given(st.lists(st.text(st.characters(codec=None, exclude_categories=()), max_size=40), min_size=1, max_size=5))
def test_any_text_gets_an_answer_that_does_not_depend_on_its_neighbours(annotator, texts):
    examples = [Example(str(i), (Message("user", text),), text[::-1], "made") for i, text in enumerate(texts)]
    together = ask(annotator, *examples)
    assert together == [ask(annotator, one)[0] for one in examples]
    assert all(found["domain"].outcome in (Outcome.FOUND, Outcome.ABSTAINED) for found in together)


def test_a_million_characters_are_no_burden(annotator):
    long_text = "judge \ud800 \x00 tenant " * 50_000
    found = ask(annotator, Example("x", (Message("user", long_text),), long_text, "made"))
    assert found[0]["domain"].values == ("Legal",)


def test_it_survives_pickling_and_knows_its_version(annotator, folder, taxonomy):
    twin = pickle.loads(pickle.dumps(annotator))  # noqa: S301  # workers of `datasets` and Ray get it so
    row = example("the judge and the tenant", "lawsuit")
    assert ask(twin, row) == ask(annotator, row)
    assert twin.version == annotator.version
    other = ClassifierAnnotator(ClassifierConfig(folder=str(folder), threshold=0.6), taxonomy)
    assert other.version != annotator.version


def test_it_speaks_of_categories_that_the_taxonomy_has(folder, taxonomy):
    annotator = ClassifierAnnotator(ClassifierConfig(folder=str(folder)), taxonomy.only(["domain", "lang"]))
    assert annotator.categories == ("domain",)
    with pytest.raises(ConfigError, match="has none of them"):
        ClassifierAnnotator(ClassifierConfig(folder=str(folder)), taxonomy.only(["lang"]))
    with pytest.raises(ConfigError, match=r"does not know the category 'domains'\. Did you mean 'domain'"):
        ClassifierAnnotator(ClassifierConfig(folder=str(folder), categories=["domains"]), taxonomy)
    with pytest.raises(ConfigError, match="does not know the category 'style'"):
        ClassifierAnnotator(ClassifierConfig(folder=str(folder), thresholds={"style": 0.1}), taxonomy)


def test_a_category_with_other_values_is_refused_saying_what_differs(folder, taxonomy):
    def without_math(categories):
        del categories["domain"]["values"]["Math"]
        categories["domain"]["values"]["Sport"] = {}
        categories["domain"]["multiple"] = False

    with pytest.raises(ConfigError, match=r"lacks Math and also has Sport and allows one value only"):
        ClassifierAnnotator(ClassifierConfig(folder=str(folder)), changed(taxonomy, without_math))

    def elsewhere(categories):
        del categories["task"]["values"]["Rewrite"]

    assert ClassifierAnnotator(ClassifierConfig(folder=str(folder)), changed(taxonomy, elsewhere)).categories


def test_changed_files_are_refused(folder, taxonomy, tmp_path):
    def copy(name):
        target = tmp_path / name
        target.mkdir()
        for path in folder.iterdir():
            (target / path.name).write_bytes(path.read_bytes())
        return target

    def load(path):
        return ClassifierAnnotator(ClassifierConfig(folder=str(path)), taxonomy)

    assert load(copy("whole")).version
    weights = copy("weights")
    tensors = load_file(weights / "weights.safetensors")
    save_file({name: np.flip(array).copy() for name, array in tensors.items()}, weights / "weights.safetensors")
    with pytest.raises(CheckpointError, match="not as they were written"):
        load(weights)
    settings = copy("settings")
    data = json.loads((settings / "classifier.json").read_text())
    data["categories"]["domain"]["values"].reverse()
    (settings / "classifier.json").write_text(json.dumps(data))
    with pytest.raises(CheckpointError, match="not as they were written"):
        load(settings)
    data["features"]["version"] = 0
    (settings / "classifier.json").write_text(json.dumps(data))
    with pytest.raises(CheckpointError, match="another version"):
        load(settings)
    for name, content in (("broken", b"{"), ("list", b"[]"), ("pickled", pickle.dumps({"format": 1}))):
        path = copy(name)
        (path / "classifier.json").write_bytes(content)
        with pytest.raises(CheckpointError, match="Train it again"):
            load(path)
    missing = copy("missing")
    (missing / "weights.safetensors").unlink()
    with pytest.raises(CheckpointError, match="Train it again"):
        load(missing)
    with pytest.raises(ConfigError, match="No classifier in"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize("options", [{"threshold": -1}, {"thresholds": {"domain": 2}}, {"further_threshold": 0}])
def test_options_are_checked(options):
    with pytest.raises(ConfigError, match="threshold"):
        ClassifierConfig(folder="x", **options)
