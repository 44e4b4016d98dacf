"""The names that options know are those of the annotators that are made."""

import pytest

from treasure.annotation.build import _CONSTRUCTORS, build_annotators
from treasure.annotation.config import ANNOTATORS, AnnotatorsConfig


def test_each_name_can_be_built():
    assert set(_CONSTRUCTORS) == set(ANNOTATORS)


@pytest.mark.parametrize("name", ["facts", "rules", "lengths"])
def test_an_annotator_is_called_what_the_options_call_it(name, taxonomy):
    (phase,) = build_annotators(AnnotatorsConfig(order=[name]), taxonomy)
    assert phase.names == (name,) and [annotator.name for annotator in phase.build()] == [name]
