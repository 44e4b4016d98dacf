"""What annotations cover, at a glance: states, values, languages and pairs of values."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator

from treasure.analysis.combinations import GapRow, Joint
from treasure.analysis.coverage import ALL, GiverRow, ProbabilityRow, StateRow, ValueRow
from treasure.analysis.figures.heat import heat_figure
from treasure.analysis.figures.style import GRID, INK, MUTED, hide_frame, new_figure, new_panels, plain, show_percent
from treasure.analysis.wording import brief, percent

STATES = {
    "known": ("#2f7fc1", "known"),
    "not_applicable": ("#a9cbe6", "not applicable"),
    "abstained": ("#e9b44c", "abstained"),
    "failed": ("#b3362b", "failed"),
    "not_asked": ("#dfe3e8", "not asked"),
}
PALETTE = ("#2f7fc1", "#d9601a", "#14866d", "#9b4f96", "#c9a227", "#5b6b7c", "#7fb3d8", "#b3362b")
MOST_DATASETS, MOST_VALUES = 30, 40
_HEAD, _TAIL = "#9cc3e3", "#d9601a"
_LINE = 0.2
"""Height of a line of small multiples, in inches."""


def draw_states(states: Sequence[StateRow], givers: Sequence[GiverRow], annotators: Sequence[str]) -> Figure | None:
    """How each category stands, and beside it whose word counts."""
    rows = [row for row in states if row.dataset == ALL]
    names = list(dict.fromkeys(row.category for row in rows))
    if not names or not any(row.num_examples for row in rows):
        return None
    figure = new_figure(10, 1.2 + 0.34 * len(names))
    left, right = figure.subplots(1, 2, sharey=True, gridspec_kw={"width_ratios": [1.35, 1], "wspace": 0.06})
    colors = {state: color for state, (color, _) in STATES.items()}
    _stack(left, names, {(row.category, row.state): row.share for row in rows}, colors)
    left.set_title("State of each category", pad=26)
    _legend(left, {label: color for color, label in STATES.values()})
    shades = {
        name: color for name, color in _colors(annotators).items() if any(row.annotator == name for row in givers)
    }
    _stack(right, names, {(row.category, row.annotator): row.share for row in givers}, shades)
    right.set_title("Whose word counts", pad=26)
    _legend(right, {plain(name, 14): color for name, color in list(shades.items())[: len(PALETTE)]})
    left.set_yticks(range(len(names)), list(map(plain, names)))
    left.set_ylim(len(names) - 0.5, -0.5)
    return figure


def draw_datasets(states: Sequence[StateRow], sizes: Mapping[str, int]) -> Figure | None:
    """The share known of each category in each of the largest datasets; None for a single one."""
    if len(sizes) < 2:
        return None
    largest = sorted(sizes, key=lambda name: (-sizes[name], name))[:MOST_DATASETS]
    names = list(dict.fromkeys(row.category for row in states))
    shares = {(row.dataset, row.category): row.share for row in states if row.state == "known"}
    table = np.array([[shares.get((dataset, name), 0.0) for name in names] for dataset in largest])
    texts = [[_whole(share) for share in line] for line in table]
    rows = [f"{plain(name, 22)} ({brief(sizes[name])})" for name in largest]
    return heat_figure(
        table, texts, rows, list(map(plain, names)), row_title="", column_title="share of examples known, %"
    )


def draw_values(values: Sequence[ValueRow], threshold: float) -> Figure | None:
    """One panel for each category with a value: shares of its values, head and tail apart, as far as there is room."""
    rows = [row for row in values if row.dataset == ALL and row.known]
    held: dict[str, list[ValueRow]] = {}
    for row in rows:
        held.setdefault(row.category, []).append(row)
    if not held:
        return None
    panels = {name: sorted(own, key=lambda row: -row.count)[:MOST_VALUES] for name, own in held.items()}
    columns = _packed({name: len(own) + 3.6 for name, own in panels.items()}, min(3, len(panels)))
    lines = max(sum(len(panels[name]) + 3.6 for name in column) for column in columns)
    width, height = 3.75 * len(columns), _LINE * lines + 0.3
    figure = new_figure(width, height)
    figure.set_layout_engine("none")
    for k, column in enumerate(columns):
        top = height - 0.05
        for name in column:
            size = _LINE * len(panels[name])
            top -= _LINE * 2.2
            axes = figure.add_axes(((3.75 * k + 1.4) / width, (top - size) / height, 1.5 / width, size / height))
            _shares(axes, panels[name], threshold, len(held[name]))
            top -= size + _LINE * 1.4
    for color, label, at in ((_HEAD, "head", 0.1), (_TAIL, "tail", 0.75)):
        figure.text(at / width, 0.08 / height, f"\N{BLACK SQUARE} {label}", color=color, fontsize=9)
    note = f"dashed: {percent(threshold)} of the examples in which the category is known"
    figure.text(1.35 / width, 0.08 / height, note, color=MUTED, fontsize=9)
    return figure


def draw_probabilities(rows: Sequence[ProbabilityRow], annotators: Sequence[str]) -> Figure | None:
    """One panel for each category: how many answers with which probability, an outline for each annotator."""
    names = list(dict.fromkeys(row.category for row in rows))
    if not names:
        return None
    figure, panels = new_panels(len(names), 4, (2.6, 1.75), 0.6, sharex=True)
    speaking = {row.annotator for row in rows}
    colors = {name: color for name, color in _colors(annotators).items() if name in speaking}
    for axes, name in zip(panels, names, strict=True):
        own = [row for row in rows if row.category == name]
        for annotator in colors:
            bins = [row for row in own if row.annotator == annotator]
            total = sum(row.count for row in bins)
            if total:
                edges = [*(row.low for row in bins), bins[-1].high]
                axes.stairs([row.count / total for row in bins], edges, color=colors[annotator], fill=True, alpha=0.25)
                axes.stairs([row.count / total for row in bins], edges, color=colors[annotator], linewidth=1.4)
        axes.set_title(plain(name), fontsize=9.5, pad=14)
        axes.text(
            0, 1.02, f"n = {brief(sum(row.count for row in own))}", transform=axes.transAxes, fontsize=8, color=MUTED
        )
        axes.set_xlim(0, 1)
        axes.tick_params(axis="x", labelbottom=True, labelsize=8)
        axes.tick_params(axis="y", labelsize=8, labelcolor=MUTED)
        show_percent(axes)
        axes.grid(False, axis="x")
        hide_frame(axes, ("left",))
    handles = [Patch(color=color) for color in colors.values()]
    figure.legend(handles, list(map(plain, colors)), loc="outside upper left", ncols=6, fontsize=9)
    figure.supxlabel("probability that the annotator gives its answer", fontsize=9, color=MUTED)
    return figure


def draw_pair(one: Joint, gaps: Iterable[GapRow], color: str) -> Figure | None:
    """Counts of two categories' values together, shaded by count or by lift, gaps framed; None where nothing is known.

    Values that never occur are left out.
    """
    (first, second), (rows, columns) = one.categories, one.values
    keep_rows, keep_columns = (np.flatnonzero(total) for total in one.totals)
    if not len(keep_rows) or not len(keep_columns):
        return None
    order = keep_rows[np.argsort(-one.totals[0][keep_rows], kind="stable")][:MOST_VALUES]
    others = keep_columns[np.argsort(-one.totals[1][keep_columns], kind="stable")][:MOST_VALUES]
    counts = one.counts[np.ix_(order, others)]
    if color == "lift":
        with np.errstate(divide="ignore"):
            shades = np.clip(np.log2(one.lift[np.ix_(order, others)]) / 3, -1, 1)
    else:
        shades = np.where(counts > 0, np.log1p(counts) / np.log1p(max(1, counts.max())), np.nan)
    missing = {frozenset(row.combination.split(" + ")) for row in gaps if row.num_values == 2}
    framed = [[{f"{first}={rows[a]}", f"{second}={columns[b]}"} in missing for b in others] for a in order]
    return heat_figure(
        shades,
        [[brief(count) for count in line] for line in counts],
        [plain(rows[a]) for a in order],
        [plain(columns[b]) for b in others],
        row_title=plain(first),
        column_title=plain(second),
        scale="diverging" if color == "lift" else "rising",
        framed=np.array(framed),
    )


def _colors(annotators: Sequence[str]) -> dict[str, str]:
    """The same annotator has the same colour in all figures of a report."""
    return {name: PALETTE[k % len(PALETTE)] for k, name in enumerate(annotators)}


def _stack(
    axes: Axes, names: Sequence[str], shares: Mapping[tuple[str, str], float], colors: Mapping[str, str]
) -> None:
    left = np.zeros(len(names))
    for part, color in colors.items():
        widths = np.array([shares.get((name, part), 0.0) for name in names])
        axes.barh(range(len(names)), widths, left=left, height=0.68, color=color, edgecolor="white", linewidth=0.6)
        for place, (start, size) in enumerate(zip(left, widths, strict=True)):
            if size >= 0.09:
                ink = "white" if part in ("known", "failed") or color in PALETTE else INK
                axes.text(start + size / 2, place, f"{100 * size:.0f}", ha="center", va="center", fontsize=8, color=ink)
        left += widths
    axes.set_xlim(0, 1)
    axes.set_xticks((0, 0.25, 0.5, 0.75))
    axes.grid(False)
    show_percent(axes, "x")
    hide_frame(axes, ("left", "bottom"))


def _legend(axes: Axes, colors: Mapping[str, str]) -> None:
    handles = [Patch(color=color) for color in colors.values()]
    axes.legend(
        handles, list(colors), loc="lower left", bbox_to_anchor=(0, 1), ncols=5, borderaxespad=0.2, fontsize=8.5,
        handlelength=0.9, columnspacing=1.0, handletextpad=0.4,
    )  # fmt: skip


def _shares(axes: Axes, rows: Sequence[ValueRow], threshold: float, num_values: int) -> None:
    places = range(len(rows))
    colors = [_TAIL if row.group == "tail" else _HEAD for row in rows]
    axes.barh(places, [row.share for row in rows], height=0.72, color=colors)
    widest = max(row.share for row in rows)
    across = axes.get_yaxis_transform()
    for place, row in zip(places, rows, strict=True):
        ink = INK if row.count else MUTED
        axes.text(1.3, place, percent(row.share), transform=across, va="center", ha="right", fontsize=7.5, color=ink)
        axes.text(1.5, place, brief(row.count), transform=across, va="center", ha="right", fontsize=7.5, color=MUTED)
    if threshold < widest:
        axes.axvline(threshold, color=MUTED, linewidth=0.9, linestyle=(0, (3, 2)))
    axes.set_yticks(places, [plain(row.value, 22) for row in rows], fontsize=8.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(0, 1.02 * widest)
    axes.xaxis.set_major_locator(NullLocator())
    axes.grid(False)
    hide_frame(axes, ("bottom",))
    axes.spines["left"].set_color(GRID)
    more = f", {len(rows)} of {num_values} values" if num_values > len(rows) else ""
    axes.set_title(plain(rows[0].category), fontsize=10, x=-0.9, pad=5)
    note, above = f"n = {brief(rows[0].known)}{more}", 1 + 0.28 / len(rows)
    axes.text(1.5, above, note, transform=axes.transAxes, fontsize=8, color=MUTED, ha="right")


def _packed(sizes: Mapping[str, float], num_columns: int) -> list[list[str]]:
    """Names in columns of about the same height, the largest placed first."""
    columns: list[list[str]] = [[] for _ in range(num_columns)]
    for name in sorted(sizes, key=lambda name: -sizes[name]):
        min(columns, key=lambda column: sum(sizes[one] for one in column)).append(name)
    return columns


def _whole(share: float) -> str:
    """A share as whole per cent that is 0 and 100 only where it is none and all."""
    if share in (0, 1):
        return f"{100 * share:.0f}"
    return "<1" if share < 0.005 else ">99" if share > 0.995 else f"{100 * share:.0f}"
