"""The jobs of `treasure-annotate`: instruction data get their markers, which are kept in a folder beside them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from rich.table import Table
from rich.text import Text
from tqdm import tqdm

from treasure.annotation.build import build_annotators
from treasure.annotation.chain import Tally, Task, categories_of
from treasure.annotation.classifier.labelled import labelled_examples, shot_examples
from treasure.annotation.export import export, export_marked
from treasure.annotation.finding import Outcome
from treasure.annotation.quality import fit_edges
from treasure.annotation.run import AnnotationSummary, annotate_datasets, rehearse
from treasure.annotation.sidecar import Sidecar
from treasure.cli.console import console, say
from treasure.config.composer import conf_dir
from treasure.config.run_lock import run_lock
from treasure.config.schema import AnnotateCommand, EdgesCommand, ExportCommand, TrainClassifierCommand
from treasure.data.config import DataConfig, DataSource
from treasure.data.example import MarkedExample
from treasure.data.readers import DatasetConfig
from treasure.errors import ConfigError
from treasure.plurals import plural
from treasure.taxonomy.taxonomy import Taxonomy
from treasure.training.corpus import build_corpus
from treasure.world.world import World

_HEADS = {
    Outcome.FOUND: "known",
    Outcome.NOT_APPLICABLE: "not applicable",
    Outcome.ABSTAINED: "abstained",
    Outcome.FAILED: "failed",
}


def run(config: AnnotateCommand) -> None:
    """Asks the annotators, in order of trust, about all examples of `data`; goes on where an earlier start ended."""
    taxonomy = config.taxonomy.load(conf_dir() / "taxonomy")
    folder = Path(config.folder)
    task = Task(folder, taxonomy, categories_of(taxonomy, config.categories), retry_failed=config.retry_failed)
    datasets = _datasets(config.data)
    phases = build_annotators(config.annotator, taxonomy, conf_dir() / "shots")
    if config.dry_run:
        _show_rehearsal(rehearse(datasets, task, phases, config.options()))
        return
    folder.mkdir(parents=True, exist_ok=True)
    with run_lock(folder):
        summary = annotate_datasets(datasets, task, phases, config.options())
    _show(summary, task)
    say(f"Sidecar: {folder}. A training takes it by data.annotations={folder}")


def run_export(config: ExportCommand) -> None:
    """Writes all examples with the markers of the sidecar, who gave them and how sure; or those of the world."""
    taxonomy, output = config.taxonomy.load(conf_dir() / "taxonomy"), Path(config.output)
    if config.data.source is DataSource.WORLD:
        number = export_marked(World(config.world, taxonomy).train_examples(), taxonomy, output)
    else:
        number = export(config.data.datasets, taxonomy, [Sidecar(Path(config.folder), taxonomy)], output)
    say(f"{plural(number, 'example')}: {config.output}")


def run_train(config: TrainClassifierCommand) -> None:
    """Trains a classifier from the known markers of `data`, measures it, and writes it into `folder`."""
    from treasure.annotation.classifier.train import train_classifier  # loads scikit-learn

    taxonomy = config.taxonomy.load(conf_dir() / "taxonomy")
    with tqdm(_marked(config, taxonomy), desc="reading", unit="example", delay=2, leave=False) as examples:
        report = train_classifier(examples, taxonomy, config.train, Path(config.folder))
    say(report.describe())
    say(f"Classifier: {config.folder}. treasure-annotate annotator=classifier asks it.")


def _marked(config: TrainClassifierCommand, taxonomy: Taxonomy) -> Iterator[MarkedExample]:
    """What there is to learn from: the world, or facts of files, or what a sidecar knows of them; then the shots."""
    if config.data.source is DataSource.WORLD:
        yield from World(config.world, taxonomy).train_examples()
    elif config.data.annotations:
        yield from build_corpus(config.data, taxonomy, world=None).train
    else:
        yield from labelled_examples(config.data, taxonomy)
    shots = conf_dir() / "shots" / taxonomy.name
    if config.use_shots and shots.is_dir():
        yield from shot_examples(shots, taxonomy)


def run_edges(config: EdgesCommand) -> None:
    """Cuts quality buckets by the scores that the sidecar `folder` knows, once and for all later data."""
    taxonomy = config.taxonomy.load(conf_dir() / "taxonomy")
    sidecar = Sidecar(Path(config.folder), taxonomy)
    edges = fit_edges((findings for _, findings in sidecar.items()), config.quality, taxonomy)
    heads = [f"bucket {name} from" for name in edges.buckets[:-1]]
    table = Table("language", "task", "scores", *heads, show_edge=False)
    for group in edges.groups.values():
        table.add_row(group.language, group.task or "all", str(group.num_scores), *(f"{e:g}" for e in group.edges))
    console.print(table)
    say(f"Edges: {config.quality.edges}. treasure-annotate annotator=quality gives buckets by them.")


def _datasets(data: DataConfig) -> Mapping[str, DatasetConfig]:
    if data.source is DataSource.WORLD:
        raise ConfigError(
            "data.source is world, whose examples know their markers. Name files, such as data=real or experiments=…, "
            "as docs/data.md tells; treasure-annotate export data=world makes one of the world."
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
    num_asked = sum(summary.tally.num_asked.values())
    total, failed = sum(summary.num_examples.values()), _num(summary.tally, Outcome.FAILED)
    say(
        f"{plural(total, 'example')} of {plural(len(summary.num_examples), 'dataset')} in {summary.seconds:.1f} s, "
        f"{total / summary.seconds:,.0f} a second; {plural(num_asked, 'question was', 'questions were')} new."
    )
    if failed:
        say(f"{plural(failed, 'finding')} failed; the column note of the parts says why. retry_failed=true asks again.")


def _show_rehearsal(summary: AnnotationSummary) -> None:
    for report in summary.reports:
        say(report)
    table = Table("annotator", "category", "examples to ask about", show_edge=False)
    for (annotator, category), number in summary.tally.num_asked.items():
        table.add_row(annotator, category, Text(str(number), justify="right"))
    console.print(table)
    for name, cost in summary.estimates.items():
        say(f"{name}: {cost.describe()}")
    say(
        f"{plural(sum(summary.num_examples.values()), 'example')}; nothing was asked or written (dry_run). "
        "Annotators that come later are asked about less: what earlier ones find is left out."
    )


def _rows(tally: Tally, task: Task) -> list[tuple[str, str]]:
    """(category, annotator) of all that something was said of, in the order of the taxonomy and of trust."""
    found = {(category, annotator): None for annotator, category, _ in tally.outcomes}
    return sorted(found, key=lambda row: task.taxonomy.index(row[0]))


def _num(tally: Tally, outcome: Outcome) -> int:
    return sum(number for (_, _, found), number in tally.outcomes.items() if found == outcome.value)
