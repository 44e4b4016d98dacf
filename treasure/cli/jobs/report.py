"""The job of `treasure-report`: the finished runs of a group become a page, tables and figures."""

from dataclasses import astuple, fields
from pathlib import Path

from treasure.analysis.lifts import LiftRow
from treasure.analysis.report import final_lifts, write_report
from treasure.analysis.terminal import terminal_table
from treasure.cli.console import console, say
from treasure.config.schema import ReportCommand
from treasure.training.loggers import finish, log_table, wandb_loggers


def run(config: ReportCommand) -> None:
    """Writes outputs/reports/<group>/ and prints the closing table; W&B gets the final lifts."""
    outputs = Path(config.paths.outputs)
    folder = outputs / "reports" / (config.folder or config.group)
    title = config.title or folder.name.replace("_", " ")
    report = write_report(outputs / "runs", config.group, folder, title=title, names=config.names)
    lifts = final_lifts(report)
    loggers = wandb_loggers(
        config.logger, outputs, name=f"report-{folder.name}", group=config.group, job_type="report", settings={}
    )
    for logger in loggers:
        logger.log_metrics(lifts)
    log_table(loggers, "lifts", [field.name for field in fields(LiftRow)], [astuple(row) for row in report.lifts])
    finish(loggers, succeeded=True)
    console.print(terminal_table(report))
    if not report.runs.same_examples:
        say("Baseline and marked model were not trained on the same examples: a lift may come from the data.")
    say(f"Report: {folder / 'index.html'}")
