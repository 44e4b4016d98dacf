"""The door of every command: command line -> typed configuration -> job.

    composed with   conf/<config_name>.yaml, group choices, experiments=, sweeps=, option=value
    checked         before anything runs, every job of a sweep included
    exit code       0 done; 2 a mistake the user can mend, told in one paragraph; 1 anything else, with its traceback;
                    75 a signal asked to stop, what is done is kept, and the same command goes on from there

HYDRA_FULL_ERROR=1 in the environment keeps the traceback of the former too.
"""

import argparse
import os
import re
import sys
from collections.abc import Mapping, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from treasure.config.composer import Composer, conf_dir, open_composer
from treasure.config.explain import explained
from treasure.config.help import help_page
from treasure.config.jobs import Jobs, Load, tell, wants_traceback
from treasure.config.open_fields import with_pluses
from treasure.config.plan import make_plan
from treasure.errors import ConfigError, Interrupted, TreasureError, did_you_mean
from treasure.files import told_when_full, told_when_unusable
from treasure.stopping import stop_signals

__all__ = ["conf_dir", "launch"]

T = TypeVar("T")


EXIT_INTERRUPTED = os.EX_TEMPFAIL
"""75, by which launchers know a job that should be queued again."""


def launch(
    schema: type[T],
    config_name: str,
    load: Load[T],
    *,
    about: str,
    conf: Path | None = None,
    subcommand: str | None = None,
    subcommands: Mapping[str, str] | None = None,
) -> None:
    """Runs the job with the configuration that `sys.argv` asks for, once, or once a job of a sweep.

    `load` is called where a job begins, after all is checked. `about` is one sentence for the help page.
    `schema` is registered as `<config_name>_schema`, which `<conf>/<config_name>.yaml` lists first in its defaults.
    `conf` is the folder of primary configs; None takes the shipped one. `subcommand` is a word that the caller found
    in front of the options; `subcommands` are those that could stand there, with what each does, for the help page and
    for a word that is none of them. `sys.argv` is left as it is, so that a job may start itself again.
    Leaves the process on failure.
    """
    _print_all_characters()
    arguments = _arguments(sys.argv[1:] if subcommand is None else sys.argv[2:])
    arguments.overrides = with_pluses(arguments.overrides, schema)
    try:
        _refuse_unknown_subcommand(arguments.overrides, subcommands or {})
        with stop_signals(), open_composer(schema, config_name, conf) as composer:
            if arguments.help:
                _print(_help(composer, arguments.overrides, about, subcommand, subcommands or {}))
            elif arguments.cfg:
                _show(composer, arguments)
            else:
                _run(composer, load, arguments.overrides, multirun=arguments.multirun)
    except TreasureError as error:
        _leave(str(error), error)
    except Interrupted as stop:
        tell(f"{Path(sys.argv[0]).name}: {stop}")
        sys.exit(EXIT_INTERRUPTED)


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(add_help=False, usage="%(prog)s [group=choice …] [option=value …] [-m] [--help]")
    parser.add_argument("overrides", nargs="*")
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("-m", "--multirun", action="store_true")
    parser.add_argument("-c", "--cfg", choices=["job", "hydra", "all"])
    parser.add_argument("-p", "--package")
    parser.add_argument("--resolve", action="store_true")
    arguments = parser.parse_intermixed_args(words)
    if arguments.cfg is None and (arguments.resolve or arguments.package):
        parser.error("--resolve and --package say how --cfg prints; add --cfg job.")
    return arguments


def _refuse_unknown_subcommand(overrides: Sequence[str], subcommands: Mapping[str, str]) -> None:
    word = overrides[0] if overrides else ""
    if subcommands and re.fullmatch(r"[\w-]+", word):
        raise ConfigError(
            f"Unknown subcommand '{word}'.{did_you_mean(word, subcommands)} Allowed: {', '.join(subcommands)}; all "
            "else is written option=value, see --help."
        )


def _help(
    composer: Composer, overrides: Sequence[str], about: str, subcommand: str | None, subcommands: Mapping[str, str]
) -> str:
    program = " ".join(filter(None, (Path(sys.argv[0]).name, subcommand)))
    with explained(composer, overrides):
        config = composer.compose(overrides)
        return help_page(composer, config, program=program, about=about, subcommands=subcommands)


def _print_all_characters() -> None:
    """Lets a terminal that knows ASCII alone show other characters by their numbers, as stderr does anyway."""
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


def _print(text: str) -> None:
    """Prints to a reader that may leave before the end, as `head` does."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains when it closes stdout


def _show(composer: Composer, arguments: argparse.Namespace) -> None:
    with explained(composer, arguments.overrides):
        composer.hydra.show_cfg(
            config_name=composer.config_name,
            overrides=arguments.overrides,
            cfg_type=arguments.cfg,
            package=arguments.package,
            resolve=arguments.resolve,
        )


def _run(composer: Composer, load: Load[Any], overrides: Sequence[str], *, multirun: bool) -> None:
    plan = make_plan(composer, overrides, multirun=multirun)
    jobs = Jobs(composer.schema, load, plan)
    places = told_when_full("the folder of this sweep"), told_when_unusable()  # which Hydra makes before any job
    with places[0], places[1], jobs.under_way(), explained(composer, overrides):
        if plan.is_sweep:
            batches = composer.hydra.multirun(composer.config_name, jobs, [*overrides, "hydra.mode=MULTIRUN"])
        else:
            batches = [[composer.hydra.run(composer.config_name, jobs, list(overrides))]]
    code = jobs.conclude([job.return_value for batch in batches or [] for job in batch])
    if code:
        sys.exit(code)


def _leave(text: str, error: TreasureError) -> NoReturn:
    if wants_traceback():
        raise error
    tell(f"{Path(sys.argv[0]).name}: {text}")
    sys.exit(2)
