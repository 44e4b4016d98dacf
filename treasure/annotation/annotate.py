"""Says of each example what is known of it: facts of its dataset, what annotators found before, counted lengths."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from treasure.annotation.basic import fact_findings, known_language, length_findings
from treasure.annotation.finding import Finding
from treasure.annotation.settle import Settled, settle
from treasure.data.example import Example, MarkedExample
from treasure.taxonomy.taxonomy import LENGTHS, Taxonomy


class FindingSource(Protocol):
    """Something that remembers what annotators found, such as a sidecar."""

    def findings(self, example_id: str) -> Mapping[str, Finding] | None:
        """Category -> finding; None for an example that it does not know."""
        ...


def annotate(
    examples: Iterable[Example], taxonomy: Taxonomy, sources: Sequence[FindingSource] = ()
) -> Iterator[MarkedExample]:
    """Yields every example with its markers, in order, one at a time.

    Facts (`metadata['facts']`) are trusted most, then `sources` in their order; lengths about which they are silent
    are counted in the completion, in the language that is known. A category whose rule is broken by what is known
    counts as not applicable.

    Raises:
        DataError: facts that the taxonomy does not allow or that contradict each other; names dataset and value.
    """
    for example in examples:
        yield MarkedExample(example, settled(example, taxonomy, sources).markers)


def settled(example: Example, taxonomy: Taxonomy, sources: Sequence[FindingSource] = ()) -> Settled:
    """The markers of one example and who gave them.

    Raises:
        DataError: as `annotate` says.
    """
    facts = fact_findings(example, taxonomy)
    found = [findings for source in sources if (findings := source.findings(example.id)) is not None]
    language = known_language((facts, *found))
    found = [_in_unit_of(language, findings, taxonomy) for findings in found]
    known = {name for findings in (facts, *found) for name, finding in findings.items() if finding.settles}
    counted = length_findings(example, language, taxonomy, known)
    return settle(example, facts, (*found, counted), taxonomy)


def _in_unit_of(language: str | None, findings: Mapping[str, Finding], taxonomy: Taxonomy) -> Mapping[str, Finding]:
    """`findings` without lengths, if these were counted by the rules of another language than is believed now."""
    if known_language((findings,)) == language:
        return findings
    lengths = {*LENGTHS, *(c.name for c in taxonomy.categories if c.derived_from in LENGTHS)}
    return {name: finding for name, finding in findings.items() if name not in lengths}
