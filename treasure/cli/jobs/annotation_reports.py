"""The jobs of `treasure-report coverage` and `agreement`: annotations become a page, tables and figures."""

from pathlib import Path

from treasure.analysis.agreement_report import Source, write_agreement
from treasure.analysis.agreement_report import summary as agreement_summary
from treasure.analysis.coverage_report import summary as coverage_summary
from treasure.analysis.coverage_report import write_coverage
from treasure.analysis.sidecar_blocks import check_annotator, fact_blocks, prompt_keys, sidecar_blocks
from treasure.annotation.basic import FACTS
from treasure.cli.console import say
from treasure.config.composer import conf_dir
from treasure.config.schema import AgreementCommand, CoverageCommand
from treasure.data.config import DataSource
from treasure.taxonomy.taxonomy import Taxonomy


def report_coverage(config: CoverageCommand) -> None:
    """Writes outputs/reports/<folder>/: what annotations cover, and which levers would be guesses."""
    folder = Path(config.paths.outputs) / "reports" / config.folder
    report = write_coverage(
        sidecar_blocks(Path(config.annotations)),
        config.taxonomy.load(conf_dir() / "taxonomy"),
        folder,
        title=config.title or config.folder.replace("_", " "),
        config=config.coverage,
    )
    for sentence in coverage_summary(report):
        say(sentence)
    say(f"Report: {report.page}")


def report_agreement(config: AgreementCommand) -> None:
    """Writes outputs/reports/<folder>/: how well annotations agree with gold, or with each other."""
    taxonomy = config.taxonomy.load(conf_dir() / "taxonomy")
    has_files = config.data.source is DataSource.FILES
    report = write_agreement(
        _source(config.annotations, config.found_by) if config.gold else _judged_by_facts(config),
        _source(config.gold, config.gold_by) if config.gold else _facts(config, taxonomy),
        taxonomy,
        Path(config.paths.outputs) / "reports" / config.folder,
        title=config.title or config.folder.replace("_", " "),
        config=config.agreement,
        prompts=prompt_keys(config.data.datasets) if has_files else None,
    )
    for sentence in agreement_summary(report):
        say(sentence)
    say(f"Report: {report.page}")


def _source(folder: str, annotator: str) -> Source:
    if annotator:
        check_annotator(Path(folder), annotator)
    label = f"'{annotator}' of {folder}" if annotator else folder
    return Source(label, sidecar_blocks(Path(folder)), annotator or None)


def _judged_by_facts(config: AgreementCommand) -> Source:
    """What the annotations have from the facts themselves agrees by its nature, and is left out."""
    source = _source(config.annotations, config.found_by)
    if source.annotator is not None:
        return source
    return Source(source.label, (block.without(FACTS) for block in source.blocks))


def _facts(config: AgreementCommand, taxonomy: Taxonomy) -> Source:
    return Source("the facts of the data", fact_blocks(config.data.datasets, taxonomy))
