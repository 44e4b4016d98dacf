"""Draws all figures of a report and says in words what each shows."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from treasure.analysis.figures.bars import draw_code, draw_length
from treasure.analysis.figures.head_tail import draw_head_tail
from treasure.analysis.figures.markers import draw_markers
from treasure.analysis.figures.slices import draw_slices
from treasure.analysis.figures.style import house_style, save
from treasure.analysis.figures.training import draw_training
from treasure.analysis.lifts import GroupRow, LiftRow
from treasure.analysis.marker_accuracy import AccuracyRow
from treasure.analysis.progress import ProgressRow


@dataclass(frozen=True, slots=True)
class SavedFigure:
    """A figure on disk, as PNG and SVG, with its title and what it shows."""

    name: str
    title: str
    caption: str
    png: Path
    svg: Path


Plan = tuple[str, str, str, Callable[[], Figure | None]]
"""Name, title, caption, and what draws it: None where there is no data for it."""


def draw_all(
    lifts: Sequence[LiftRow],
    progress: Sequence[ProgressRow],
    accuracy: Sequence[AccuracyRow],
    groups: Sequence[GroupRow],
    folder: Path,
) -> tuple[SavedFigure, ...]:
    """Draws and saves every figure for which there is data, in the order of the report."""
    plans: tuple[Plan, ...] = (
        ("head_tail", "Head and tail", _HEAD_TAIL, lambda: draw_head_tail(lifts)),
        ("slices", "Value by value", _SLICES, lambda: draw_slices(lifts, groups)),
        ("code", "Code", _CODE, lambda: draw_code(lifts)),
        ("length", "Length", _LENGTH, lambda: draw_length(lifts)),
        ("training", "Along training", _TRAINING, lambda: draw_training(progress)),
        ("markers", "The header the model writes", _MARKERS, lambda: draw_markers(accuracy)),
    )
    return save_all(plans, folder)


def save_all(plans: Iterable[Plan], folder: Path) -> tuple[SavedFigure, ...]:
    """Draws and saves the figures that there are, in order."""
    found: list[SavedFigure] = []
    with house_style():
        for name, title, caption, draw in plans:
            figure = draw()
            if figure is not None:
                png, svg = save(figure, folder, name)
                found.append(SavedFigure(name, title, caption, png, svg))
    return tuple(found)


_HEAD_TAIL = (
    "Change of each benchmark's main metric from Baseline to the marked model, apart for prompts whose value is "
    "frequent (head) or rare (tail) in training. Metrics of which less is better are turned round. "
    "Whiskers: 95 % intervals."
)
_SLICES = "The same change for every single value. Few prompts stand behind each dot, as the whiskers show."
_CODE = (
    "Programs that pass all their tests at the first try. The dashed line is Baseline's level; a whisker that "
    "crosses it leaves open whether there is a difference."
)
_LENGTH = (
    "Answers over the limit in words, and how far answers are from it. Baseline and the inferring model read the "
    "limit in the prompt; with markers fixed the sentence is gone and the marker says it. Dashed: Baseline; "
    "whiskers: 95 % interval of the difference from it."
)
_TRAINING = (
    "Each benchmark's main metric at the checkpoints evaluated. Bands: 95 % interval of the difference from Baseline."
)
_MARKERS = (
    "Without any marker in the prompt, the model writes the header itself. Only prompts whose true value is known "
    "count; a missing marker is wrong, a number counts as right only if it is exact."
)
