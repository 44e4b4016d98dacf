"""Differences between two evaluations as a table on the terminal: all prompts, tail and head, and what stands out."""

from rich.table import Table

from treasure.analysis.compare_records import Compared, ComparisonRow, TailRow
from treasure.intervals import Interval

_MOST_SLICES = 16
_FALSE_SHARE = 0.05
"""Slices with at most this q-value are shown."""


def compared_table(title: str, compared: Compared) -> Table:
    """All prompts first, then tail minus head, then the slices that stand out by q-value; the file has all."""
    table = Table(title=title, title_justify="left", pad_edge=False)
    for name in ("benchmark", "metric", "regime", "slice"):
        table.add_column(name, overflow="fold")
    for name in ("against", "own", "difference", "95 % interval", "n", "left out", "p", "q"):
        table.add_column(name, justify="right", no_wrap=True)
    slices = sorted((row for row in compared.rows if row.slices), key=lambda row: row.q_value)
    shown = [row for row in slices if row.q_value <= _FALSE_SHARE][:_MOST_SLICES]
    for row in (row for row in compared.rows if not row.slices):
        table.add_row(*_cells(row))
    for row in compared.tail_rows:
        table.add_row(*_tail_cells(row))
    for row in shown:
        table.add_row(*_cells(row))
    if slices:
        rest = len(slices) - len(shown)
        table.caption = (
            f"Slices with q of at most {_FALSE_SHARE:g} over the {len(slices)} of all regimes; {rest} more in the file"
        )
    return table


def _cells(row: ComparisonRow) -> list[str]:
    named = ", ".join(f"{name}={value}" for name, value in row.slices.items()) or "all"
    levels = [_number(side.estimate, is_share=row.is_share) for side in (row.against, row.own)]
    return [
        row.benchmark, row.metric, row.regime, named, *levels, *_difference(row.difference, is_share=row.is_share),
        f"{row.difference.n:,}", f"{row.num_left_out:,}" if row.num_left_out else "", _p(row.p_value), _p(row.q_value),
    ]  # fmt: skip


def _tail_cells(row: TailRow) -> list[str]:
    named = f"{row.category}: tail minus head"
    n = f"{row.num_tail_prompts:,} / {row.num_head_prompts:,}"
    cells = [*_difference(row.difference, is_share=row.is_share), n, "", "", ""]
    return [row.benchmark, row.metric, row.regime, named, "", "", *cells]


def _difference(found: Interval, *, is_share: bool) -> list[str]:
    low, high = (_number(end, is_share=is_share, signed=True) for end in (found.low, found.high))
    interval = "\N{EN DASH}" if found.low != found.low else f"{low} to {high}"
    return [_number(found.estimate, is_share=is_share, signed=True), interval]


def _number(value: float, *, is_share: bool, signed: bool = False) -> str:
    shown = f"{100 * value:+.1f}" if is_share else f"{value:+.2f}"
    return shown if signed else shown.lstrip("+") + (" %" if is_share else "")


def _p(value: float) -> str:
    return "" if value != value else f"{value:.2g}"
