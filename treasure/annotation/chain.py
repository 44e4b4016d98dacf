"""All annotators of one place over one block of examples, in order of trust, each seeing what the former found.

What a part of the sidecar holds already is read, what is missing or does not fit any more is made and written.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np

from treasure.annotation.blocks import Block
from treasure.annotation.finding import Annotator, Finding, Outcome
from treasure.annotation.llm.estimate import Estimate
from treasure.annotation.parts import PartIdentity, digest, fits, meaning, part_path, read_part, write_block, write_part
from treasure.data.example import Example
from treasure.errors import TaxonomyError, TreasureError
from treasure.taxonomy.taxonomy import Taxonomy

Known = list[dict[str, Finding]]
"""Of each example of a block what is known so far: category -> finding."""

_Key = TypeVar("_Key", tuple[str, str, str], tuple[str, str])


@runtime_checkable
class Estimating(Protocol):
    """An annotator that can say beforehand what its answers will cost."""

    def dry_run(self, examples: Sequence[Example], known: Sequence[Mapping[str, Finding]]) -> Estimate:
        """What it would still have to ask about these examples."""
        ...


NOT_ASKED = Finding("nobody", Outcome.NOT_APPLICABLE, note="not asked now")
"""Stands in what annotators are told for categories that they are not to speak of now."""

_LONGEST_NOTE = 500


@dataclass(frozen=True, slots=True)
class Task:
    """What is wanted of a run: these `categories` of `taxonomy`, in the sidecar `folder`.

    `earlier` names the annotators that have been over all blocks before, in order of trust. `retry_failed` asks again
    about parts in which something failed.
    """

    folder: Path
    taxonomy: Taxonomy
    categories: tuple[str, ...]
    earlier: tuple[str, ...] = ()
    retry_failed: bool = False


@dataclass(slots=True)
class Tally:
    """How many findings of each outcome annotators have: (annotator, category, outcome) -> number.

    `num_asked` counts those that were made now: (annotator, category) -> number of examples.
    """

    outcomes: dict[tuple[str, str, str], int] = field(default_factory=dict)
    num_asked: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, other: "Tally") -> None:
        """Adds the numbers of `other`."""
        _add(self.outcomes, other.outcomes)
        _add(self.num_asked, other.num_asked)

    def count(self, annotator: str, category: str, findings: Iterable[Finding]) -> None:
        """Counts the outcomes of `findings`."""
        for finding in findings:
            key = (annotator, category, finding.outcome.value)
            self.outcomes[key] = self.outcomes.get(key, 0) + 1


def _add(mine: dict[_Key, int], theirs: Mapping[_Key, int]) -> None:
    for key, number in theirs.items():
        mine[key] = mine.get(key, 0) + number


@dataclass(frozen=True, slots=True)
class _Ask:
    """One category of one annotator in a block: whom it concerns, and what decides the answers."""

    category: str
    places: list[int]
    identity: PartIdentity
    is_done: bool


def annotate_block(
    task: Task,
    block: Block,
    examples: Sequence[Example],
    annotators: Sequence[Annotator],
    told: Callable[[int], None] = lambda _: None,
) -> Tally:
    """Completes the parts of `block`; `told` hears how many of its examples all annotators have seen."""
    ids = [example.id for example in examples]
    write_block(task.folder, block.dataset, block.number, ids)
    known, tally = _known_from(task, block, ids), Tally()
    for number, annotator in enumerate(annotators, start=1):
        asks = _asks(task, block, examples, annotator, known)
        for ask in asks:
            path = part_path(task.folder, annotator.name, ask.category, block.dataset, block.number)
            if not ask.places:
                path.unlink(missing_ok=True)
            elif ask.is_done:
                rows = dict(read_part(path, task.taxonomy.category(ask.category)))
                tally.count(annotator.name, ask.category, rows.values())
                _learn(known, ids, ask.category, rows)
        found = _answers(task, examples, annotator, asks, known)
        for ask in asks:
            if ask.places and not ask.is_done:
                rows = {ids[place]: found[place][ask.category] for place in ask.places if ask.category in found[place]}
                _write(task, ask, rows)
                tally.num_asked[annotator.name, ask.category] = len(ask.places)
                tally.count(annotator.name, ask.category, rows.values())
                _learn(known, ids, ask.category, rows)
        told(len(examples) * number // len(annotators))
    return tally


def missing(
    task: Task,
    block: Block,
    examples: Sequence[Example],
    annotators: Sequence[Annotator],
    estimates: dict[str, Estimate],
) -> Tally:
    """What `annotate_block` would ask now, with what is known now; writes nothing.

    What annotators that cost something say of their price is added to `estimates`, by name.
    """
    ids = [example.id for example in examples]
    known, tally = _known_from(task, block, ids), Tally()
    for annotator in annotators:
        asks = _asks(task, block, examples, annotator, known)
        places, told = _told(task, annotator, asks, known)
        if places and isinstance(annotator, Estimating):
            cost = annotator.dry_run([examples[place] for place in places], told)
            estimates[annotator.name] = estimates[annotator.name] + cost if annotator.name in estimates else cost
        for ask in asks:
            path = part_path(task.folder, annotator.name, ask.category, block.dataset, block.number)
            if ask.is_done:
                rows = dict(read_part(path, task.taxonomy.category(ask.category)))
                tally.count(annotator.name, ask.category, rows.values())
                _learn(known, ids, ask.category, rows)
            elif ask.places:
                tally.num_asked[annotator.name, ask.category] = len(ask.places)
    return tally


def _known_from(task: Task, block: Block, ids: Sequence[str]) -> Known:
    known: Known = [{} for _ in ids]
    for name in task.earlier:
        for category in task.categories:
            path = part_path(task.folder, name, category, block.dataset, block.number)
            if path.is_file():
                _learn(known, ids, category, dict(read_part(path, task.taxonomy.category(category))))
    return known


def _learn(known: Known, ids: Sequence[str], category: str, rows: Mapping[str, Finding]) -> None:
    for example_id, before in zip(ids, known, strict=True):
        finding = rows.get(example_id)
        if finding is not None and not _is_settled(before, category):
            before[category] = finding


def _is_settled(known: Mapping[str, Finding], category: str) -> bool:
    return category in known and known[category].settles


def _asks(task: Task, block: Block, examples: Sequence[Example], annotator: Annotator, known: Known) -> list[_Ask]:
    """What `annotator` has to say in this block, done or not."""
    block_ids = digest(example.id for example in examples)
    asks: list[_Ask] = []
    for category in task.categories:
        if category not in annotator.categories:
            continue
        places = [place for place, before in enumerate(known) if not _is_settled(before, category)]
        context = [name for name in annotator.reads if name != category]
        identity = PartIdentity(
            annotator=annotator.name,
            version=annotator.version,
            category=category,
            meaning=meaning(task.taxonomy.category(category)),
            dataset=block.dataset,
            block=block.number,
            ids=block_ids,
            asked=digest(_told_line(examples[place], known[place], category, context) for place in places),
        )
        path = part_path(task.folder, annotator.name, category, block.dataset, block.number)
        is_done = fits(path, identity) and not (task.retry_failed and _has_failed(path, task, category))
        asks.append(_Ask(category, places, identity, is_done))
    return asks


def _told_line(example: Example, known: Mapping[str, Finding], category: str, context: Sequence[str]) -> str:
    """All but the text of `example` that decides what an annotator says of `category`."""
    fact = example.metadata.get("facts", {}).get(category, "")
    return f"{example.id} {fact} {[known[name].values for name in context if name in known]}"


def _has_failed(path: Path, task: Task, category: str) -> bool:
    return any(found.outcome is Outcome.FAILED for _, found in read_part(path, task.taxonomy.category(category)))


def _answers(
    task: Task, examples: Sequence[Example], annotator: Annotator, asks: Sequence[_Ask], known: Known
) -> dict[int, dict[str, Finding]]:
    """Place of an example -> what `annotator` finds of the categories that are not done."""
    places, told = _told(task, annotator, asks, known)
    if not places:
        return {}
    open_asks = _open_asks(asks)
    found = _ask(annotator, [examples[place] for place in places], told, sorted(open_asks))
    return {
        place: {
            name: _checked(finding, annotator.name, task.taxonomy, name)
            for name, finding in findings.items()
            if place in open_asks.get(name, ())
        }
        for place, findings in zip(places, found, strict=True)
    }


def _open_asks(asks: Sequence[_Ask]) -> dict[str, set[int]]:
    """Category -> places of the examples that it is still to be asked about."""
    return {ask.category: set(ask.places) for ask in asks if not ask.is_done}


def _told(
    task: Task, annotator: Annotator, asks: Sequence[_Ask], known: Known
) -> tuple[list[int], list[dict[str, Finding]]]:
    """The places that `annotator` is asked about, and what it is told of each: other categories look settled."""
    open_asks = _open_asks(asks)
    places = sorted(set().union(*open_asks.values()))
    told_of = {*open_asks, *(name for name in annotator.reads if name not in annotator.categories)}
    shut = {name: NOT_ASKED for name in (*annotator.categories, *task.taxonomy.names) if name not in told_of}
    told = [{**shut, **known[place]} for place in places]
    for before in told:
        for name in shut.keys() & before.keys():
            if not before[name].settles:
                before[name] = NOT_ASKED
    return places, told


def _ask(
    annotator: Annotator, examples: Sequence[Example], known: Sequence[Mapping[str, Finding]], categories: Sequence[str]
) -> list[dict[str, Finding]]:
    """What `annotator` says; an example that it cannot stand fails alone."""
    try:
        found = annotator.annotate(examples, known)
        assert len(found) == len(examples), f"{annotator.name} answered {len(found)} of {len(examples)} examples"
        return found
    except TreasureError:
        raise
    except Exception as error:  # noqa: BLE001  # kept as a finding, which says what it was
        if len(examples) == 1:
            note = f"{type(error).__name__}: {error}"
            return [{name: Finding(annotator.name, Outcome.FAILED, note=note) for name in categories}]
    half = len(examples) // 2
    return _ask(annotator, examples[:half], known[:half], categories) + _ask(
        annotator, examples[half:], known[half:], categories
    )


def _checked(finding: Finding, annotator: str, taxonomy: Taxonomy, name: str) -> Finding:
    """`finding` as the sidecar will give it back: a probability in 32 bits, values that the category has."""
    category, note = taxonomy.category(name), finding.note[:_LONGEST_NOTE].encode(errors="replace").decode()
    try:
        values = tuple(category.parse(value) for value in finding.values)
        if finding.outcome is Outcome.FOUND and not (values and (category.multiple or len(values) == 1)):
            raise TaxonomyError(f"{len(values)} values for '{name}'.")
    except TaxonomyError as error:
        return Finding(annotator, Outcome.FAILED, note=f"it said what cannot be: {error}"[:_LONGEST_NOTE])
    probability = None if finding.probability is None else float(np.float32(finding.probability))
    return replace(finding, values=values, probability=probability, note=note)


def _write(task: Task, ask: _Ask, rows: Mapping[str, Finding]) -> None:
    taxonomy = {"taxonomy": task.taxonomy.name, "taxonomy_hash": task.taxonomy.hash}
    write_part(task.folder, ask.identity, list(rows.items()), taxonomy)


def categories_of(taxonomy: Taxonomy, wanted: Collection[str]) -> tuple[str, ...]:
    """The categories to annotate, in the taxonomy's order; all of them where none is named.

    Raises:
        TaxonomyError: one that the taxonomy does not have.
    """
    names = {taxonomy.category(name).name for name in wanted} or set(taxonomy.names)
    return tuple(name for name in taxonomy.names if name in names)
