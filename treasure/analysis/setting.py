"""What a reader must know of the runs behind a report: seeds, sizes, the price of markers, and surroundings."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from treasure.analysis.collect import Run, RunTable
from treasure.analysis.wording import count, duration


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the setting: what, for Baseline, for the marked model. `ratio` is marked over Baseline, or empty."""

    name: str
    baseline: str
    marked: str
    ratio: str = ""


_AMOUNTS = (
    ("num_parameters", "parameters", count),
    ("num_trainable_parameters", "parameters trained", count),
    ("steps", "optimizer steps", count),
    ("num_examples", "training examples seen", count),
    ("num_tokens", "training tokens seen", count),
    ("padding_share", "padding, share of all positions", lambda value: f"{value:.1%}"),
    ("flops", "training operations (FLOPs)", lambda value: f"{value:.2e}"),
    ("train_seconds", "training time", duration),
    ("evaluation_seconds", "evaluation time", duration),
)


def setting_facts(runs: RunTable) -> tuple[Fact, ...]:
    """The averages over seeds of all amounts that the summaries hold, side by side."""
    facts = [
        Fact("runs", ", ".join(_names(runs.baselines)), ", ".join(_names(runs.marked))),
        Fact("surface of markers", "none", runs.marked[0].markers),
    ]
    for key, name, show in _AMOUNTS:
        before, after = _mean(runs.baselines, key), _mean(runs.marked, key)
        if before is not None and after is not None:
            ratio = (
                f"\N{MULTIPLICATION SIGN} {after / before:.2f}"
                if before > 0 and f"{after / before:.2f}" != "1.00"
                else ""
            )
            facts.append(Fact(name, show(before), show(after), ratio))
    return tuple(facts)


def provenance_lines(runs: RunTable) -> tuple[tuple[str, str], ...]:
    """Dotted name and value of all that the runs recorded of their surroundings; several values where runs differ."""
    found: dict[str, dict[str, None]] = {}
    for run in runs.runs:
        for name, value in _flatten(run.provenance):
            found.setdefault(name, {})[value] = None
    return tuple((name, " | ".join(values)) for name, values in found.items())


def _names(runs: Iterable[Run]) -> list[str]:
    return list(dict.fromkeys(run.name for run in runs))


def _mean(runs: tuple[Run, ...], key: str) -> float | None:
    values = [run.summary.get(key) for run in runs]
    numbers = [float(value) for value in values if isinstance(value, int | float)]
    return sum(numbers) / len(numbers) if len(numbers) == len(values) else None


def _flatten(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            found += _flatten(value, f"{prefix}{name}.")
        elif value is not None:
            found.append((f"{prefix}{name}", ", ".join(map(str, value)) if isinstance(value, list) else str(value)))
    return found
