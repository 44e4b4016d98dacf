"""Differences between two evaluations as a table on the terminal: all prompts, tail and head, and what stands out."""

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from treasure.analysis.compare_records import Compared, ComparisonRow, TailRow
from treasure.intervals import Interval

_MOST_SLICES = 16
_FALSE_SHARE = 0.05
"""Slices with at most this q-value are shown."""


def compared_table(title: str, compared: Compared) -> Table:
    """All prompts first, then tail minus head, then the slices that stand out by q-value; the file has all."""
    table = Table(title=escape(title), title_justify="left", pad_edge=False, box=SIMPLE_HEAD, collapse_padding=True)
    slices = sorted((row for row in compared.rows if row.slices), key=lambda row: row.q_value)
    shown = [row for row in slices if row.q_value <= _FALSE_SHARE][:_MOST_SLICES]
    whole = [row for row in compared.rows if not row.slices]
    rows: list[ComparisonRow | TailRow] = [*whole, *compared.tail_rows, *shown]
    table.add_column("metric", overflow="fold", min_width=max((len(row.metric) for row in rows), default=0))
    table.add_column("slice", overflow="fold")
    for name in ("against → own", "difference, 95 %", "n", "p", "q"):
        table.add_column(name, justify="right")
    for benchmark, regime in dict.fromkeys((row.benchmark, row.regime) for row in rows):
        table.add_row(f"[bold]{escape(benchmark)}[/]", f"[bold]{escape(regime)}[/]")
        for row in rows:
            if (row.benchmark, row.regime) == (benchmark, regime):
                table.add_row(*map(escape, _cells(row) if isinstance(row, ComparisonRow) else _tail_cells(row)))
        table.add_section()
    if slices:
        rest = len(slices) - len(shown)
        told = f"Slices with q of at most {_FALSE_SHARE:g} among {len(slices)}; {rest} more in the file below."
        table.caption = f"In brackets beside n: left out. {told}"
    return table


def _cells(row: ComparisonRow) -> list[str]:
    named = ", ".join(f"{name}={value}" for name, value in row.slices.items()) or "all"
    levels = [_number(side.estimate, is_share=row.is_share) for side in (row.against, row.own)]
    n = f"{row.difference.n:,}" + (f" ({row.num_left_out:,})" if row.num_left_out else "")
    difference = _difference(row.difference, is_share=row.is_share)
    return [row.metric, named, " → ".join(levels), difference, n, _p(row.p_value), _p(row.q_value)]


def _tail_cells(row: TailRow) -> list[str]:
    n = f"{row.num_tail_prompts:,} / {row.num_head_prompts:,}"
    difference = _difference(row.difference, is_share=row.is_share)
    return [row.metric, f"{row.category}: tail minus head", "", difference, n, "", ""]


def _difference(found: Interval, *, is_share: bool) -> str:
    middle, low, high = (
        _number(value, is_share=is_share, signed=True) for value in (found.estimate, found.low, found.high)
    )
    return f"{middle} [{'no interval' if found.low != found.low else f'{low}, {high}'}]"


def _number(value: float, *, is_share: bool, signed: bool = False) -> str:
    shown = f"{100 * value:+.1f}" if is_share else f"{value:+.2f}"
    return shown if signed else shown.removeprefix("+")


def _p(value: float) -> str:
    if value != value:
        return ""
    return "<0.001" if value < 0.001 else f"{value:.3f}"
