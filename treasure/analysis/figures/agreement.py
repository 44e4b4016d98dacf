"""How well two sources agree, at a glance: measures, confusion, reliability, languages."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from treasure.analysis.agreement import AgreementRow, ReliabilityRow
from treasure.analysis.comparison import HEAD, TAIL
from treasure.analysis.coverage import ALL, LANGUAGE
from treasure.analysis.figures.coverage import MOST_VALUES
from treasure.analysis.figures.heat import heat_figure
from treasure.analysis.figures.style import (
    GRID,
    INK,
    MUTED,
    hide_frame,
    new_figure,
    new_panels,
    plain,
    show_percent,
    whiskers,
)
from treasure.analysis.wording import brief

_MEASURES = {
    "accuracy": ("accuracy where it answers", "o", "#2f7fc1"),
    "accuracy_all": ("accuracy, no answer is wrong", "s", "#7b8794"),
    "macro_f1": ("macro-F1", "D", "#14866d"),
    "kappa": ("Cohen's \N{GREEK SMALL LETTER KAPPA} where it answers", "^", "#d9601a"),
}
_GROUPS = {ALL: ("all", INK), HEAD: (HEAD, "#8fbbe0"), TAIL: (TAIL, "#d9601a")}


def draw_measures(rows: Sequence[AgreementRow]) -> Figure | None:
    """All measures of each category side by side, with intervals; None where nothing was judged."""
    shown = [row for row in rows if row.slice_kind == ALL and row.measure in _MEASURES and not np.isnan(row.value)]
    names = list(dict.fromkeys(row.category for row in shown))
    if not names:
        return None
    sizes = {row.category: row.num_examples for row in shown}
    figure = new_figure(8.6, 1.3 + 0.62 * len(names))
    axes = figure.subplots()
    for place in range(1, len(names)):
        axes.axhline(place - 0.5, color=GRID, linewidth=0.8)
    for k, (measure, (label, marker, color)) in enumerate(_MEASURES.items()):
        own = [row for row in shown if row.measure == measure]
        spans = [whiskers(row.value, row.low, row.high) for row in own]
        axes.errorbar(
            [row.value for row in own], [names.index(row.category) + 0.2 * k - 0.3 for row in own],
            xerr=np.array(spans).reshape(-1, 2).T, color=color, marker=marker, markersize=5, elinewidth=1.3,
            linestyle="none", label=label,
        )  # fmt: skip
    axes.set_yticks(range(len(names)), [f"{plain(name)}\nn = {brief(sizes[name])}" for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    lowest = min([0.0, *(row.low for row in shown if not np.isnan(row.low)), *(row.value for row in shown)])
    axes.set_xlim(lowest - (0.03 if lowest < 0 else 0), 1.02)
    axes.grid(False, axis="y")
    show_percent(axes, "x")
    axes.legend(
        loc="lower left", bbox_to_anchor=(-0.02, 1), ncols=4, fontsize=8.5, handletextpad=0.1, columnspacing=1.2
    )
    hide_frame(axes)
    return figure


def draw_confusion(category: str, rows: Sequence[str], columns: Sequence[str], matrix: np.ndarray) -> Figure | None:
    """Rows gold, columns found, shaded by the share of the row; the diagonal is framed."""
    if not matrix.size:
        return None
    own_rows, own_columns = list(rows[:MOST_VALUES]), list(columns[:MOST_VALUES])
    part = matrix[: len(own_rows), : len(own_columns)]
    totals = matrix.sum(axis=1)[: len(own_rows), None]
    shades = np.where(part > 0, part / np.maximum(totals, 1e-12), np.nan)
    return heat_figure(
        shades,
        [[brief(number) if number >= 0.5 or number == 0 else "<1" for number in line] for line in part],
        [f"{plain(name, 20)} ({brief(total)})" for name, total in zip(own_rows, totals[:, 0], strict=True)],
        list(map(plain, own_columns)),
        row_title=f"gold {plain(category)}",
        column_title=f"found {plain(category)}",
        framed=np.array([[row == column for column in own_columns] for row in own_rows]),
    )


def draw_reliability(rows: Sequence[ReliabilityRow], eces: Mapping[str, float]) -> Figure | None:
    """One panel for each category: share right against the probability given, dots as large as they hold answers."""
    names = list(dict.fromkeys(row.category for row in rows))
    if not names:
        return None
    figure, panels = new_panels(len(names), 4, (2.7, 2.6), 0.45)
    for axes, name in zip(panels, names, strict=True):
        own = [row for row in rows if row.category == name]
        total = sum(row.num_answers for row in own)
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (3, 2)), zorder=1)
        axes.bar(
            [(row.low + row.high) / 2 for row in own], [0.25 * row.num_answers / total for row in own], 0.09,
            color="#dfe6ee", zorder=0,
        )  # fmt: skip
        spans = [whiskers(row.right, row.right_low, row.right_high) for row in own]
        said, right = [row.mean_probability for row in own], [row.right for row in own]
        axes.errorbar(said, right, yerr=np.array(spans).T, color="#2f7fc1", linewidth=1.4, marker="o", markersize=4.5)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)
        axes.set_aspect("equal")
        axes.set_title(plain(name), fontsize=9.5, pad=14)
        note = f"ECE {100 * eces[name]:.1f} points, n = {brief(total)}"
        axes.text(0, 1.02, note, transform=axes.transAxes, fontsize=8, color=MUTED)
        axes.tick_params(labelsize=8, labelcolor=MUTED)
        show_percent(axes)
        show_percent(axes, "x")
        axes.set_xticks((0, 0.5, 1))
        axes.set_yticks((0, 0.5, 1))
    figure.supxlabel("probability given", fontsize=9, color=MUTED)
    figure.supylabel("share right", fontsize=9, color=MUTED)
    return figure


def draw_languages(rows: Sequence[AgreementRow]) -> Figure | None:
    """Accuracy (no answer is wrong) of each category in each language; None where only one language is told apart."""
    own = [row for row in rows if row.slice_kind == LANGUAGE and row.measure == "accuracy_all"]
    sizes: dict[str, int] = {}
    for row in own:
        sizes[row.slice] = max(sizes.get(row.slice, 0), row.num_examples)
    languages = sorted(sizes, key=lambda name: (-sizes[name], name))[:MOST_VALUES]
    categories = list(dict.fromkeys(row.category for row in own))
    if len(languages) < 2:
        return None
    held = {(row.slice, row.category): row for row in own}
    table = np.full((len(languages), len(categories)), np.nan)
    texts = [["" for _ in categories] for _ in languages]
    for r, language in enumerate(languages):
        for c, category in enumerate(categories):
            row = held.get((language, category))
            if row is not None:
                table[r, c] = row.value
                texts[r][c] = f"{100 * row.value:.0f}"
    names = [f"{plain(name, 20)} ({brief(sizes[name])})" for name in languages]
    lowest = float(np.nanmin(table))
    shades = (table - lowest) / max(1e-9, 1 - lowest)
    return heat_figure(
        shades, texts, names, list(map(plain, categories)), row_title="", column_title="right of all asked, %"
    )


def draw_groups(rows: Sequence[AgreementRow]) -> Figure | None:
    """Accuracy (no answer is wrong) over all, head and tail of each category; None where nothing is tail."""
    own = [row for row in rows if row.slice in _GROUPS and row.measure == "accuracy_all"]
    split = {row.category for row in own if row.slice == TAIL}
    own = [row for row in own if row.category in split]
    names = list(dict.fromkeys(row.category for row in own))
    if not names:
        return None
    figure = new_figure(7.6, 1.1 + 0.5 * len(names))
    axes = figure.subplots()
    for place in range(1, len(names)):
        axes.axhline(place - 0.5, color=GRID, linewidth=0.8)
    for k, (group, (label, color)) in enumerate(_GROUPS.items()):
        chosen = [row for row in own if row.slice == group]
        spans = [whiskers(row.value, row.low, row.high) for row in chosen]
        axes.errorbar(
            [row.value for row in chosen], [names.index(row.category) + 0.22 * (k - 1) for row in chosen],
            xerr=np.array(spans).reshape(-1, 2).T, color=color, marker="osD"[k], markersize=5, elinewidth=1.3,
            linestyle="none", label=label,
        )  # fmt: skip
        for row in chosen:
            at = names.index(row.category) + 0.22 * (k - 1)
            note = f"n = {brief(row.num_examples)}"
            axes.text(1.01, at, note, transform=axes.get_yaxis_transform(), fontsize=7.5, color=MUTED, va="center")
    axes.set_yticks(range(len(names)), list(map(plain, names)))
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(0, 1.02)
    axes.grid(False, axis="y")
    show_percent(axes, "x")
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1), ncols=3, fontsize=8.5, handletextpad=0.2)
    hide_frame(axes)
    return figure
