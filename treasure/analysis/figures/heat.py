"""Heat maps with a number in each cell, of any size that a page can hold."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from treasure.analysis.figures.style import INK, MUTED, hide_frame, new_figure

Scale = Literal["rising", "diverging"]

_RISING = LinearSegmentedColormap.from_list("rising", ["#f7f9fb", "#cfe1f0", "#7db3dc", "#2f7fc1", "#123f66"])
_DIVERGING = LinearSegmentedColormap.from_list("diverging", ["#a6400b", "#eba678", "#f7f7f5", "#8dbbe0", "#17578f"])
_EMPTY = "#ffffff"
FRAME = "#d9601a"


def heat_figure(
    shades: np.ndarray,
    texts: Sequence[Sequence[str]],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    row_title: str,
    column_title: str,
    scale: Scale = "rising",
    framed: np.ndarray | None = None,
) -> Figure:
    """`shades` (R, C) in [0, 1] (diverging: [-1, 1]), NaN left white, with `texts` in the cells.

    Names and titles are drawn as they are; those from data go through `plain` first. Cells where `framed` (R, C) is
    true get a frame.
    """
    longest = max((len(text) for line in texts for text in line), default=1)
    cell = 0.2 + 0.075 * longest
    left = 0.5 + 0.078 * max(len(name) for name in rows)
    top = 0.45 + 0.06 * max(len(name) for name in columns)
    figure = new_figure(max(4.2, left + 0.15 + cell * len(columns)), top + 0.25 + 0.25 * len(rows))
    axes = figure.subplots()
    _cells(axes, shades, texts, scale)
    if framed is not None:
        for row, column in np.argwhere(framed):
            axes.add_patch(
                Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=FRAME, linewidth=1.3, zorder=3)
            )
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set_xticks(range(len(columns)), list(columns), rotation=50, ha="left", rotation_mode="anchor")
    axes.tick_params(axis="x", top=True, labeltop=True, bottom=False, labelbottom=False, colors=INK, pad=2)
    axes.set_xlabel(column_title, color=MUTED, fontsize=9)
    axes.set_ylabel(row_title, color=MUTED, fontsize=9)
    return figure


def _cells(axes: Axes, shades: np.ndarray, texts: Sequence[Sequence[str]], scale: Scale) -> None:
    colors = _RISING if scale == "rising" else _DIVERGING
    norm = Normalize(0 if scale == "rising" else -1, 1, clip=True)
    filled = np.ma.masked_invalid(shades)
    axes.set_facecolor(_EMPTY)
    # cells are patches, not an image: an SVG keeps them sharp at any size
    axes.pcolormesh(
        np.arange(shades.shape[1] + 1) - 0.5,
        np.arange(shades.shape[0] + 1) - 0.5,
        filled,
        cmap=colors,
        norm=norm,
        edgecolors="white",
        linewidth=0.8,
    )
    axes.set_xlim(-0.5, shades.shape[1] - 0.5)
    axes.set_ylim(shades.shape[0] - 0.5, -0.5)
    for row, line in enumerate(texts):
        for column, text in enumerate(line):
            shade = shades[row, column]
            is_dark = not np.isnan(shade) and (shade > 0.62 if scale == "rising" else abs(shade) > 0.72)
            ink = "white" if is_dark else INK if text not in ("0", "") else "#b6bcc6"
            axes.text(column, row, text, ha="center", va="center", fontsize=7.5, color=ink, in_layout=False)
    axes.grid(False)
    hide_frame(axes)
