"""Reliability of posteriors: one panel a category, before and after the temperature."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from treasure.analysis.figures.style import GRID, MUTED, hide_frame, new_figure, plain, show_percent, whiskers
from treasure.analysis.lever_studies.reliability import Scored, calibration_error, mass_bins
from treasure.analysis.wording import brief
from treasure.intervals import Interval, wilson_interval

_ACROSS = 5
BEFORE, AFTER, TRUE = "#9aa1ac", "#2f7fc1", "#14866d"


def draw_reliability(panels: Mapping[str, tuple[Scored, Scored]]) -> Figure:
    """`panels`: category -> (before, after); a dot is a bin of equally many examples, with Wilson's interval."""
    across = min(_ACROSS, len(panels))
    down = -(-len(panels) // across)
    figure = new_figure(max(3.6, 2.1 * across + 0.3), 0.75 + 2.4 * down)
    grid = figure.subplots(down, across, squeeze=False)
    for axes in grid.ravel()[len(panels) :]:
        axes.remove()
    for axes, (name, (before, after)) in zip(grid.ravel(), panels.items(), strict=False):
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (3, 2)), zorder=1)
        for found, color, label, marker in ((before, BEFORE, "before", "s"), (after, AFTER, "after", "o")):
            bins = mass_bins(found.confidence, found.right)
            rights = [wilson_interval(one.num_right, one.size) for one in bins]
            spans = [whiskers(right.estimate, right.low, right.high) for right in rights]
            axes.errorbar(
                [one.confidence for one in bins], [right.estimate for right in rights], yerr=np.array(spans).T,
                color=color, linewidth=1.2, elinewidth=0.8, marker=marker, markersize=4, label=label,
            )  # fmt: skip
        errors = [100 * calibration_error(found.confidence, found.right) for found in (before, after)]
        axes.set_title(plain(name), fontsize=9.5, pad=25)
        size = len(before) / len(mass_bins(before.confidence, before.right))
        note = f"ECE {errors[0]:.1f} \N{RIGHTWARDS ARROW} {errors[1]:.1f} points\n"
        note += f"n = {brief(len(before))}, {size:.0f} a dot"
        axes.text(0, 1.02, note, transform=axes.transAxes, fontsize=7.5, color=MUTED, linespacing=1.25)
        axes.set_xlim(0, 1.02)
        axes.set_ylim(0, 1.04)
        axes.set_aspect("equal")
        axes.tick_params(labelsize=8, labelcolor=MUTED)
        show_percent(axes)
        show_percent(axes, "x")
        axes.set_xticks((0, 0.5, 1))
        axes.set_yticks((0, 0.5, 1))
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(
        handles, [f"{label} the temperature" for label in labels], loc="outside upper left", ncols=2, fontsize=8.5
    )
    figure.supxlabel("probability of the most probable value", fontsize=9, color=MUTED)
    figure.supylabel("share right", fontsize=9, color=MUTED)
    return figure


def draw_distances(names: Sequence[str], before: Sequence[Interval], after: Sequence[Interval]) -> Figure:
    """KL of each category's marginal from the true one, in nats, before and after the temperature."""
    figure = new_figure(7.2, 1.0 + 0.42 * len(names))
    axes = figure.subplots()
    for place in range(1, len(names)):
        axes.axhline(place - 0.5, color=GRID, linewidth=0.8)
    for k, (found, label, color, marker) in enumerate(
        ((before, "as the model is", BEFORE, "s"), (after, "with the temperature", AFTER, "o"))
    ):
        spans = [whiskers(one.estimate, one.low, one.high) for one in found]
        axes.errorbar(
            [one.estimate for one in found], [place + 0.24 * k - 0.12 for place in range(len(names))],
            xerr=np.array(spans).reshape(-1, 2).T, color=color, marker=marker, markersize=5, elinewidth=1.3,
            linestyle="none", label=label,
        )  # fmt: skip
    axes.set_yticks(
        range(len(names)), [f"{plain(name)} (n = {brief(one.n)})" for name, one in zip(names, before, strict=True)]
    )
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.grid(False, axis="y")
    axes.set_xlabel("KL(true || model) of the values given that one is written, nats")
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1), ncols=2, fontsize=8.5, handletextpad=0.2)
    hide_frame(axes)
    return figure
