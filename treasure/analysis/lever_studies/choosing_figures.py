"""Changes of the oracle's score against greedy headers, by the number of headers that are answered behind."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from treasure.analysis.figures.style import MUTED, hide_frame, new_figure, show_points, whiskers
from treasure.intervals import Interval

_COLORS = ("#d9601a", "#9b4f96", "#9aa1ac")
"""One for each criterion; the last is the bound, in grey."""
_COLUMNS = 5


@dataclass(frozen=True)
class Point:
    """The change on a benchmark, for headers from one way and a choice by one criterion."""

    way: str
    criterion: str
    benchmark: str
    number: int
    lift: Interval


def draw_choosing(points: Sequence[Point]) -> Figure:
    """A panel for each benchmark, all of them first; a colour for each way to choose."""
    names = list(dict.fromkeys(point.benchmark for point in points))
    labels = list(dict.fromkeys((point.way, point.criterion) for point in points))
    num_rows = math.ceil(len(names) / _COLUMNS)
    figure = new_figure(2.5 * min(len(names), _COLUMNS), 1.1 + 2.3 * num_rows)
    panels = figure.subplots(num_rows, min(len(names), _COLUMNS), squeeze=False, sharey=True).ravel()
    for axes in panels[len(names) :]:
        axes.remove()
    for axes, name in zip(panels, names, strict=False):
        _panel(axes, [point for point in points if point.benchmark == name], labels)
        axes.set_title(name, fontsize=9.5)
    handles, shown = panels[0].get_legend_handles_labels()
    figure.legend(handles, shown, loc="outside upper left", ncols=2, fontsize=9)
    figure.supxlabel("headers that are answered behind", fontsize=9, color=MUTED)
    figure.supylabel("points of the oracle's score against greedy", fontsize=9, color=MUTED)
    return figure


def _panel(axes: Axes, points: Sequence[Point], labels: Sequence[tuple[str, str]]) -> None:
    ways, criteria = (list(dict.fromkeys(label[side] for label in labels)) for side in (0, 1))
    numbers = sorted({point.number for point in points})
    show_points(axes, "y")
    for place, (way, criterion) in enumerate(labels):
        color, is_first = _COLORS[criteria.index(criterion) % len(_COLORS)], way == ways[0]
        own = sorted((p for p in points if (p.way, p.criterion) == (way, criterion)), key=lambda point: point.number)
        spans = [whiskers(100 * p.lift.estimate, 100 * p.lift.low, 100 * p.lift.high) for p in own]
        axes.errorbar(
            [numbers.index(point.number) + 0.13 * (place - (len(labels) - 1) / 2) for point in own],
            [100 * point.lift.estimate for point in own],
            yerr=[[below for below, _ in spans], [above for _, above in spans]],
            color=color, marker="o" if is_first else "s", markerfacecolor=color if is_first else "white", markersize=4,
            elinewidth=1.1, linestyle="none", label=f"{way}, {criterion}",
        )  # fmt: skip
    axes.set_xticks(range(len(numbers)), [str(number) for number in numbers])
    hide_frame(axes)
