"""Says of each example what can be known without asking anyone: facts of its dataset, then counted lengths."""

from collections.abc import Iterable, Iterator, Mapping

from treasure.annotation.facts import fact_error, facts_of
from treasure.annotation.lengths import length_values
from treasure.data.example import Example, MarkedExample
from treasure.errors import TaxonomyError
from treasure.markers.marker_set import MarkerSet, applies
from treasure.taxonomy.taxonomy import Scalar, Taxonomy


def annotate(examples: Iterable[Example], taxonomy: Taxonomy) -> Iterator[MarkedExample]:
    """Yields every example with its markers, in order, one at a time.

    Facts (`metadata['facts']`) are trusted most; lengths are counted in the completion, in the language that the facts
    name, for categories about which the facts are silent. A category whose rule is broken by what is known counts as
    not applicable.

    Raises:
        DataError: facts that the taxonomy does not allow or that contradict each other; names dataset and value.
    """
    for example in examples:
        yield MarkedExample(example, _markers(example, taxonomy))


def _markers(example: Example, taxonomy: Taxonomy) -> MarkerSet:
    facts, excluded = facts_of(example, taxonomy)
    counted = length_values(example.completion, _language(facts), taxonomy)
    found = {name: [value] for name, value in counted.items() if name not in excluded} | facts
    _settle_buckets(example, found, facts, excluded, taxonomy)
    try:
        markers = MarkerSet.of(taxonomy, found, excluded)
    except TaxonomyError as error:
        raise fact_error(example, str(error)) from error
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
            raise fact_error(
                example,
                f"{category.name} is {given}, but {number_name} is {number}, which makes it {bucket}.",
            )
