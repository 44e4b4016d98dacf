"""From annotations to a coverage report: tables, figures, and a page that says first what is known and what is not."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from treasure.analysis.annotations import Block
from treasure.analysis.combinations import (
    GapRow,
    Joint,
    PairRow,
    gap_rows,
    joint,
    joints,
    pair_rows,
)
from treasure.analysis.config import CoverageConfig
from treasure.analysis.coverage import (
    ALL,
    LANGUAGE,
    GiverRow,
    LanguageRow,
    NumberRow,
    OutcomeRow,
    ProbabilityRow,
    StateRow,
    ValueRow,
    giver_rows,
    language_rows,
    number_rows,
    outcome_rows,
    probability_rows,
    state_rows,
    value_rows,
    values_of,
)
from treasure.analysis.figures.coverage import draw_datasets, draw_pair, draw_probabilities, draw_states, draw_values
from treasure.analysis.figures.draw import Plan, SavedFigure, save_all
from treasure.analysis.finished import FinishedReport
from treasure.analysis.html import images_of, render
from treasure.analysis.tables import write_rows
from treasure.analysis.tally import Tally, tally
from treasure.analysis.wording import brief, count, percent
from treasure.errors import ConfigError, did_you_mean
from treasure.jsonl import write_text
from treasure.taxonomy.taxonomy import Taxonomy

NUM_SHOWN = 40
"""Lines of a table on the page; the CSV holds all."""


@dataclass(frozen=True)
class CoverageReport(FinishedReport):
    """A finished coverage report: where it lies and all that it holds."""

    sizes: dict[str, int]
    states: tuple[StateRow, ...]
    outcomes: tuple[OutcomeRow, ...]
    givers: tuple[GiverRow, ...]
    values: tuple[ValueRow, ...]
    languages: tuple[LanguageRow, ...]
    numbers: tuple[NumberRow, ...]
    probabilities: tuple[ProbabilityRow, ...]
    pairs: tuple[PairRow, ...]
    gaps: tuple[GapRow, ...]
    figures: tuple[SavedFigure, ...]
    config: CoverageConfig

    @property
    def num_examples(self) -> int:
        """All examples."""
        return sum(self.sizes.values())


def write_coverage(
    blocks: Iterable[Block], taxonomy: Taxonomy, folder: Path, *, title: str, config: CoverageConfig
) -> CoverageReport:
    """Goes once over `blocks` and writes page, tables and figures into `folder`.

    Raises:
        ConfigError: a category in `pairs` or `levers` that the taxonomy lacks or that holds numbers.
    """
    closed = tuple(one.name for one in taxonomy.categories if not one.is_numeric)
    _check_categories([name for pair in config.pairs for name in pair], closed, "pairs")
    _check_categories([name for names in config.support.levers for name in names], closed, "levers")
    found = tally(blocks, taxonomy)
    values = values_of(found, taxonomy)
    together = joints(found, values, config.support)
    gaps = gap_rows(together, taxonomy, config.support)
    states, givers = state_rows(found), giver_rows(found, taxonomy.names)
    shares, probabilities = value_rows(found, values, config.tail_threshold), probability_rows(found)
    drawn = [joint(found, values, pair) for pair in config.pairs]
    report = CoverageReport(
        title=title,
        folder=folder,
        sizes=dict(found.num_examples),
        states=states,
        outcomes=outcome_rows(found),
        givers=givers,
        values=shares,
        languages=language_rows(found, values),
        numbers=number_rows(found),
        probabilities=probabilities,
        pairs=pair_rows(together),
        gaps=gaps,
        figures=save_all(_plans(states, givers, shares, probabilities, drawn, gaps, found, config), folder / "figures"),
        config=config,
    )
    _write(report)
    return report


def summary(report: CoverageReport) -> list[str]:
    """The report in a few sentences."""
    if not report.num_examples:
        return ["Nothing is annotated here yet."]
    known = {row.category: row.share for row in report.states if row.dataset == ALL and row.state == "known"}
    excluded = {
        row.category: row.share for row in report.states if row.dataset == ALL and row.state == "not_applicable"
    }
    settled = {name: known[name] + excluded[name] for name in known}
    well = sorted(name for name, share in settled.items() if share >= 0.9)
    none = sorted(name for name, share in settled.items() if share == 0)
    poor = sorted((name for name in settled if 0 < settled[name] < 0.9), key=lambda name: settled[name])
    lines = [
        f"{count(report.num_examples)} examples in {_plural(len(report.sizes), 'dataset')}. "
        f"{len(well)} of {_plural(len(settled), 'category', 'categories')} are settled for nine examples in ten or more"
        + (f" ({', '.join(well)})." if well else ".")
    ]
    if poor:
        told = ", ".join(f"{name} ({percent(settled[name])})" for name in poor[:4])
        lines.append(f"Settled for fewest: {told}.")
    if none:
        lines.append(f"Nobody has said anything of {', '.join(none)}.")
    lines += _about_values(report)
    failed = sum(row.count for row in report.states if row.dataset == ALL and row.state == "failed")
    if failed:
        lines.append(f"{count(failed)} questions ended in a failure and can be asked again.")
    return lines


def _about_values(report: CoverageReport) -> list[str]:
    whole = [row for row in report.values if row.dataset == ALL and row.known]
    lines: list[str] = []
    languages = sorted((row for row in whole if row.category == LANGUAGE and row.count), key=lambda row: -row.count)
    if languages:
        first = languages[0]
        lines.append(f"{_plural(len(languages), 'language')} occur, {first.value} with {percent(first.share)} first.")
    tail, never = [row for row in whole if row.group == "tail"], [row for row in whole if not row.count]
    if whole:
        lines.append(
            f"Of {len(whole)} values {len(tail)} are tail (below {percent(report.config.tail_threshold)}), and "
            f"{len(never)} never occur."
        )
    if report.gaps:
        first = report.gaps[0]
        lines.append(
            f"{_plural(len(report.gaps), 'combination')} of frequent values have fewer than "
            f"{report.config.support.fewest} examples, so that a lever set to one would be a guess; most surprising "
            f"is {first.combination} ({first.count}, where {brief(first.expected)} would be expected)."
        )
    return lines


def _plural(number: int, one: str, many: str = "") -> str:
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def _check_categories(names: Iterable[str], closed: tuple[str, ...], option: str) -> None:
    for name in names:
        if name not in closed:
            raise ConfigError(
                f"{option}: '{name}' is no category with names as values.{did_you_mean(name, closed)} "
                f"Allowed: {', '.join(closed)}; [] asks for none."
            )


def _plans(
    states: tuple[StateRow, ...],
    givers: tuple[GiverRow, ...],
    values: tuple[ValueRow, ...],
    probabilities: tuple[ProbabilityRow, ...],
    pairs: list[Joint],
    gaps: tuple[GapRow, ...],
    found: Tally,
    config: CoverageConfig,
) -> Iterable[Plan]:
    yield "states", "What is known", _STATES, lambda: draw_states(states, givers, found.annotators)
    yield "values", "Values", _VALUES, lambda: draw_values(values, config.tail_threshold)
    for one in pairs:
        first, second = one.categories
        title = f"{first} and {second}"
        yield f"pair_{first}_{second}", title, _PAIR[config.color], lambda one=one: draw_pair(one, gaps, config.color)
    yield "datasets", "Dataset by dataset", _DATASETS, lambda: draw_datasets(states, found.num_examples)
    yield (
        "probabilities",
        "How sure annotators are",
        _PROBABILITIES,
        lambda: draw_probabilities(probabilities, found.annotators),
    )


def _write(report: CoverageReport) -> None:
    folder = report.folder
    write_rows(folder / "states.csv", StateRow, report.states)
    write_rows(folder / "outcomes.csv", OutcomeRow, report.outcomes)
    write_rows(folder / "givers.csv", GiverRow, report.givers)
    write_rows(folder / "values.csv", ValueRow, report.values)
    write_rows(folder / "languages.csv", LanguageRow, report.languages)
    write_rows(folder / "numbers.csv", NumberRow, report.numbers)
    write_rows(folder / "probabilities.csv", ProbabilityRow, report.probabilities)
    write_rows(folder / "pairs.csv", PairRow, report.pairs)
    write_rows(folder / "gaps.csv", GapRow, report.gaps)
    whole = [row for row in report.states if row.dataset == ALL]
    page = render(
        "coverage.html.j2",
        report=report,
        summary=summary(report),
        images=images_of(report.figures),
        num_shown=NUM_SHOWN,
        categories=list(dict.fromkeys(row.category for row in whole)),
        states=list(dict.fromkeys(row.state for row in whole)),
        state_cells={(row.category, row.state): row for row in whole},
        outcomes=[row for row in report.outcomes if row.dataset == ALL],
        values=sorted(
            (row for row in report.values if row.dataset == ALL and row.known),
            key=lambda row: (row.category, -row.count),
        ),
        datasets=sorted(report.sizes.items(), key=lambda item: (-item[1], item[0])),
        count=count,
        percent=percent,
        brief=brief,
    )
    write_text(report.page, page)


_STATES = (
    "Left: of all examples the share in which each category is known, makes no sense, or is unknown and why. Right: of "
    "the settled ones, whose word counts (of several annotators the one that is trusted most)."
)
_VALUES = (
    "Share and number of examples with each value, among those in which the category is known. Orange: below the "
    "dashed line, and so tail. An example with several values counts for each."
)
_PAIR = {
    "count": "Examples with both values. Framed: so few that a lever set to both would be a guess, though each value "
    "alone is frequent.",
    "lift": "Examples with both values; blue where there are more than if one value told nothing of the other, brown "
    "where fewer (full colour: 8 times). Framed: so few that a lever set to both would be a guess.",
}
_DATASETS = "The share of examples whose category is known, in the largest datasets; in brackets how many examples."
_PROBABILITIES = (
    "The probability that annotators give their own answers, where they give one. Whether it can be believed is what "
    "the agreement report tells."
)
