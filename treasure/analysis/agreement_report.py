"""From two sources to an agreement report: tables, figures, and a page that says first how far one can rely on it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from treasure.analysis.agreement import (
    DIFFERENCE,
    AgreementRow,
    CalibrationRow,
    ConfusionRow,
    ReliabilityRow,
    ValueRow,
    agreement_rows,
    calibration_rows,
    confusion,
    confusion_rows,
    value_rows,
)
from treasure.analysis.annotations import Block
from treasure.analysis.comparison import HEAD, TAIL, Comparison, CountRow, collect, compare
from treasure.analysis.config import AgreementConfig
from treasure.analysis.coverage import ALL
from treasure.analysis.figures.agreement import (
    draw_confusion,
    draw_groups,
    draw_languages,
    draw_measures,
    draw_reliability,
)
from treasure.analysis.figures.draw import Plan, SavedFigure, save_all
from treasure.analysis.finished import FinishedReport
from treasure.analysis.html import images_of, render
from treasure.analysis.tables import write_rows
from treasure.analysis.wording import brief, count, percent
from treasure.errors import ConfigError, DataError, did_you_mean
from treasure.intervals import CONFIDENCE, MIN_CLUSTERS
from treasure.jsonl import write_text
from treasure.taxonomy.taxonomy import Taxonomy


@dataclass(frozen=True, slots=True)
class Source:
    """One side of the comparison: its name for people, its blocks, and whose word is taken (None: what is settled)."""

    label: str
    blocks: Iterable[Block]
    annotator: str | None = None


@dataclass(frozen=True)
class AgreementReport(FinishedReport):
    """A finished agreement report: where it lies and all that it holds."""

    found: str
    gold: str
    num_found: int
    num_gold: int
    num_common: int
    counts: tuple[CountRow, ...]
    agreement: tuple[AgreementRow, ...]
    values: tuple[ValueRow, ...]
    confusion: tuple[ConfusionRow, ...]
    calibration: tuple[CalibrationRow, ...]
    reliability: tuple[ReliabilityRow, ...]
    figures: tuple[SavedFigure, ...]
    config: AgreementConfig


def write_agreement(
    found: Source,
    gold: Source,
    taxonomy: Taxonomy,
    folder: Path,
    *,
    title: str,
    config: AgreementConfig,
    prompts: tuple[np.ndarray, np.ndarray] | None = None,
) -> AgreementReport:
    """Compares `found` with `gold` over the examples that both know, and writes page, tables and figures.

    `prompts` holds keys of examples and the keys of their prompts, see `compare`.

    Raises:
        ConfigError: a category that the taxonomy lacks.
        DataError: the two sources have no example in common.
    """
    names = _chosen(taxonomy, config.categories)
    answers, truth = (collect(source.blocks, names, source.annotator) for source in (found, gold))
    num_common = len(np.intersect1d(answers.keys, truth.keys, assume_unique=True))
    if not num_common:
        raise DataError(
            f"{found.label} ({len(answers.keys)} examples) and {gold.label} ({len(truth.keys)}) have no example in "
            "common. Examples are known by their content: both must come from the same files, read in the same shape."
        )
    known = compare(answers, truth, taxonomy, threshold=config.tail_threshold, prompts=prompts)
    compared = [one for one in known if len(one.judged)]
    calibrations = [calibration_rows(one, config.num_resamples) for one in compared]
    closed = [one for one in compared if not one.category.is_numeric]
    matrices = {one.category.name: confusion(one.judged, one.category.value_names) for one in closed}
    agreements = tuple(row for one in compared for row in agreement_rows(one, config.num_resamples))
    calibration = tuple(row for rows, _ in calibrations for row in rows)
    reliability = tuple(row for _, rows in calibrations for row in rows)
    report = AgreementReport(
        title=title,
        folder=folder,
        found=found.label,
        gold=gold.label,
        num_found=len(answers.keys),
        num_gold=len(truth.keys),
        num_common=num_common,
        counts=tuple(one.counts for one in known),
        agreement=agreements,
        values=tuple(row for one in closed for row in value_rows(one)),
        confusion=tuple(row for name, parts in matrices.items() for row in confusion_rows(name, *parts)),
        calibration=calibration,
        reliability=reliability,
        figures=save_all(_plans(agreements, matrices, calibration, reliability, compared), folder / "figures"),
        config=config,
    )
    _write(report)
    return report


def summary(report: AgreementReport) -> list[str]:
    """The report in a few sentences."""
    lines = [
        f"Judged: {report.found}. Gold: {report.gold}. Compared over the {count(report.num_common)} examples "
        f"that both know (of {count(report.num_found)} and {count(report.num_gold)})."
    ]
    own = {(row.category, row.measure): row for row in report.agreement if row.slice_kind == ALL}
    closed = [row.category for row in report.counts if (row.category, "kappa") in own]
    answered = [name for name in closed if not math.isnan(own[name, "accuracy"].value)]
    unasked = [row.category for row in report.counts if not row.judged]
    if unasked:
        lines.append(f"Gold knows {', '.join(unasked)} too, but the other was never asked where it does.")
    if not report.agreement:
        return [*lines, "So there is nothing to judge."]
    if answered:
        ranked = sorted(answered, key=lambda name: own[name, "accuracy"].value)
        best, worst = ranked[-1], ranked[0]
        lines.append(f"Where it answers, {best} is right most often ({_told(own[best, 'accuracy'])})")
        lines[-1] += f" and {worst} least ({_told(own[worst, 'accuracy'])})." if worst != best else "."
    kappas = [f"{name} {own[name, 'kappa'].value:.2f}" for name in answered if not math.isnan(own[name, "kappa"].value)]
    if kappas:
        lines.append(f"Cohen's \N{GREEK SMALL LETTER KAPPA}: {', '.join(kappas)}.")
    silent = sorted(closed, key=lambda name: -own[name, "abstained"].value)
    if silent and own[silent[0], "abstained"].value > 0:
        told = [
            f"{name} ({percent(own[name, 'abstained'].value)})" for name in silent[:3] if own[name, "abstained"].value
        ]
        lines.append(f"It gives no answer most often for {', '.join(told)}.")
    off = [row for row in report.calibration if row.ece_low > 0.05]
    if off:
        told = [f"{row.category} ({100 * row.ece:.0f} points off)" for row in sorted(off, key=lambda row: -row.ece)]
        lines.append(f"Do not take its probabilities at face value for {', '.join(told)}.")
    elif report.calibration:
        lines.append("No probabilities are shown to be off by more than 5 points.")
    return lines


def _told(row: AgreementRow) -> str:
    if math.isnan(row.low):
        return f"{percent(row.value)}, n = {count(row.num_examples)}"
    return f"{percent(row.value)} [{100 * row.low:.1f} to {100 * row.high:.1f}]"


def _chosen(taxonomy: Taxonomy, categories: Sequence[str]) -> tuple[str, ...]:
    for name in categories:
        if name not in taxonomy:
            raise ConfigError(
                f"categories: the taxonomy has no '{name}'.{did_you_mean(name, taxonomy.names)} "
                f"Allowed: {', '.join(taxonomy.names)}."
            )
    return tuple(name for name in taxonomy.names if not categories or name in categories or name == "lang")


def _plans(
    agreements: tuple[AgreementRow, ...],
    matrices: dict[str, tuple[list[str], list[str], np.ndarray]],
    calibration: tuple[CalibrationRow, ...],
    reliability: tuple[ReliabilityRow, ...],
    compared: Sequence[Comparison],
) -> Iterable[Plan]:
    yield "measures", "Agreement", _MEASURES, lambda: draw_measures(agreements)
    yield "groups", "Head and tail", _GROUPS, lambda: draw_groups(agreements)
    yield "languages", "Language by language", _LANGUAGES, lambda: draw_languages(agreements)
    eces = {row.category: row.ece for row in calibration}
    yield "reliability", "Can probabilities be believed?", _RELIABILITY, lambda: draw_reliability(reliability, eces)
    multiple = {one.category.name for one in compared if one.judged.is_multiple}
    for name, parts in matrices.items():
        caption = _CONFUSION + (_SEVERAL if name in multiple else "")
        yield f"confusion_{name}", f"Confusion: {name}", caption, lambda name=name, p=parts: draw_confusion(name, *p)


def _write(report: AgreementReport) -> None:
    folder = report.folder
    write_rows(folder / "counts.csv", CountRow, report.counts)
    write_rows(folder / "agreement.csv", AgreementRow, report.agreement)
    write_rows(folder / "values.csv", ValueRow, report.values)
    write_rows(folder / "confusion.csv", ConfusionRow, report.confusion)
    write_rows(folder / "calibration.csv", CalibrationRow, report.calibration)
    write_rows(folder / "reliability.csv", ReliabilityRow, report.reliability)
    own = {(row.category, row.slice, row.measure): row for row in report.agreement if row.slice in (ALL, HEAD, TAIL)}
    names = [row.category for row in report.counts]
    page = render(
        "agreement.html.j2",
        report=report,
        summary=summary(report),
        images=images_of(report.figures),
        closed=[name for name in names if (name, ALL, "kappa") in own],
        numeric=[name for name in names if (name, ALL, DIFFERENCE) in own],
        cells=own,
        groups=(ALL, HEAD, TAIL),
        difference=DIFFERENCE,
        confused=sorted(
            (row for row in report.confusion if row.gold != row.found), key=lambda row: (-row.count, row.category)
        )[:30],
        method={"confidence": f"{CONFIDENCE:.0%}", "resamples": report.config.num_resamples, "fewest": MIN_CLUSTERS},
        count=count,
        percent=percent,
        brief=brief,
        isnan=math.isnan,
    )
    write_text(report.page, page)


_MEASURES = (
    "Whiskers: 95 % intervals over prompts. Macro-F1 counts every value alike, however rare, and no answer as a miss; "
    "κ takes away what chance alone would get right."
)
_GROUPS = "Share of right answers among all asked, apart for frequent (head) and rare (tail) gold values."
_LANGUAGES = "Share of right answers among all asked, by language; in brackets the most examples that any category has."
_RELIABILITY = (
    "Dots on the dashed line: right as often as said. Below: boasting. Bars: where the answers lie. Whiskers: 95 % "
    "intervals of the share right (Wilson)."
)
_CONFUSION = (
    "Rows: gold, with the number of examples; columns: what was found. Shaded by the share of the row; the frame is "
    "where both agree."
)
_SEVERAL = (
    " Several values an example: common ones stand in the frame, a missed one is spread over the wrong ones given "
    "instead, or is left out; what was given on top is added."
)
