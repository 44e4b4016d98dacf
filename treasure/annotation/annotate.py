"""Says of each example what can be known without asking anyone: facts of its dataset, then counted lengths."""

from collections.abc import Iterable, Iterator, Mapping

from treasure.annotation.facts import DatasetFacts, check_facts, facts_of
from treasure.annotation.lengths import length_values
from treasure.data.example import Example, MarkedExample
from treasure.errors import DataError, TaxonomyError
from treasure.markers.marker_set import MarkerSet, applies
from treasure.taxonomy.taxonomy import Scalar, Taxonomy


def annotate(
    examples: Iterable[Example], taxonomy: Taxonomy, facts_by_dataset: Mapping[str, DatasetFacts]
) -> Iterator[MarkedExample]:
    """Yields every example with its markers, in order, one at a time.

    Facts are trusted most; lengths are counted in the completion, in the language that the facts name, for categories
    about which the facts are silent. A category whose rule is broken by what is known counts as not applicable.
    Datasets without an entry in `facts_by_dataset` have no facts.

    Raises:
        DataError: facts that the taxonomy does not allow or that contradict each other; names dataset and value.
    """
    for dataset, facts in facts_by_dataset.items():
        check_facts(dataset, facts, taxonomy)
    no_facts = DatasetFacts()
    for example in examples:
        yield MarkedExample(example, _markers(example, facts_by_dataset.get(example.dataset, no_facts), taxonomy))


def _markers(example: Example, facts: DatasetFacts, taxonomy: Taxonomy) -> MarkerSet:
    values, excluded = facts_of(example, facts, taxonomy)
    counted = length_values(example.completion, _language(values), taxonomy)
    found = {name: [value] for name, value in counted.items() if name not in excluded} | values
    _settle_buckets(example, found, values, excluded, taxonomy)
    try:
        markers = MarkerSet.of(taxonomy, found, excluded)
    except TaxonomyError as error:
        raise DataError(
            f"Dataset '{example.dataset}', example {example.id}: {error} Mend the dataset's facts."
        ) from error
    unfit = {name for name in taxonomy.names if name not in markers and not applies(taxonomy, markers, name)}
    return MarkerSet(markers.markers, markers.not_applicable | unfit)


def _language(values: Mapping[str, list[Scalar]]) -> str | None:
    languages = values.get("lang")
    return str(languages[0]) if languages else None


def _settle_buckets(
    example: Example,
    found: dict[str, list[Scalar]],
    facts: Mapping[str, list[Scalar]],
    excluded: set[str],
    taxonomy: Taxonomy,
) -> None:
    """Makes numbers and the buckets derived from them agree in `found`; where they differ the fact wins."""
    for category in taxonomy.categories:
        number_name = category.derived_from
        if number_name is None or number_name not in found or category.name in excluded:
            continue
        number = found[number_name][0]
        bucket = category.bucket(float(number))
        given = facts.get(category.name, [bucket])[0]
        if given == bucket:
            found[category.name] = [bucket]
        elif number_name not in facts:
            del found[number_name]  # the count uses another unit than whoever stated the bucket
        else:
            raise DataError(
                f"Dataset '{example.dataset}', example {example.id}: {category.name} is {given}, but {number_name} is "
                f"{number}, which makes it {bucket}. Mend the dataset's facts."
            )
