"""The job of `treasure-report`: the finished runs of a group become a page, tables and figures."""

from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

from treasure.analysis.contents import Report
from treasure.analysis.lifts import LiftRow
from treasure.analysis.report import final_lifts, write_report
from treasure.analysis.terminal import terminal_table
from treasure.cli.console import console, say
from treasure.config.schema import ReportCommand
from treasure.training.wandb_options import told_when_refused, wandb_options


def run(config: ReportCommand) -> None:
    """Writes outputs/reports/<group>/ and prints the closing table; W&B gets the final lifts."""
    outputs = Path(config.paths.outputs)
    folder = outputs / "reports" / (config.folder or config.group)
    title = config.title or folder.name.replace("_", " ")
    report = write_report(
        outputs / "runs", config.group, folder, title=title, names=config.names, how=config.resampling
    )
    console.print(terminal_table(report))
    if not report.runs.same_examples:
        say("Baseline and marked model were not trained on the same examples: a lift may come from the data.")
    say(f"Report: {folder / 'index.html'}")
    _tell_wandb(config, report, folder)  # last: a server that refuses costs nobody the report


def _tell_wandb(config: ReportCommand, report: Report, folder: Path) -> None:
    options = wandb_options(
        config.logger, folder, name=f"report-{folder.name}", group=config.group, job_type="report", settings={}
    )
    if options is None:
        return
    import wandb  # takes seconds

    with told_when_refused(), wandb.init(**options) as run:
        run.log(final_lifts(report))
        if report.lifts:
            columns: list[Any] = [field.name for field in fields(LiftRow)]
            rows: list[Any] = [list(astuple(row)) for row in report.lifts]
            run.log({"lifts": wandb.Table(columns=columns, data=rows)})
