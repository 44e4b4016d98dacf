"""What is known of a dataset before any text is read: constants, and columns that hold markers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from treasure.data.example import Example
from treasure.errors import DataError, TaxonomyError
from treasure.markers.marker_set import State
from treasure.taxonomy.taxonomy import Category, Scalar, Taxonomy

Given = Scalar | Sequence[Scalar]
"""One value of a category, or several."""


@dataclass(frozen=True, slots=True)
class ColumnFact:
    """A category that stands in `column` of a row; `values` renames what stands there, as in {'fr': 'French'}.

    An entry renamed to None, or empty in the row, leaves the category unknown; one not listed is taken as it stands.
    """

    column: str
    values: Mapping[str, Given | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DatasetFacts:
    """`constants`: category -> what holds for every row. `columns`: category -> where each row says it.

    Where both name a category the constant fills rows whose column is empty. The value 'not_applicable' says that the
    category makes no sense for the row, which is not the same as leaving it unknown.
    """

    constants: Mapping[str, Given] = field(default_factory=dict)
    columns: Mapping[str, ColumnFact] = field(default_factory=dict)


def check_facts(dataset: str, facts: DatasetFacts, taxonomy: Taxonomy) -> None:
    """Refuses facts that fit no row at all, before any row is read.

    Raises:
        DataError: an unknown category or value, or several values for a category that holds one; names the dataset.
    """
    for name, given in facts.constants.items():
        _checked(dataset, name, given, taxonomy)
    for name, column in facts.columns.items():
        _category(dataset, name, taxonomy)
        for given in column.values.values():
            if given is not None:
                _checked(dataset, name, given, taxonomy)


def facts_of(example: Example, facts: DatasetFacts, taxonomy: Taxonomy) -> tuple[dict[str, list[Scalar]], set[str]]:
    """(category -> values, categories that are not applicable) that `facts` say of `example`.

    Raises:
        DataError: a column that the row does not have, or a value that the taxonomy does not; names the dataset.
    """
    given: dict[str, Given] = dict(facts.constants)
    for name, column in facts.columns.items():
        found = _in_column(example, name, column)
        if found is not None:
            given[name] = found
    values: dict[str, list[Scalar]] = {}
    excluded: set[str] = set()
    for name, value in given.items():
        if value == State.NOT_APPLICABLE:
            excluded.add(name)
        else:
            values[name] = _checked(example.dataset, name, value, taxonomy, example.id)
    return values, excluded


def _in_column(example: Example, category: str, column: ColumnFact) -> Given | None:
    if column.column not in example.metadata:
        raise DataError(
            f"Dataset '{example.dataset}': the category '{category}' is to be read from the column '{column.column}', "
            f"which example {example.id} does not have. Its columns: {', '.join(example.metadata) or 'none'}."
        )
    raw: Any = example.metadata[column.column]
    if isinstance(raw, list | tuple):
        renamed: list[Any] = [column.values.get(str(item), item) for item in raw]
        return [item for item in renamed if item is not None] or None
    if raw is None or raw == "" or raw != raw:  # NaN is how tables spell an empty cell
        return None
    return column.values.get(str(raw), raw)


def _checked(dataset: str, name: str, given: Given, taxonomy: Taxonomy, example_id: str | None = None) -> list[Scalar]:
    """The canonical values of one category."""
    category = _category(dataset, name, taxonomy)
    if given == State.NOT_APPLICABLE:
        return []
    raw_values = [given] if isinstance(given, str) or not isinstance(given, Sequence) else given
    where = f"Dataset '{dataset}'" + (f", example {example_id}" if example_id else "")
    try:
        values = list(dict.fromkeys(category.parse(value) for value in raw_values))
    except TaxonomyError as error:
        raise DataError(f"{where}: {error} Mend the dataset's facts, or rename the value there.") from error
    if len(values) > 1 and not category.multiple:
        listed = ", ".join(map(str, values))
        raise DataError(f"{where}: category '{name}' holds one value, got {len(values)}: {listed}.")
    return values


def _category(dataset: str, name: str, taxonomy: Taxonomy) -> Category:
    try:
        return taxonomy.category(name)
    except TaxonomyError as error:
        raise DataError(f"Dataset '{dataset}': {error} Mend the dataset's facts.") from error
