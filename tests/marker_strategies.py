"""Hypothesis strategies for marker sets of the shipped taxonomy, shared by the marker tests."""

from hypothesis import strategies as st

from treasure.markers.marker_set import MarkerSet, applies
from treasure.taxonomy.taxonomy import Category, Kind, Taxonomy


def value_lists(category: Category) -> st.SearchStrategy:
    """Lists of valid values for `category`, as many as it may hold."""
    if category.kind is Kind.INTEGER:
        return st.lists(st.integers(0, 2**50), min_size=1, max_size=1)
    if category.kind is Kind.DECIMAL:
        return st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=1)
    largest = 3 if category.multiple else 1
    return st.lists(st.sampled_from(category.value_names), min_size=1, max_size=largest, unique=True)


@st.composite
def marker_sets(draw: st.DrawFn, taxonomy: Taxonomy) -> MarkerSet:
    """Any set that obeys the taxonomy's rules, the empty one included."""
    names = draw(st.lists(st.sampled_from(taxonomy.names), unique=True))
    values = {name: draw(value_lists(taxonomy.category(name))) for name in names}
    domain = MarkerSet.of(taxonomy, {name: listed for name, listed in values.items() if name == "domain"})
    return MarkerSet.of(taxonomy, {name: listed for name, listed in values.items() if applies(taxonomy, domain, name)})
