"""Head and tail for records of benchmarks that know nothing of the training mixture."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from treasure.data.frequency import Frequency
from treasure.evaluation.benchmarks.language_pairs import NAMES
from treasure.evaluation.record import EvaluationRecord

_LANGUAGE = "lang"
HEAD, TAIL = "head", "tail"


def with_groups(
    records: Sequence[EvaluationRecord], frequency: Frequency, tail_threshold: float = 0.05
) -> list[EvaluationRecord]:
    """`records` with the group of each slice that is a category of the training mixture and has a value of it.

    Languages may be codes there ('de') and names here ('German'). A value that the taxonomy does not have, such as a
    topic that a prompt file made up, is in neither group.
    """
    return [replace(record, groups=_groups(record, frequency, tail_threshold)) for record in records]


def by_group(
    records: Sequence[EvaluationRecord], category: str
) -> Iterator[tuple[Mapping[str, str], list[EvaluationRecord]]]:
    """(slice, records) of the head and of the tail of `category`; nothing where not both are there."""
    found = {group: [record for record in records if record.groups.get(category) == group] for group in (HEAD, TAIL)}
    if all(found.values()):
        for group, members in found.items():
            yield {f"{category} group": group}, members


def _groups(record: EvaluationRecord, frequency: Frequency, tail_threshold: float) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in record.slices.items():
        known = frequency.categories[name].values if name in frequency.categories else ()
        names = (value, NAMES.get(value, value)) if name == _LANGUAGE else (value,)
        own = next((each for each in names if each in known), None)
        if own is not None:
            found[name] = frequency.group(name, own, tail_threshold)
    return found
