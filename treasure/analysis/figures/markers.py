"""How often the header that the model writes is right, category by category."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from treasure.analysis.figures.style import (
    INK,
    MUTED,
    REGIME_COLORS,
    hide_frame,
    new_figure,
    show_percent,
    whiskers,
)
from treasure.analysis.lifts import ALL, HEAD, TAIL
from treasure.analysis.marker_accuracy import ACCURACY, AccuracyRow
from treasure.evaluation.record import Regime

_LOOKS = {ALL: (-0.24, "s", INK), HEAD: (0.0, "o", "#8fbbe0"), TAIL: (0.24, "D", REGIME_COLORS[Regime.INFERRED])}


def draw_markers(rows: Sequence[AccuracyRow]) -> Figure | None:
    """Accuracy of inferred markers over all prompts, head and tail, with intervals; None where truth is not known."""
    shown = [row for row in rows if row.measure == ACCURACY]
    whole = {row.category: row.value for row in shown if row.group == ALL}
    if not whole:
        return None
    order = sorted(whole, key=lambda name: (-whole[name], name))
    split = {row.category for row in shown if row.group != ALL}
    figure = new_figure(7.2, 1.1 + 0.46 * len(order))
    axes = figure.subplots()
    for row in shown:
        offset, marker, color = _LOOKS[row.group]
        offset = offset if row.category in split else 0.0
        below, above = whiskers(row.value, row.low, row.high)
        axes.errorbar(
            row.value, order.index(row.category) + offset, xerr=[[below], [above]], color=color, marker=marker,
            markersize=5, elinewidth=1.3, linestyle="none",
        )  # fmt: skip
    for place in range(1, len(order)):
        axes.axhline(place - 0.5, color="#eef0f3", linewidth=0.8)
    for group, (_, marker, color) in _LOOKS.items():
        axes.plot([], [], linestyle="none", marker=marker, markersize=5, color=color, label=group)
    axes.set_yticks(range(len(order)), order)
    axes.set_ylim(len(order) - 0.5, -0.5)
    axes.set_xlim(0, 1.02)
    axes.grid(False, axis="y")
    show_percent(axes, "x")
    axes.set_title("Headers that name the true value")
    axes.set_xlabel("share of prompts, no marker given", fontsize=9, color=MUTED)
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, borderaxespad=0, handletextpad=0.2, fontsize=9)
    hide_frame(axes)
    return figure
