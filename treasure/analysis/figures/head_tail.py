"""The main figure: how much better each benchmark gets on the head and on the tail."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from treasure.analysis.benchmarks import OVERALL, benchmark_info, benchmark_order, metric_info
from treasure.analysis.figures.style import (
    INK,
    MUTED,
    REGIME_COLORS,
    REGIME_LABELS,
    SHOWN_REGIMES,
    hide_frame,
    new_figure,
    show_points,
    whiskers,
)
from treasure.analysis.lifts import HEAD, TAIL, LiftRow, leading_rows
from treasure.evaluation.record import Regime

_OFFSETS = {HEAD: -0.19, TAIL: 0.19}


def draw_head_tail(lifts: Sequence[LiftRow]) -> Figure | None:
    """Bars of improvement over Baseline in points with 95 % intervals; None where no benchmark has head or tail."""
    names = sorted({row.benchmark for row in lifts}, key=benchmark_order)
    rows = {name: [row for row in leading_rows(lifts, name) if row.slice_kind in _OFFSETS] for name in names}
    rows, unit = _of_one_unit({name: found for name, found in rows.items() if found})
    regimes = [r for r in SHOWN_REGIMES if any(row.regime == r for found in rows.values() for row in found)]
    if not regimes:
        return None
    figure = new_figure(9.6, 1.35 + 0.52 * len(rows))
    panels = figure.subplots(1, len(regimes), sharex=True, sharey=True, squeeze=False)[0]
    for axes, regime in zip(panels, regimes, strict=True):
        _panel(axes, rows, regime)
    panels[0].set_yticks(range(len(rows)), [_label(name, found[0].metric) for name, found in rows.items()])
    if OVERALL in rows:
        panels[0].get_yticklabels()[0].set_fontweight("bold")
    panels[0].invert_yaxis()
    figure.supxlabel(f"improvement over Baseline, {unit} (bars to the right: better)", fontsize=9, color=MUTED)
    return figure


def _of_one_unit(rows: dict[str, list[LiftRow]]) -> tuple[dict[str, list[LiftRow]], str]:
    """Only benchmarks measured alike share an axis: the rates; without any, those in the unit of the first."""
    metrics = {name: metric_info(found[0].metric) for name, found in rows.items()}
    if any(metric.is_rate for metric in metrics.values()):
        return {name: found for name, found in rows.items() if metrics[name].is_rate}, "percentage points"
    unit = next((metric.unit for metric in metrics.values()), "")
    return {name: found for name, found in rows.items() if metrics[name].unit == unit}, unit


def _panel(axes: Axes, rows: dict[str, list[LiftRow]], regime: Regime) -> None:
    show_points(axes)
    for place, found in enumerate(rows.values()):
        for row in found:
            if row.regime == regime:
                _bar(axes, place + _OFFSETS[row.slice_kind], row, regime)
    if OVERALL in rows and len(rows) > 1:
        axes.axhline(0.5, color="#c3c8d0", linewidth=0.8, linestyle=(0, (4, 3)))
    axes.set_title(REGIME_LABELS[regime][0].upper() + REGIME_LABELS[regime][1:])
    hide_frame(axes)
    for kind in (HEAD, TAIL):
        axes.barh([0], [0], color=REGIME_COLORS[regime], alpha=_alpha(kind), label=kind)
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0, handlelength=1.2, fontsize=9)


def _bar(axes: Axes, place: float, row: LiftRow, regime: Regime) -> None:
    metric = metric_info(row.metric)
    scale = metric.sign * (100 if metric.is_rate else 1)
    low, high = sorted((row.low * scale, row.high * scale))
    below, above = whiskers(row.lift * scale, low, high)
    axes.barh(place, row.lift * scale, height=0.34, color=REGIME_COLORS[regime], alpha=_alpha(row.slice_kind))
    axes.errorbar(
        row.lift * scale, place, xerr=[[below], [above]], color=INK, elinewidth=0.9, capsize=2, capthick=0.9, zorder=3
    )


def _alpha(kind: str) -> float:
    return 0.38 if kind == HEAD else 1.0


def _label(benchmark: str, metric: str) -> str:
    info = metric_info(metric)
    fewer = "fewer " if info.lower_is_better else ""
    return f"{benchmark_info(benchmark, (metric,)).label}\n{fewer}{info.label}"
