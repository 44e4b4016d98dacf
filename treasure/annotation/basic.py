"""The two annotators that need no model: facts of the dataset, and lengths counted in the completion."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from treasure.annotation.facts import facts_of
from treasure.annotation.finding import Finding, Outcome
from treasure.annotation.lengths import length_values
from treasure.data.example import Example
from treasure.provenance import package_version
from treasure.taxonomy.taxonomy import LENGTHS, Taxonomy

FACTS, COUNTS = "facts", "lengths"
"""Names of the two in sidecars and reports."""


def fact_findings(example: Example, taxonomy: Taxonomy) -> dict[str, Finding]:
    """Category -> what the dataset of `example` states.

    Raises:
        DataError: a fact that the taxonomy does not have; names the dataset.
    """
    values, excluded = facts_of(example, taxonomy)
    found = {name: Finding(FACTS, Outcome.FOUND, tuple(given)) for name, given in values.items()}
    return found | {name: Finding(FACTS, Outcome.NOT_APPLICABLE) for name in excluded}


def length_findings(
    example: Example, language: str | None, taxonomy: Taxonomy, known: Collection[str] = ()
) -> dict[str, Finding]:
    """Category -> size of the completion of `example`, for all that is counted or follows; nothing if all is known."""
    if all(name in known for name in length_categories(taxonomy)):
        return {}
    counted = length_values(example.completion, language, taxonomy)
    return {name: Finding(COUNTS, Outcome.FOUND, (value,)) for name, value in counted.items()}


def length_categories(taxonomy: Taxonomy) -> tuple[str, ...]:
    """The categories that are counted or follow from a count."""
    return tuple(c.name for c in taxonomy.categories if c.name in LENGTHS or c.derived_from in LENGTHS)


def known_language(stages: Iterable[Mapping[str, Finding]]) -> str | None:
    """The language that the first of `stages` which settles it names; None where it is not known."""
    for findings in stages:
        finding = findings.get("lang")
        if finding is not None and finding.settles:
            return str(finding.values[0]) if finding.values else None
    return None


class FactsAnnotator:
    """States what the reader found in the dataset's own `facts` and `columns`."""

    name, version = FACTS, "1"
    reads = ()

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.categories = taxonomy.names
        self._taxonomy = taxonomy

    def annotate(self, examples: Sequence[Example], known: Sequence[Mapping[str, Finding]]) -> list[dict[str, Finding]]:
        """The facts about categories that `known` does not settle; it abstains from none."""
        return [
            {
                name: finding
                for name, finding in fact_findings(example, self._taxonomy).items()
                if _is_open(name, before)
            }
            for example, before in zip(examples, known, strict=True)
        ]


class LengthsAnnotator:
    """Counts tokens, sentences and paragraphs of the completion in its language."""

    name = COUNTS
    reads = ("lang",)

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.categories = length_categories(taxonomy)
        self.version = f"1, spacy {package_version('spacy')}"
        self._taxonomy = taxonomy

    def annotate(self, examples: Sequence[Example], known: Sequence[Mapping[str, Finding]]) -> list[dict[str, Finding]]:
        """The sizes about which `known` is silent, counted in the language that it names."""
        return [
            {
                name: finding
                for name, finding in length_findings(example, known_language((before,)), self._taxonomy).items()
                if _is_open(name, before)
            }
            for example, before in zip(examples, known, strict=True)
        ]


def _is_open(name: str, known: Mapping[str, Finding]) -> bool:
    return name not in known or not known[name].settles
