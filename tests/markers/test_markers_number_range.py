"""Numbers of a header are those that the taxonomy takes and that lie in the bucket beside them."""

from hypothesis import given
from hypothesis import strategies as st

from treasure.errors import TaxonomyError
from treasure.markers.number_range import number_range
from treasure.taxonomy.taxonomy import Category, Kind, Taxonomy, Value

_hundredths = st.integers(-300, 300).map(lambda number: number / 100)


@given(st.lists(_hundredths, min_size=1, max_size=3, unique=True), _hundredths | st.none(), _hundredths | st.none(),
       st.integers(0, 2), st.data())  # fmt: skip
def test_a_range_holds_what_the_taxonomy_takes_and_the_bucket_means(edges, minimum, maximum, decimals, data):
    """Edges and bounds may lie between two numbers."""
    names = "abcd"[: len(edges) + 1]
    bucket = Category(
        "size", Kind.ORDINAL, values=tuple(map(Value, names)), derived_from="score", edges=tuple(sorted(edges))
    )
    score = Category("score", Kind.DECIMAL, minimum=minimum, maximum=maximum, decimals=decimals)
    taxonomy, value = Taxonomy("one", (bucket, score)), data.draw(st.sampled_from(names))
    first, last = number_range(taxonomy, score, {"size": value, "other": "x"}, 1000)
    scale = 10**decimals
    for number in range(-4 * scale, 4 * scale + 1):
        wanted = takes(score, number / scale) and bucket.bucket(number / scale) == value
        assert (first <= number <= last) is wanted, number / scale


def takes(category, number):
    try:
        category.parse(number)
    except TaxonomyError:
        return False
    return True


def test_whole_numbers_without_bounds_end_at_the_greatest():
    taxonomy = Taxonomy("one", (Category("words", Kind.INTEGER), Category("score", Kind.DECIMAL, decimals=1)))
    assert number_range(taxonomy, taxonomy.category("words"), {}, 500) == (0, 500)
    assert number_range(taxonomy, taxonomy.category("score"), {}, 500) == (-1000, 1000)
