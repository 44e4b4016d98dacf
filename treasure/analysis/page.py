"""Renders the report's page: one HTML file that holds its figures and needs nothing else."""

import math
from collections.abc import Mapping
from typing import Any

from treasure.analysis.benchmarks import benchmark_info, metric_info
from treasure.analysis.collect import RunTable
from treasure.analysis.contents import Report
from treasure.analysis.html import images_of, render
from treasure.analysis.lifts import ALL, HEAD, TAIL, DifferenceRow
from treasure.analysis.marker_accuracy import DIFFERENCE, OBEYED, AccuracyRow
from treasure.analysis.summary_table import SUMMARY_REGIMES, summary_lines
from treasure.analysis.verdicts import judge
from treasure.analysis.wording import interval, rate, signed
from treasure.intervals import CONFIDENCE, MIN_CLUSTERS

_NUM_SENTENCES = 6
"""Findings of a study of levers that are in view; the others open on a click."""
_REGIME_NAMES = {"baseline": "Baseline", "inferred": "Markers inferred", "fixed": "Markers fixed"}


def render_page(report: Report) -> str:
    """The whole page as HTML; everything that comes from prompts or models is escaped."""
    return render(
        "report.html.j2",
        report=report,
        headlines=[verdict for verdict in report.verdicts if verdict.is_headline],
        details=[verdict for verdict in report.verdicts if not verdict.is_headline],
        images=images_of([*report.figures, *(figure for saved in report.studies for figure in saved.figures)]),
        summary=summary_lines(report.lifts),
        regimes=[_REGIME_NAMES[regime] for regime in SUMMARY_REGIMES],
        regime_names=_REGIME_NAMES,
        differences=_leading_differences(report),
        accuracy=_accuracy_lines(report.accuracy),
        num_prompts=len({(record.benchmark, record.prompt_id) for record in report.runs.baselines[0].at()}),
        folders=_folders(report.runs),
        method={
            "confidence": f"{CONFIDENCE:.0%}",
            "resamples": report.resampling.num_resamples,
            "fewest": MIN_CLUSTERS,
        },
        labels={example.benchmark: benchmark_info(example.benchmark).label for example in report.examples},
        shown=_shown,
        num_sentences=_NUM_SENTENCES,
    )


def _leading_differences(report: Report) -> list[dict[str, Any]]:
    """Tail against head of every benchmark in its primary metric and main category."""
    found: list[dict[str, Any]] = []
    for row in report.differences:
        own = [r for r in report.differences if r.benchmark == row.benchmark]
        info = benchmark_info(row.benchmark, {r.metric for r in own}, {r.category for r in own})
        if row.regime in SUMMARY_REGIMES and (row.metric, row.category) == (info.primary, info.category):
            found.append(_difference_line(row, info.label))
    return found


def _difference_line(row: DifferenceRow, label: str) -> dict[str, Any]:
    metric = metric_info(row.metric)
    return {
        "benchmark": label,
        "metric": metric.label,
        "regime": row.regime,
        "tail": signed(row.tail_lift, metric),
        "head": signed(row.head_lift, metric),
        "difference": signed(row.difference, metric),
        "interval": interval(row.low, row.high, metric),
        "answer": judge(row.low, row.high, metric.sign),
    }


def _accuracy_lines(rows: tuple[AccuracyRow, ...]) -> list[dict[str, Any]]:
    """One line for each category and measure, with its cells for all, head and tail prompts."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        line = found.setdefault((row.measure, row.category), {"category": row.category, "measure": row.measure})
        line[row.group] = _accuracy_cell(row)
    order = {DIFFERENCE: 1, OBEYED: 2}
    lines = sorted(found.values(), key=lambda line: (order.get(line["measure"], 0), line["category"]))
    return [{ALL: "", HEAD: "", TAIL: "", **line} for line in lines]


def _accuracy_cell(row: AccuracyRow) -> str:
    if row.measure == DIFFERENCE:
        return (
            f"{row.value:.1f} [{row.low:.1f}\N{EN DASH}{row.high:.1f}]"
            if not math.isnan(row.low)
            else f"{row.value:.1f}"
        )
    return f"{rate(row.value, metric_info(row.measure))} [{100 * row.low:.0f}\N{EN DASH}{100 * row.high:.0f}]"


def _folders(runs: RunTable) -> list[str]:
    return [run.folder.name for run in runs.runs]


def _shown(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Markers as the page shows them; several values of a category apart by commas."""
    return [(name, ", ".join(map(str, v)) if isinstance(v, list) else str(v)) for name, v in values.items()]
