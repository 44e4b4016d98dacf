"""Adherence and correctness against the weight of guidance, a column of panels for each lever."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from treasure.analysis.figures.style import INK, MUTED, hide_frame, new_figure, show_percent
from treasure.intervals import Interval

_COLORS = ("#d9601a", "#2f7fc1", "#14866d")
_MARKERS = ("o", "s", "^")


@dataclass(frozen=True)
class Line:
    """One point of a line: the share of `metric` at `weight` for a lever and what is guided, `label`."""

    push: str
    metric: str
    label: str
    weight: float
    rate: Interval


def draw_sweeps(points: Sequence[Line], metrics: Mapping[str, str]) -> Figure:
    """A row of panels for each of `metrics` (name -> label), a column for each lever."""
    pushes = list(dict.fromkeys(point.push for point in points))
    labels = list(dict.fromkeys(point.label for point in points))
    figure = new_figure(0.6 + 2.05 * len(pushes), 0.8 + 2.1 * len(metrics))
    grid = figure.subplots(len(metrics), len(pushes), squeeze=False, sharex=True, sharey=True)
    for axes_row, (metric, metric_label) in zip(grid, metrics.items(), strict=True):
        for axes, push in zip(axes_row, pushes, strict=True):
            _panel(axes, [p for p in points if p.push == push and p.metric == metric], labels)
            if axes is axes_row[0]:
                axes.set_ylabel(metric_label)
    for axes, push in zip(grid[0], pushes, strict=True):
        axes.set_title(push.replace(" ", "\n", 1), fontsize=9.5)
    handles, names = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper left", ncols=len(names), fontsize=9)
    figure.supxlabel("weight of guidance; 1 is the marker fixed in the prompt", fontsize=9, color=MUTED)
    return figure


def _panel(axes: Axes, points: Sequence[Line], labels: Sequence[str]) -> None:
    for place, label in enumerate(labels):
        own = sorted((point for point in points if point.label == label), key=lambda point: point.weight)
        if not own:
            continue
        color, weights = _COLORS[place % len(_COLORS)], [point.weight for point in own]
        low, high = [point.rate.low for point in own], [point.rate.high for point in own]
        axes.fill_between(weights, low, high, color=color, alpha=0.1, linewidth=0)
        axes.plot(
            weights, [point.rate.estimate for point in own], color=color, linewidth=1.5,
            marker=_MARKERS[place % len(_MARKERS)], markersize=3.4, label=f"guided: {label}",
        )  # fmt: skip
    axes.axvline(1, color=INK, linewidth=0.9, linestyle=(0, (3, 2)), zorder=1)
    axes.set_ylim(-0.02, 1.02)
    show_percent(axes)
    hide_frame(axes)
