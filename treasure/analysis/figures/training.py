"""How each benchmark develops along training, so that a lift that comes early or late can be seen."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from treasure.analysis.benchmarks import benchmark_info, benchmark_order, metric_info
from treasure.analysis.figures.style import (
    MUTED,
    REGIME_COLORS,
    REGIME_LABELS,
    SHOWN_REGIMES,
    hide_frame,
    new_panels,
    show_percent,
)
from treasure.analysis.lifts import ALL
from treasure.analysis.progress import ProgressRow
from treasure.evaluation.record import Regime

_REGIMES = (Regime.BASELINE, *SHOWN_REGIMES)
_COLUMNS = 4


def draw_training(progress: Sequence[ProgressRow]) -> Figure | None:
    """One panel for each benchmark, a line for each regime; None where only one step was evaluated."""
    rows = [row for row in progress if row.slice_kind == ALL and row.regime in _REGIMES]
    if len({row.step for row in rows}) < 2:
        return None
    names = sorted({row.benchmark for row in rows}, key=benchmark_order)
    figure, panels = new_panels(len(names), _COLUMNS, (2.75, 2.15), 0.5, sharex=True)
    for axes, name in zip(panels, names, strict=True):
        _panel(axes, [row for row in rows if row.benchmark == name])
    for axes in panels[-_COLUMNS:]:
        axes.tick_params(axis="x", labelbottom=True)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=len(labels), fontsize=9)
    figure.supxlabel("optimizer steps", fontsize=9, color=MUTED)
    return figure


def _panel(axes: Axes, rows: Sequence[ProgressRow]) -> None:
    metric = metric_info(rows[0].metric)
    for regime in _REGIMES:
        own = sorted((row for row in rows if row.regime == regime), key=lambda row: row.step)
        if not own:
            continue
        steps, color = [row.step for row in own], REGIME_COLORS[regime]
        # The band belongs to the lift; around the regime's own mean it shows where Baseline would be level.
        low = [row.value + (row.low - row.lift) for row in own]
        high = [row.value + (row.high - row.lift) for row in own]
        axes.fill_between(steps, low, high, color=color, alpha=0.13, linewidth=0)
        axes.plot(
            steps, [row.value for row in own], color=color, linewidth=1.8, marker="o", markersize=3.2,
            label=REGIME_LABELS[regime],
        )  # fmt: skip
    direction = ", lower is better" if metric.lower_is_better else ""
    axes.set_title(benchmark_info(rows[0].benchmark).label, fontsize=9.5, pad=15)
    axes.text(0, 1.03, f"{metric.label}{direction}", transform=axes.transAxes, fontsize=8, color=MUTED)
    if metric.is_rate:
        show_percent(axes)
    axes.tick_params(labelsize=8, labelcolor=MUTED)
    axes.grid(False, axis="x")
    hide_frame(axes, ("left",))
