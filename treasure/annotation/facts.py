"""What an example is known to be by where it comes from: the facts its reader found, checked against the taxonomy."""

from collections.abc import Mapping, Sequence
from typing import Any

from treasure.data.example import Example
from treasure.errors import DataError, TaxonomyError
from treasure.markers.marker_set import State
from treasure.taxonomy.taxonomy import Scalar, Taxonomy


def facts_of(example: Example, taxonomy: Taxonomy) -> tuple[dict[str, list[Scalar]], set[str]]:
    """(category -> values, categories that are not applicable) from `metadata['facts']`, as readers fill it.

    A fact is a value, a list of values, or 'not_applicable', which says that the category makes no sense here; that is
    not the same as leaving it out, which says that nothing is known.

    Raises:
        DataError: an unknown category or value, or several values for a category that holds one; names the dataset.
    """
    given: Mapping[str, Any] = example.metadata.get("facts", {})
    values: dict[str, list[Scalar]] = {}
    excluded: set[str] = set()
    for name, fact in given.items():
        try:
            category = taxonomy.category(name)
            if fact == State.NOT_APPLICABLE:
                excluded.add(name)
                continue
            raw_values = [fact] if isinstance(fact, str) or not isinstance(fact, Sequence) else fact
            values[name] = list(dict.fromkeys(category.parse(raw) for raw in raw_values))
        except TaxonomyError as error:
            raise fact_error(example, str(error)) from error
        if len(values[name]) > 1 and not category.multiple:
            listed = ", ".join(map(str, values[name]))
            raise fact_error(example, f"Category '{name}' holds one value, got {len(values[name])}: {listed}.")
    return values, excluded


def fact_error(example: Example, message: str) -> DataError:
    """The error for facts of `example` that cannot be, with the row's place, the dataset and what to do."""
    return DataError(
        f"Dataset '{example.dataset}', example {example.id}: {message} Mend the dataset's `facts` or `columns`.",
        example.metadata.get("place"),
    )
