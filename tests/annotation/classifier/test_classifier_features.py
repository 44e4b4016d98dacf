"""Features: any text becomes a row, the same one always, and what should not matter does not."""

import numpy as np
import pytest
from classifier_cases import example
from hypothesis import given
from hypothesis import strategies as st

from treasure.annotation.classifier.config import FeatureConfig
from treasure.annotation.classifier.features import TextFeatures, clip
from treasure.errors import ConfigError

FEATURES = TextFeatures(FeatureConfig(bits=10))
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=60)  # lone surrogates too


def rows(*examples) -> np.ndarray:
    return FEATURES.matrix(examples).toarray()


@given(st.lists(st.tuples(ANY_TEXT, ANY_TEXT), min_size=1, max_size=4))
def test_any_text_becomes_a_row_that_does_not_depend_on_its_neighbours(texts):
    examples = [example("".join(prompt).encode("utf-8", "replace").decode(), "x") for prompt, _ in texts]
    examples = [
        type(e)(e.id, (type(e.messages[0])("user", p),), c, "d") for e, (p, c) in zip(examples, texts, strict=True)
    ]
    together = rows(*examples)
    assert together.shape == (len(texts), FEATURES.num_columns)
    assert np.isfinite(together).all()
    for row, alone in zip(together, examples, strict=True):
        np.testing.assert_array_equal(row, rows(alone)[0])


def test_prompt_and_completion_have_columns_of_their_own():
    asked, answered = rows(example("tenant and lease", ""), example("", "tenant and lease"))
    half = FEATURES.num_columns // 2
    np.testing.assert_array_equal(asked[:half], answered[half:])
    assert asked[:half].any()
    assert not asked[half:].any()
    assert not answered[:half].any()


@pytest.mark.parametrize(
    ("one", "other"), [("A Court  is\nhere", "a court is here"), ("room 12", "room 34"), ("x \t y", "x y")]
)
def test_case_blanks_and_which_digit_do_not_matter(one, other):
    first, second = rows(example(one), example(other))
    np.testing.assert_array_equal(first, second)


def test_letters_of_scripts_without_blanks_are_words():
    chinese, reversed_order = rows(example("法院判决"), example("法院驳回"))
    words = FEATURES.num_columns // 4
    assert (chinese[:words] * reversed_order[:words]).sum() > 0.3  # 法, 院 and 法院 are shared


def test_long_texts_are_read_at_both_ends():
    long_text = "start " + "m" * 1_000_000 + " end"
    clipped = clip(long_text, 100)
    assert len(clipped) == 100
    assert clipped.startswith("start ")
    assert clipped.endswith(" end")
    assert clip("short", 100) == "short"
    first, second = rows(example(long_text), example(long_text[:-500_000] + "m" * 250_000 + " end"))
    np.testing.assert_array_equal(first, second)


def test_blank_texts_are_rows_of_zeros():
    assert not rows(example(" \n\t", "")).any()


@pytest.mark.parametrize("options", [{"bits": 7}, {"word_ngrams": 0}, {"char_ngrams": 1}, {"max_characters": 99}])
def test_options_are_checked(options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        FeatureConfig(**options)
