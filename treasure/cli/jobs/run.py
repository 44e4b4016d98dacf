"""The job of `treasure-run`: trains one model and evaluates it, one job of a sweep."""

from treasure.cli.console import quiet_libraries, say
from treasure.cli.jobs.evaluate import check_held_out, evaluate, selected_prompts
from treasure.cli.jobs.inputs import check_regimes, load_inputs, open_run_folder
from treasure.cli.jobs.train import run_loggers, train
from treasure.config.schema import RunCommand
from treasure.ranks import rank
from treasure.training.loggers import finish


def run(config: RunCommand) -> None:
    """Trains and evaluates what `config` says; a run that is done is skipped, one that broke off starts again,
    but for a training that was finished.
    """
    quiet_libraries()
    folder = open_run_folder(config)
    say(folder.note)
    if folder.is_done:
        return
    check_regimes(config)
    number = rank(config.trainer.num_processes)
    with folder.work(rank=number):
        inputs = load_inputs(config)
        if inputs.world is not None:
            selected_prompts(config, inputs.world)  # a benchmark that does not exist should not cost a training
        loggers = run_loggers(config, folder.path)
        try:
            summary = train(
                config, inputs, folder.path, loggers, lambda prepared: check_held_out(config, inputs, prepared)
            )
            if number != 0:
                return  # the first process evaluates
            records = evaluate(config, inputs, folder.path, loggers)
        except BaseException:
            finish(loggers, succeeded=False)
            raise
        finish(loggers, succeeded=True)
    say(f"{folder.path.name}: {summary.steps} steps in {summary.train_seconds:.0f} s, {len(records)} records")
