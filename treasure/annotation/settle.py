"""Decides what is believed of an example: findings of all annotators, in order of trust, become one `MarkerSet`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from treasure.annotation.facts import fact_error
from treasure.annotation.finding import Finding, Outcome
from treasure.data.example import Example
from treasure.errors import TaxonomyError
from treasure.markers.marker_set import MarkerSet, applies
from treasure.taxonomy.taxonomy import AppliesWhen, Scalar, Taxonomy


@dataclass(frozen=True, slots=True)
class Settled:
    """The markers of one example, the finding that each of its categories comes from, and what was not believed."""

    markers: MarkerSet
    given: Mapping[str, Finding]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Said:
    """A finding and how far its annotator is trusted: 0 for facts, then the lower the more."""

    rank: int
    finding: Finding


def settle(
    example: Example, facts: Mapping[str, Finding], others: Sequence[Mapping[str, Finding]], taxonomy: Taxonomy
) -> Settled:
    """What is believed when the dataset states `facts` and annotators say `others` (category -> finding), in order.

    Of each category the first finding that settles it counts. A number and the bucket derived from it are made to
    agree, and of values that exclude each other (`applies_when`) one is dropped: the less trusted. A category whose
    rule is broken by what is known counts as not applicable.

    Raises:
        DataError: facts contradict each other; names dataset and value.
    """
    _check_facts(example, facts, taxonomy)
    best: dict[str, _Said] = {}
    for rank, findings in enumerate((facts, *others)):
        for name, finding in findings.items():
            if finding.settles and name not in best and name in taxonomy:
                best[name] = _Said(rank, finding)
    notes: list[str] = []
    _make_buckets_agree(example, best, notes, taxonomy)
    _drop_what_cannot_be(best, notes, taxonomy)
    values = {name: list(said.finding.values) for name, said in best.items() if _is_found(said)}
    excluded = {name for name, said in best.items() if not _is_found(said)}
    markers = MarkerSet.of(taxonomy, values, excluded)
    unfit = {name for name in taxonomy.names if name not in markers and not applies(taxonomy, markers, name)}
    given = {name: best[name].finding for name in sorted(best, key=taxonomy.index)}
    return Settled(MarkerSet(markers.markers, markers.not_applicable | unfit), given, tuple(notes))


def _check_facts(example: Example, facts: Mapping[str, Finding], taxonomy: Taxonomy) -> None:
    values: dict[str, list[Scalar]] = {n: list(f.values) for n, f in facts.items() if f.outcome is Outcome.FOUND}
    try:
        MarkerSet.of(taxonomy, values)
    except TaxonomyError as error:
        raise fact_error(example, str(error)) from error


def _is_found(said: _Said) -> bool:
    return said.finding.outcome is Outcome.FOUND


def _make_buckets_agree(example: Example, best: dict[str, _Said], notes: list[str], taxonomy: Taxonomy) -> None:
    """Makes numbers and the buckets derived from them agree in `best`; the more trusted of the two wins."""
    for category in taxonomy.categories:
        number, said = best.get(category.derived_from or ""), best.get(category.name)
        if number is None or not _is_found(number):
            continue
        bucket = category.bucket(float(number.finding.values[0]))
        if said is None or (said.rank > number.rank and said.finding.values != (bucket,)):
            derived = replace(number.finding, outcome=Outcome.FOUND, values=(bucket,))
            best[category.name] = _Said(number.rank, derived)
        elif _is_found(said) and said.finding.values != (bucket,):
            if number.rank == 0:
                raise fact_error(
                    example,
                    f"{category.name} is {said.finding.values[0]}, but {category.derived_from} is "
                    f"{number.finding.values[0]}, which makes it {bucket}.",
                )
            # whoever counted used another unit than whoever stated the bucket
            del best[str(category.derived_from)]
            notes.append(f"{_told(str(category.derived_from), number)} dropped: {_told(category.name, said)}.")


def _drop_what_cannot_be(best: dict[str, _Said], notes: list[str], taxonomy: Taxonomy) -> None:
    """Takes findings in order of trust, and leaves out of `best` each that one taken before it excludes."""
    rules = {category.name: category.applies_when for category in taxonomy.categories if category.applies_when}
    if not any(name in best for name in rules):
        return
    taken: dict[str, _Said] = {}
    for name in sorted(best, key=lambda name: (best[name].rank, taxonomy.index(name))):
        trial = {**taken, name: best[name]}
        broken = next((other for other, rule in rules.items() if _breaks(trial, other, rule)), None)
        if broken is None:
            taken = trial
            continue
        against = rules[broken].category if name == broken else broken
        notes.append(f"{_told(name, best[name])} dropped: {_told(against, best[against])}.")
    for name in set(best) - set(taken):
        del best[name]


def _breaks(taken: Mapping[str, _Said], name: str, rule: AppliesWhen) -> bool:
    own, other = taken.get(name), taken.get(rule.category)
    if own is None or other is None or not _is_found(own) or not _is_found(other):
        return False
    return not set(other.finding.values) & set(rule.values)


def _told(name: str, said: _Said) -> str:
    values = ", ".join(map(str, said.finding.values)) or said.finding.outcome.value
    return f"{name} {values} ({said.finding.annotator})"
