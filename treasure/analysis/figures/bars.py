"""Bars of a level in each regime, with whiskers that show how far the level is from Baseline's."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from treasure.analysis.benchmarks import metric_info
from treasure.analysis.figures.style import (
    INK,
    MUTED,
    REGIME_COLORS,
    REGIME_LABELS,
    SHOWN_REGIMES,
    hide_frame,
    new_figure,
    show_percent,
    spaced,
    whiskers,
)
from treasure.analysis.lifts import ALL, VALUE, LiftRow, select
from treasure.evaluation.record import Regime


def draw_code(lifts: Sequence[LiftRow]) -> Figure | None:
    """pass@1 of Baseline and both settings, for all code prompts and for each task; None without such a benchmark."""
    rows = [row for row in select(lifts, benchmark="code", metric="pass_at_1") if row.regime in SHOWN_REGIMES]
    whole = [row for row in rows if row.slice_kind == ALL]
    tasks = [row for row in rows if row.slice_kind == VALUE and row.slice.startswith("task=")]
    if not whole:
        return None
    slices = list(dict.fromkeys(row.slice for row in whole + tasks))
    figure = new_figure(1.6 + 1.55 * len(slices), 3.6)
    axes = figure.subplots()
    for place, name in enumerate(slices):
        _group(axes, place, [row for row in rows if row.slice == name])
    counts = {row.slice: row.num_prompts for row in rows}
    axes.set_xticks(range(len(slices)), [f"{_name(name)}\n{counts[name]} prompts" for name in slices])
    show_percent(axes)
    _finish(axes, "pass@1", [Regime.BASELINE, *(r for r in SHOWN_REGIMES if any(row.regime == r for row in rows))])
    return figure


def draw_length(lifts: Sequence[LiftRow]) -> Figure | None:
    """Every metric of the length benchmark in every regime, side by side; None without such a benchmark."""
    rows = [row for row in select(lifts, benchmark="length", slice_kind=ALL) if metric_info(row.metric).lower_is_better]
    metrics = list(dict.fromkeys(row.metric for row in rows))
    if not metrics:
        return None
    figure = new_figure(4.6 * len(metrics), 3.5)
    for axes, name in zip(figure.subplots(1, len(metrics), squeeze=False)[0], metrics, strict=True):
        metric, own = metric_info(name), [row for row in rows if row.metric == name]
        regimes = [Regime.BASELINE, *(Regime(row.regime) for row in own)]
        _levels(axes, own)
        axes.set_xticks(range(len(regimes)), [REGIME_LABELS[regime].replace(" ", "\n", 1) for regime in regimes])
        unit = "" if metric.is_rate else f", {metric.unit}"
        axes.set_title(f"{metric.label[0].upper()}{metric.label[1:]}{unit} (lower is better)")
        if metric.is_rate:
            show_percent(axes)
        _frame(axes)
    return figure


def _group(axes: Axes, place: float, rows: Sequence[LiftRow]) -> None:
    """Baseline and the regimes of one slice around `place`, with Baseline's level drawn across them."""
    width = 0.8 / (1 + len(rows))
    left = place - 0.4
    axes.bar(left + width / 2, rows[0].baseline, width * 0.9, color=REGIME_COLORS[Regime.BASELINE])
    for index, row in enumerate(rows, start=1):
        _marked_bar(axes, left + (index + 0.5) * width, width * 0.9, row)
    axes.plot([left, place + 0.4], [rows[0].baseline] * 2, color=MUTED, linewidth=1, linestyle=(0, (3, 2)), zorder=4)


def _levels(axes: Axes, rows: Sequence[LiftRow]) -> None:
    axes.bar(0, rows[0].baseline, 0.62, color=REGIME_COLORS[Regime.BASELINE])
    for index, row in enumerate(rows, start=1):
        _marked_bar(axes, index, 0.62, row)
    axes.axhline(rows[0].baseline, color=MUTED, linewidth=1, linestyle=(0, (3, 2)), zorder=4)


def _marked_bar(axes: Axes, place: float, width: float, row: LiftRow) -> None:
    axes.bar(place, row.marked, width, color=REGIME_COLORS[Regime(row.regime)])
    below, above = whiskers(row.lift, row.low, row.high)
    axes.errorbar(
        place, row.marked, yerr=[[below], [above]], color=INK, elinewidth=1.1, capsize=2.5, capthick=1.1, zorder=5
    )


def _finish(axes: Axes, label: str, regimes: Sequence[Regime]) -> None:
    for regime in regimes:
        axes.bar([0], [0], color=REGIME_COLORS[regime], label=REGIME_LABELS[regime])
    axes.set_title(label)
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=len(regimes), borderaxespad=0, fontsize=9)
    _frame(axes)


def _frame(axes: Axes) -> None:
    axes.grid(False, axis="x")
    axes.set_ylim(bottom=0)
    hide_frame(axes, ("left",))
    axes.tick_params(axis="x", colors=INK)


def _name(slice_name: str) -> str:
    name = "all code" if slice_name == ALL else slice_name.partition("=")[2]
    return spaced(name)
