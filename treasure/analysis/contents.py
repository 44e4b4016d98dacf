"""`Report`: all that was found out about one group of runs, handed from the analysis to pages, terminal and loggers."""

from dataclasses import dataclass

from treasure.analysis.collect import RunTable
from treasure.analysis.config import Resampling
from treasure.analysis.examples import SideBySide
from treasure.analysis.figures.draw import SavedFigure
from treasure.analysis.finished import FinishedReport
from treasure.analysis.lever_studies.collect import SavedStudy
from treasure.analysis.lifts import DifferenceRow, GroupRow, LiftRow
from treasure.analysis.marker_accuracy import AccuracyRow
from treasure.analysis.progress import ProgressRow
from treasure.analysis.setting import Fact
from treasure.analysis.slice_tests import SliceTestRow
from treasure.analysis.verdicts import Verdict


@dataclass(frozen=True)
class Report(FinishedReport):
    """A finished report: where it lies and all that it holds."""

    runs: RunTable
    lifts: tuple[LiftRow, ...]
    slice_tests: tuple[SliceTestRow, ...]
    differences: tuple[DifferenceRow, ...]
    groups: tuple[GroupRow, ...]
    progress: tuple[ProgressRow, ...]
    accuracy: tuple[AccuracyRow, ...]
    verdicts: tuple[Verdict, ...]
    figures: tuple[SavedFigure, ...]
    studies: tuple[SavedStudy, ...]
    examples: tuple[SideBySide, ...]
    facts: tuple[Fact, ...]
    provenance: tuple[tuple[str, str], ...]
    resampling: Resampling
