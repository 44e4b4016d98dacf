"""The closing table on the terminal: how Baseline, inferred and fixed stand on the tail and the head."""

from rich.table import Table
from rich.text import Text

from treasure.analysis.contents import Report
from treasure.analysis.lifts import ALL
from treasure.analysis.summary_table import SUMMARY_REGIMES, SummaryCell, SummaryLine, summary_lines
from treasure.analysis.verdicts import Answer

_COLORS = {Answer.YES: "green", Answer.NO: "red", Answer.UNKNOWN: "default"}


def terminal_table(report: Report) -> Table:
    """The closing table for `rich.print`; fits 80 columns. Colours where the 95 % interval excludes no change."""
    table = Table(title=report.title, box=None, title_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for name in ("Baseline", *SUMMARY_REGIMES):
        table.add_column(str(name), justify="right", no_wrap=True, header_style="bold")
    lines = summary_lines(report.lifts)
    for place, line in enumerate(lines):
        if place == 0 or lines[place - 1].benchmark != line.benchmark:
            table.add_row(Text(line.benchmark, "bold"), "", Text(line.metric, "dim"))
        if line.kind != ALL or sum(other.benchmark == line.benchmark for other in lines) == 1:
            table.add_row(_label(line), line.baseline.removesuffix(" %"), *map(_text, line.cells))
    units = "Per cent, lift in points" if all(line.baseline.endswith(" %") for line in lines) else "Level and lift"
    table.caption = f"{units} [95 % interval]. Green: better than Baseline, red: worse."
    return table


def _label(line: SummaryLine) -> str:
    return f"  {line.kind} ({line.num_prompts})"


def _text(cell: SummaryCell | None) -> Text:
    if cell is None:
        return Text("\N{EN DASH}")
    bounds = cell.interval.replace(" to ", ", ")
    return Text.assemble(
        cell.level.removesuffix(" %"), " ", (cell.lift, f"bold {_COLORS[cell.answer]}"), (f" [{bounds}]", "dim")
    )
