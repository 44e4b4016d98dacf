import pytest

from treasure.plurals import plural


@pytest.mark.parametrize(("number", "text"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows")])
def test_only_one_is_singular(number, text):
    assert plural(number, "row") == text


def test_nouns_without_an_s():
    assert plural(1, "category", "categories") == "1 category"
    assert plural(2, "category", "categories") == "2 categories"
