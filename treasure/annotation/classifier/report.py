"""What is known of a trained classifier: agreement on held-out prompts and datasets, calibration, coverage."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from treasure.annotation.classifier.agreement import Agreement
from treasure.intervals import Interval


@dataclass(frozen=True)
class LeftOut:
    """A dataset that a model was tested on without having seen any of it.

    `num_unseen` of its `num_rows` rows have only values that no other dataset has; they count as wrong. `coverage` and
    `accuracy_covered` as in `Trial`.
    """

    num_rows: int
    num_unseen: int
    accuracy: float
    coverage: float
    accuracy_covered: float


@dataclass(frozen=True)
class Trial:
    """How models did on what they had not seen.

    Calibration errors are of the probabilities of first values: `error_before` at temperature 1, `error_after` at the
    model's, fitted without the part of the data that is measured. `coverage` is the share of rows with a probability of
    at least the threshold, `accuracy_covered` the accuracy on them.
    """

    agreement: Agreement
    error_before: float
    error_after: float
    coverage: float
    accuracy_covered: float


@dataclass(frozen=True)
class CategoryReport:
    """How the classifier of one category did.

    `prompts` is a cross-validation in which all rows of a prompt are on one side. `datasets` leaves whole datasets out,
    one at a time, and `left_out` tells each; None and empty where there is one dataset only. The temperature is that of
    `datasets` if there is one: what a classifier is asked about later comes from other data too.
    """

    counts: Mapping[str, int]
    not_learned: tuple[str, ...]
    tail: tuple[str, ...]
    num_several: int
    temperature: float
    threshold: float
    prompts: Trial
    datasets: Trial | None
    left_out: Mapping[str, LeftOut]


@dataclass(frozen=True)
class Report:
    """Category -> how it did, and the hash of the model."""

    model: str
    categories: Mapping[str, CategoryReport]

    def to_dict(self) -> dict[str, Any]:
        """The report as data that JSON can hold."""
        return _plain(asdict(self))

    def describe(self) -> str:
        """A few lines a category, for people."""
        return "\n\n".join(_described(name, report) for name, report in self.categories.items())


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, np.ndarray | tuple):
        return list(value) if isinstance(value, tuple) else value.tolist()
    if isinstance(value, float):
        return None if value != value else round(value, 4)
    return value


def _described(name: str, report: CategoryReport) -> str:
    found = report.prompts.agreement
    lines = [
        f"{name}: {found.num_rows} rows of {found.num_prompts} prompts, {len(report.counts)} values.",
        *_lines("prompts never seen", report.prompts, report.threshold),
    ]
    if report.datasets is not None:
        lines += _lines("datasets never seen", report.datasets, report.threshold)
    lines += [
        f"    {dataset}: accuracy {one.accuracy:.3f} of {one.num_rows} rows; {one.coverage:.1%} answered, of which "
        f"{one.accuracy_covered:.1%} right"
        + (f", {one.num_unseen} of them with values that no other dataset has" if one.num_unseen else "")
        for dataset, one in report.left_out.items()
    ]
    if report.not_learned:
        lines.append(f"  too few prompts to learn: {', '.join(report.not_learned)}. These are never given.")
    return "\n".join(lines)


def _lines(name: str, trial: Trial, threshold: float) -> list[str]:
    found = trial.agreement
    parts = [("accuracy", found.accuracy), ("macro F1", found.macro_f1), ("kappa", found.kappa)]
    parts += [(name, one) for name, one in (("head F1", found.f1_head), ("tail F1", found.f1_tail)) if one is not None]
    return [
        f"  {name}: {', '.join(f'{part} {_shown(interval)}' for part, interval in parts)}",
        f"    calibration error {trial.error_before:.3f} before, {trial.error_after:.3f} after; at a probability of "
        f"{threshold:g} it answers {trial.coverage:.1%}, of which {trial.accuracy_covered:.1%} are right.",
    ]


def _shown(interval: Interval) -> str:
    return f"{interval.estimate:.3f} [{interval.low:.3f}, {interval.high:.3f}]"
