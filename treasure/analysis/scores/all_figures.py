"""The figures of any benchmark, by its kind."""

from collections.abc import Sequence
from typing import Protocol

from treasure.analysis.config import Resampling
from treasure.analysis.scores.code import code_figures
from treasure.analysis.scores.figure import Figure
from treasure.analysis.scores.ifeval import ifeval_figures
from treasure.analysis.scores.language_confusion import language_figures
from treasure.analysis.scores.length_instructed import length_instructed_figures
from treasure.analysis.scores.open_ended import open_ended_figures
from treasure.analysis.scores.reward_levers import reward_levers_figures
from treasure.analysis.scores.translation import translation_figures
from treasure.analysis.statistics import DEFAULT
from treasure.evaluation.record import EvaluationRecord


class _Figures(Protocol):
    def __call__(self, records: Sequence[EvaluationRecord], *, how: Resampling) -> list[Figure]: ...


_FIGURES: dict[str, _Figures] = {
    "ifeval": ifeval_figures,
    "language_confusion": language_figures,
    "open_ended": open_ended_figures,
    "length_instructed": length_instructed_figures,
    "humanevalpack": code_figures,
    "quixbugs": code_figures,
    "reward_levers": reward_levers_figures,
    "translation": translation_figures,
}


def figures_of(kind: str, records: Sequence[EvaluationRecord], *, how: Resampling = DEFAULT) -> list[Figure]:
    """What the records of a benchmark come to, each number with n and interval."""
    return _FIGURES[kind](records, how=how)
