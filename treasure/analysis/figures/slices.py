"""Lifts value by value: which languages, formats, domains and tasks gain."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from treasure.analysis.benchmarks import benchmark_info, benchmark_order, metric_info
from treasure.analysis.figures.style import (
    INK,
    MUTED,
    REGIME_COLORS,
    REGIME_LABELS,
    SHOWN_REGIMES,
    hide_frame,
    new_figure,
    show_points,
    spaced,
    whiskers,
)
from treasure.analysis.lifts import TAIL, VALUE, GroupRow, LiftRow, leading_rows, select
from treasure.evaluation.record import Regime

_OFFSETS = {Regime.INFERRED: -0.15, Regime.FIXED: 0.15}
_COLUMNS = 3


def draw_slices(lifts: Sequence[LiftRow], groups: Sequence[GroupRow] = ()) -> Figure | None:
    """One panel for each benchmark with several values of its main category; None where there is no such benchmark."""
    panels = [
        rows for name in sorted({row.benchmark for row in lifts}, key=benchmark_order) if (rows := _rows(lifts, name))
    ]
    if not panels:
        return None
    tails = {f"{row.category}={row.value}" for row in groups if row.group == TAIL}
    lines = [panels[start : start + _COLUMNS] for start in range(0, len(panels), _COLUMNS)]
    heights = [1.1 + 0.36 * max(len({row.slice for row in rows}) for rows in line) for line in lines]
    figure = new_figure(3.5 * min(len(panels), _COLUMNS), 0.4 + sum(heights))
    grid = figure.subplots(
        len(lines), min(len(panels), _COLUMNS), squeeze=False, sharex=True, gridspec_kw={"height_ratios": heights}
    )
    for axes in grid.ravel()[len(panels) :]:
        axes.remove()
    for axes, rows in zip(grid.ravel(), panels, strict=False):
        _panel(axes, rows, tails)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=2, fontsize=9)
    figure.supxlabel(
        "improvement over Baseline, percentage points; bold: tail of the training mixture", fontsize=9, color=MUTED
    )
    return figure


def _rows(lifts: Sequence[LiftRow], benchmark: str) -> list[LiftRow]:
    leading = [row for row in leading_rows(lifts, benchmark) if row.slice_kind != "all"]
    if not leading or not metric_info(leading[0].metric).is_rate:
        return []
    rows = [
        row
        for row in select(lifts, benchmark=benchmark, slice_kind=VALUE, metric=leading[0].metric)
        if row.slice.startswith(f"{leading[0].slice}=") and row.regime in _OFFSETS
    ]
    return rows if len({row.slice for row in rows}) > 1 else []


def _panel(axes: Axes, rows: Sequence[LiftRow], tails: set[str]) -> None:
    metric = metric_info(rows[0].metric)
    order = _order(rows, tails)
    show_points(axes)
    for regime in SHOWN_REGIMES:
        own = [row for row in rows if row.regime == regime]
        scale = 100 * metric.sign
        spans = [whiskers(row.lift * scale, *sorted((row.low * scale, row.high * scale))) for row in own]
        axes.errorbar(
            [row.lift * scale for row in own],
            [order.index(row.slice) + _OFFSETS[regime] for row in own],
            xerr=[[below for below, _ in spans], [above for _, above in spans]],
            color=REGIME_COLORS[regime], marker="o", markersize=5, elinewidth=1.3, linestyle="none",
            label=REGIME_LABELS[regime],
        )  # fmt: skip
    axes.set_yticks(range(len(order)), [spaced(name.partition("=")[2]) for name in order])
    for name, label in zip(order, axes.get_yticklabels(), strict=True):
        label.set_fontweight("bold" if name in tails else "normal")
        label.set_color(INK if name in tails else MUTED)
    axes.set_ylim(len(order) - 0.5, -0.5)
    direction = ", turned round" if metric.lower_is_better else ""
    axes.set_title(benchmark_info(rows[0].benchmark).label, fontsize=9.5, pad=15)
    axes.text(0, 1, f"{metric.label}{direction}", transform=axes.transAxes, fontsize=8, color=MUTED, va="bottom")
    axes.tick_params(axis="x", labelbottom=True)
    hide_frame(axes)


def _order(rows: Sequence[LiftRow], tails: set[str]) -> list[str]:
    """Head values first, then tail values, each from the largest fixed lift down."""
    sign = metric_info(rows[0].metric).sign
    best = {row.slice: row.lift * sign for row in sorted(rows, key=lambda row: row.regime == Regime.FIXED)}
    return sorted(best, key=lambda name: (name in tails, -best[name], name))
