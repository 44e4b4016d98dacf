"""The figures of a benchmark as a table on the terminal: one row a metric and slice, with n and what has no score."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from treasure.analysis.scores.figure import Figure
from treasure.intervals import Interval

_MOST_ROWS = 24


def figures_table(title: str, figures: Sequence[Figure], most: int = _MOST_ROWS, failed: str = "no score") -> Table:
    """Those of the whole set, or where there are none of the widest slices, up to `most`. The file of figures has all.

    `failed` says what those answers are that each figure counts apart.
    """
    table = Table(title=title, title_justify="left", pad_edge=False, box=SIMPLE_HEAD, collapse_padding=True)
    for name in ("metric", "regime", "slice"):
        table.add_column(name, overflow="fold")
    for name in ("value", "95 % interval", "n", failed):
        table.add_column(name, justify="right", no_wrap=True)
    fewest = min((len(figure.slices) for figure in figures), default=0)
    shown = [figure for figure in figures if len(figure.slices) == fewest][:most]
    for figure in shown:
        low, high = _number(figure.interval.low, figure.unit), _number(figure.interval.high, figure.unit)
        table.add_row(
            figure.metric,
            figure.regime,
            ", ".join(f"{name}={value}" for name, value in figure.slices.items()) or "all",
            _number(figure.interval.estimate, figure.unit) if figure.interval.n else "–",  # of nothing, by convention
            "–" if _is_missing(figure.interval) else f"{low} to {high}",
            f"{figure.interval.n:,}",
            f"{figure.num_failed:,}" if figure.num_failed else "",
        )
    if len(figures) > len(shown):
        table.caption = f"{len(figures) - len(shown)} more in figures.json"
    return table


def _is_missing(interval: Interval) -> bool:
    return interval.low != interval.low


def _number(value: float, unit: str) -> str:
    if value != value:
        return "–"
    return f"{100 * value:.1f} %" if unit == "rate" else f"{value:.2f}"
