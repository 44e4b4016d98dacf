"""One look for all figures: quiet frame, colours that colour-blind readers can tell apart, files that never change."""

import io
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.ticker as mticker
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from treasure.evaluation.record import Regime
from treasure.jsonl import write_bytes

INK, MUTED, GRID = "#22262e", "#6b7280", "#e5e7eb"

REGIME_COLORS = {
    Regime.BASELINE: "#9aa1ac",
    Regime.INFERRED: "#2f7fc1",
    Regime.FIXED: "#d9601a",
    Regime.FORCED: "#9b4f96",
    Regime.ORACLE: "#14866d",
}
"""After Okabe and Ito's palette: told apart with any common colour blindness, and in grey by lightness."""

REGIME_LABELS = {
    Regime.BASELINE: "Baseline",
    Regime.INFERRED: "markers inferred",
    Regime.FIXED: "markers fixed",
    Regime.FORCED: "markers forced",
    Regime.ORACLE: "all true markers",
}

SHOWN_REGIMES = (Regime.INFERRED, Regime.FIXED)
"""The two settings of the paper; most figures show these."""

_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": GRID,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "figure.dpi": 120,
    "savefig.dpi": 180,
    "svg.hashsalt": "treasure",
    "svg.fonttype": "path",
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draws and saves what happens inside in the common look, whatever the surrounding settings are."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of `width` by `height` inches, apart from any global state."""
    # The margin on the right keeps the last tick label whole, which the layout does not count.
    figure = Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(rect=(0, 0, 0.985, 1)))
    FigureCanvasAgg(figure)
    return figure


def new_panels(
    num_panels: int, most_across: int, size: tuple[float, float], around: float, **options: Any
) -> tuple[Figure, list[Axes]]:
    """A figure of panels, line by line, at most `most_across` in a line.

    Each is `size` inches wide and high; `around` inches are left above and below. `options` go to `Figure.subplots`.
    """
    across = min(most_across, num_panels)
    down = -(-num_panels // across)
    figure = new_figure(size[0] * across, around + size[1] * down)
    grid = list(figure.subplots(down, across, squeeze=False, **options).ravel())
    for axes in grid[num_panels:]:
        axes.remove()
    return figure, grid[:num_panels]


def save(figure: Figure, folder: Path, name: str) -> tuple[Path, Path]:
    """Writes `name`.png and `name`.svg, each whole or not at all; the same figure always gives the same bytes."""
    png, svg = folder / f"{name}.png", folder / f"{name}.svg"
    write_bytes(png, _drawn(figure, "png", Software=None))
    figure.set_layout_engine("none")  # all stands where it should, and to lay it out again takes a quarter of the time
    write_bytes(svg, _drawn(figure, "svg", Date=None, Creator=None))
    return png, svg


def _drawn(figure: Figure, kind: str, **metadata: None) -> bytes:
    """`figure` as a file of `kind` holds it."""
    file = io.BytesIO()
    figure.savefig(file, format=kind, metadata=metadata, facecolor="white")
    return file.getvalue()


def show_points(axes: Axes, axis: str = "x") -> None:
    """Labels an axis of changes in points with a sign, and draws the line of no change."""
    target = axes.xaxis if axis == "x" else axes.yaxis
    target.set_major_formatter(mticker.FuncFormatter(lambda value, _: f"{value:+.6g}" if abs(value) > 1e-9 else "0"))
    line = axes.axvline if axis == "x" else axes.axhline
    line(0, color=INK, linewidth=1, zorder=2)
    axes.grid(False, axis="y" if axis == "x" else "x")


def show_percent(axes: Axes, axis: str = "y") -> None:
    """Labels an axis of rates in [0, 1] in per cent."""
    target = axes.xaxis if axis == "x" else axes.yaxis
    target.set_major_formatter(mticker.PercentFormatter(xmax=1, decimals=0))


def hide_frame(axes: Axes, sides: Iterable[str] = ("left", "bottom")) -> None:
    """Takes away the given sides of the frame."""
    for side in sides:
        axes.spines[side].set_visible(False)


def whiskers(estimate: float, low: float, high: float) -> tuple[float, float]:
    """The lengths below and above `estimate` for an error bar; zero where there is no interval."""
    return (max(0.0, estimate - low), max(0.0, high - estimate)) if low <= high else (0.0, 0.0)


def spaced(name: str) -> str:
    """A long name of several capitalised words with a line break after the first of them."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "\n", name, count=1) if len(name) > 11 else name


def plain(name: str, longest: int = 28) -> str:
    """A name from data as it stands: cut when too long, and never read as a formula."""
    shown = name if len(name) <= longest else name[: longest - 1] + "\N{HORIZONTAL ELLIPSIS}"
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in shown).replace(
        "$", r"\$"
    )
