"""What is known of an example by where it comes from: the facts of its dataset as a `MarkerSet`."""

from typing import Any

from treasure.data.example import Example, MarkedExample
from treasure.errors import DataError, TaxonomyError
from treasure.markers.marker_set import MarkerSet
from treasure.taxonomy.taxonomy import Taxonomy


def mark_by_facts(example: Example, taxonomy: Taxonomy) -> MarkedExample:
    """The example with the facts in its metadata as markers; a fact that is None means 'not applicable'.

    Raises:
        DataError: a fact is not in the taxonomy; the message names the row and the nearest name.
    """
    facts: dict[str, Any] = example.metadata.get("facts", {})
    known = {category: value for category, value in facts.items() if value is not None}
    excluded = [category for category, value in facts.items() if value is None]
    try:
        return MarkedExample(example, MarkerSet.of(taxonomy, known, excluded))
    except TaxonomyError as error:
        raise DataError(
            f"Dataset '{example.dataset}', under facts or columns: {error}", example.metadata.get("place")
        ) from error
