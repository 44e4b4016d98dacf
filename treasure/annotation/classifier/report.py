"""What is known of a trained classifier: agreement on held-out prompts and datasets, calibration, coverage."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from treasure.annotation.classifier.agreement import Agreement, Estimate


@dataclass(frozen=True)
class LeftOut:
    """A dataset that a model was tested on without having seen any of it.

    `num_unseen` of its `num_rows` rows have only values that no other dataset has; they count as wrong.
    """

    num_rows: int
    num_unseen: int
    accuracy: float


@dataclass(frozen=True)
class CategoryReport:
    """How the classifier of one category did.

    `held_out` is cross-validated, with all rows of a prompt on one side; `other_datasets` is tested on whole datasets
    that the model has not seen, `left_out` says it of each (both only where several datasets have the category).
    Calibration errors are of held-out prompts: with temperature 1, and with a temperature from other folds. `coverage`
    is the share of held-out rows with a probability of at least `threshold`, `accuracy_covered` the accuracy on them.
    """

    counts: Mapping[str, int]
    not_learned: tuple[str, ...]
    tail: tuple[str, ...]
    num_several: int
    held_out: Agreement
    other_datasets: Agreement | None
    left_out: Mapping[str, LeftOut]
    temperature: float
    error_before: float
    error_after: float
    error_other_datasets: float | None
    threshold: float
    coverage: float
    accuracy_covered: float


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
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, float):
        return None if value != value else round(value, 4)
    return value


def _described(name: str, report: CategoryReport) -> str:
    held_out, other = report.held_out, report.other_datasets
    lines = [
        f"{name}: {held_out.num_rows} rows of {held_out.num_prompts} prompts, {len(report.counts)} values.",
        f"  held-out prompts: {_measures(held_out)}",
        f"  calibration error {report.error_before:.3f} before, {report.error_after:.3f} after; at a probability of "
        f"{report.threshold:g} it answers {report.coverage:.1%}, of which {report.accuracy_covered:.1%} are right.",
    ]
    if other is not None:
        lines.append(f"  datasets never seen: {_measures(other)}; calibration error {report.error_other_datasets:.3f}")
        lines += [
            f"    {dataset}: accuracy {one.accuracy:.3f} of {one.num_rows} rows"
            + (f", {one.num_unseen} with values that no other dataset has" if one.num_unseen else "")
            for dataset, one in report.left_out.items()
        ]
    if report.not_learned:
        lines.append(f"  too few prompts to learn: {', '.join(report.not_learned)}. These are never given.")
    return "\n".join(lines)


def _measures(found: Agreement) -> str:
    parts = [("accuracy", found.accuracy), ("macro F1", found.macro_f1), ("kappa", found.kappa)]
    parts += [(name, one) for name, one in (("head F1", found.f1_head), ("tail F1", found.f1_tail)) if one is not None]
    return ", ".join(f"{name} {_shown(estimate)}" for name, estimate in parts)


def _shown(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
