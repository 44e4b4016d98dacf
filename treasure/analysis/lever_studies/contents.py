"""`LeverStudy`: what one study of levers has found, handed to the report."""

from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.figure import Figure


@dataclass(frozen=True)
class StudyTable:
    """A table as it is shown: `rows` are texts, one for each of `columns`; numbers come with n and interval."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class StudyFigure:
    """A figure to draw; `name` becomes its file's name."""

    name: str
    title: str
    caption: str
    draw: Callable[[], Figure]


@dataclass(frozen=True)
class LeverStudy:
    """A study's name, its question, sentences that answer it with numbers, and what shows them."""

    name: str
    title: str
    sentences: tuple[str, ...]
    tables: tuple[StudyTable, ...]
    figures: tuple[StudyFigure, ...]
