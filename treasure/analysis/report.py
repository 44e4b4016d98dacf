"""From the run folders of one group to a report folder: tables, figures, and a page that answers questions first."""

from collections.abc import Collection
from pathlib import Path

from treasure.analysis.collect import RunTable, load_runs
from treasure.analysis.config import Resampling
from treasure.analysis.contents import Report
from treasure.analysis.examples import pick_examples
from treasure.analysis.figures.draw import draw_all
from treasure.analysis.lever_studies.collect import saved_studies
from treasure.analysis.lifts import (
    ALL,
    HEAD,
    TAIL,
    VALUE,
    DifferenceRow,
    GroupRow,
    LiftRow,
    difference_rows,
    group_rows,
    leading_rows,
    lift_rows,
)
from treasure.analysis.marker_accuracy import AccuracyRow, accuracy_rows
from treasure.analysis.page import render_page
from treasure.analysis.pairing import compare
from treasure.analysis.progress import ProgressRow, progress_rows
from treasure.analysis.setting import provenance_lines, setting_facts
from treasure.analysis.slice_tests import SliceTestRow, slice_test_rows
from treasure.analysis.statistics import DEFAULT
from treasure.analysis.tables import write_rows
from treasure.analysis.verdicts import verdicts
from treasure.jsonl import write_text


def write_report(
    runs_folder: Path,
    group: str,
    out_folder: Path,
    *,
    title: str,
    names: Collection[str] = (),
    how: Resampling = DEFAULT,
) -> Report:
    """Reads the runs in `runs_folder`/`group` (only those called one of `names` when given) and writes their report.

    Raises:
        DataError: the runs cannot be compared; see `load_runs`.
    """
    report = _analyse(load_runs(runs_folder, group, names), out_folder, title, how)
    write_rows(out_folder / "lifts.csv", LiftRow, report.lifts)
    write_rows(out_folder / "slice_tests.csv", SliceTestRow, report.slice_tests)
    write_rows(out_folder / "differences.csv", DifferenceRow, report.differences)
    write_rows(out_folder / "groups.csv", GroupRow, report.groups)
    write_rows(out_folder / "progress.csv", ProgressRow, report.progress)
    write_rows(out_folder / "marker_accuracy.csv", AccuracyRow, report.accuracy)
    write_text(report.page, render_page(report))
    return report


def final_lifts(report: Report) -> dict[str, float]:
    """The lifts of the final checkpoint by flat names such as 'lift/facts/fact_correct/tail/fixed'.

    Head and tail are those of each benchmark's main category.
    """
    main = {name: _main_category(report.lifts, name) for name in {row.benchmark for row in report.lifts}}
    return {
        f"lift/{row.benchmark}/{row.metric}/{row.slice_kind}/{row.regime}": row.lift
        for row in report.lifts
        if row.slice_kind == ALL or (row.slice_kind != VALUE and row.slice == main[row.benchmark])
    }


def _analyse(runs: RunTable, folder: Path, title: str, how: Resampling) -> Report:
    comparisons = compare(runs)
    lifts, differences, groups = lift_rows(comparisons, how), difference_rows(comparisons, how), group_rows(comparisons)
    progress, accuracy = progress_rows(runs, how), accuracy_rows(runs, how)
    return Report(
        title=title,
        folder=folder,
        runs=runs,
        lifts=lifts,
        slice_tests=slice_test_rows(comparisons, how),
        differences=differences,
        groups=groups,
        progress=progress,
        accuracy=accuracy,
        verdicts=verdicts(lifts, differences),
        figures=draw_all(lifts, progress, accuracy, groups, folder / "figures"),
        studies=saved_studies(runs.marked, folder / "figures"),
        examples=pick_examples(runs),
        facts=setting_facts(runs),
        provenance=provenance_lines(runs),
        resampling=how,
    )


def _main_category(lifts: tuple[LiftRow, ...], benchmark: str) -> str:
    return next((row.slice for row in leading_rows(lifts, benchmark) if row.slice_kind in (HEAD, TAIL)), "")
