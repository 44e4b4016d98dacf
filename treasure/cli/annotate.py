"""`treasure-annotate`: instruction data get their markers, kept in a folder beside them; `export` writes them out."""

import sys
from collections.abc import Mapping
from pathlib import Path

from rich.table import Table
from rich.text import Text

from treasure.annotation.chain import Tally, Task, categories_of
from treasure.annotation.config import build_annotators
from treasure.annotation.export import export
from treasure.annotation.finding import Outcome
from treasure.annotation.run import AnnotationSummary, annotate_datasets, rehearse
from treasure.annotation.sidecar import Sidecar
from treasure.cli.console import console, say
from treasure.config.composer import conf_dir
from treasure.config.launch import launch
from treasure.config.run_lock import run_lock
from treasure.config.schema import AnnotateCommand, ExportCommand
from treasure.data.config import DataConfig, DataSource
from treasure.data.readers import DatasetConfig
from treasure.errors import ConfigError

_HEADS = {
    Outcome.FOUND: "known",
    Outcome.NOT_APPLICABLE: "not applicable",
    Outcome.ABSTAINED: "abstained",
    Outcome.FAILED: "failed",
}


def main() -> None:
    """Entry point of `treasure-annotate`, and of `treasure-annotate export`."""
    if sys.argv[1:2] == ["export"]:
        launch(ExportCommand, "export", run_export, subcommand="export")
    else:
        launch(AnnotateCommand, "annotate", run)


def run(config: AnnotateCommand) -> None:
    """Asks the annotators, in order of trust, about all examples of `data`; goes on where an earlier start ended."""
    taxonomy = config.taxonomy.load(conf_dir() / "taxonomy")
    folder = Path(config.folder)
    task = Task(folder, taxonomy, categories_of(taxonomy, config.categories), retry_failed=config.retry_failed)
    datasets, phases = _datasets(config.data), build_annotators(config.annotator, taxonomy)
    if config.dry_run:
        _show_rehearsal(rehearse(datasets, task, phases, config.options()))
        return
    folder.mkdir(parents=True, exist_ok=True)
    with run_lock(folder):
        summary = annotate_datasets(datasets, task, phases, config.options())
    _show(summary, task)
    say(f"Sidecar: {folder}. A training takes it by data.annotations={folder}")


def run_export(config: ExportCommand) -> None:
    """Writes every example with the markers of the sidecar, who gave them and how sure they were."""
    taxonomy = config.taxonomy.load(conf_dir() / "taxonomy")
    datasets, sidecar = _datasets(config.data), Sidecar(Path(config.folder), taxonomy)
    number = export(datasets, taxonomy, [sidecar], Path(config.output))
    say(f"{number} examples: {config.output}")


def _datasets(data: DataConfig) -> Mapping[str, DatasetConfig]:
    if data.source is DataSource.WORLD:
        raise ConfigError(
            "data.source is world, whose examples know their markers. Name files, such as data=real or experiments=…, "
            "as docs/data.md tells."
        )
    return data.datasets


def _show(summary: AnnotationSummary, task: Task) -> None:
    for report in summary.reports:
        say(report)
    table = Table("category", "annotator", *_HEADS.values(), show_edge=False)
    for category, annotator in _rows(summary.tally, task):
        numbers = [summary.tally.outcomes.get((annotator, category, outcome.value), 0) for outcome in _HEADS]
        table.add_row(category, annotator, *(Text(str(number), justify="right") for number in numbers))
    console.print(table)
    total, failed = sum(summary.num_examples.values()), _num(summary.tally, Outcome.FAILED)
    say(
        f"{total} examples of {len(summary.num_examples)} datasets in {summary.seconds:.1f} s, "
        f"{total / summary.seconds:,.0f} a second; {sum(summary.tally.num_asked.values())} questions were new."
    )
    if failed:
        say(f"{failed} findings failed; the column note of the parts says why. retry_failed=true asks again.")


def _show_rehearsal(summary: AnnotationSummary) -> None:
    for report in summary.reports:
        say(report)
    table = Table("annotator", "category", "examples to ask about", show_edge=False)
    for (annotator, category), number in summary.tally.num_asked.items():
        table.add_row(annotator, category, Text(str(number), justify="right"))
    console.print(table)
    say(
        f"{sum(summary.num_examples.values())} examples; nothing was asked or written (dry_run). "
        "Annotators that come later are asked about less: what earlier ones find is left out."
    )


def _rows(tally: Tally, task: Task) -> list[tuple[str, str]]:
    """(category, annotator) of all that something was said of, in the order of the taxonomy and of trust."""
    found = {(category, annotator): None for annotator, category, _ in tally.outcomes}
    return sorted(found, key=lambda row: task.taxonomy.index(row[0]))


def _num(tally: Tally, outcome: Outcome) -> int:
    return sum(number for (_, _, found), number in tally.outcomes.items() if found == outcome.value)
