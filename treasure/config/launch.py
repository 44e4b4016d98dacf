"""The door of every command: command line -> typed configuration -> `main`.

    composed with   conf/<config_name>.yaml, group choices, experiments=, sweeps=, option=value
    checked         before anything runs, every job of a sweep included
    exit code       0 done; 2 a mistake the user can mend, told in one paragraph; 1 anything else, with its traceback;
                    75 a signal asked to stop, what is done is kept, and the same command goes on from there

HYDRA_FULL_ERROR=1 in the environment keeps the traceback of the former too.
"""

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from treasure.config.composer import Composer, conf_dir, open_composer
from treasure.config.enum_values import accept_enum_values
from treasure.config.explain import explained
from treasure.config.help import help_page
from treasure.config.on_error import OnError
from treasure.config.plan import Plan, make_plan
from treasure.config.typed import to_typed
from treasure.errors import Interrupted, TreasureError
from treasure.files import told_when_full
from treasure.stopping import stop_signals

__all__ = ["conf_dir", "launch"]

T = TypeVar("T")


EXIT_INTERRUPTED = os.EX_TEMPFAIL
"""75, by which launchers know a job that should be queued again."""


def launch(
    schema: type[T],
    config_name: str,
    main: Callable[[T], None],
    *,
    conf: Path | None = None,
    subcommand: str | None = None,
) -> None:
    """Runs `main` with the configuration that `sys.argv` asks for, once, or once a job of a sweep.

    `schema` is registered as `<config_name>_schema`, which `<conf>/<config_name>.yaml` lists first in its defaults.
    `conf` is the folder of primary configs; None takes the shipped one. `subcommand` is a word that the caller found
    in front of the options. `sys.argv` is left as it is, so that `main`
    may start itself again. Leaves the process on failure.
    """
    arguments = _arguments(sys.argv[1:] if subcommand is None else sys.argv[2:])
    try:
        with stop_signals(), open_composer(schema, config_name, conf) as composer:
            if arguments.help:
                _print(_help(composer, arguments.overrides, main, subcommand))
            elif arguments.cfg:
                _show(composer, arguments)
            else:
                _run(composer, main, arguments.overrides, multirun=arguments.multirun)
    except TreasureError as error:
        _leave(str(error), error)
    except Interrupted as stop:
        _tell(f"{Path(sys.argv[0]).name}: {stop}")
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


def _help(composer: Composer, overrides: Sequence[str], main: Callable[..., None], subcommand: str | None) -> str:
    with explained(composer, overrides):
        config = composer.compose(overrides)
        about = (main.__doc__ or "").strip().partition("\n")[0]
        return help_page(
            composer, config, program=" ".join(filter(None, (Path(sys.argv[0]).name, subcommand))), about=about
        )


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


def _run(composer: Composer, main: Callable[[Any], None], overrides: Sequence[str], *, multirun: bool) -> None:
    plan = make_plan(composer, overrides, multirun=multirun)
    jobs = _Jobs(composer.schema, main, plan)
    with explained(composer, overrides):
        if plan.is_sweep:
            composer.hydra.multirun(composer.config_name, jobs, [*overrides, "hydra.mode=MULTIRUN"])
        else:
            composer.hydra.run(composer.config_name, jobs, list(overrides))
    jobs.conclude()


@dataclass(slots=True)
class _Jobs(Generic[T]):
    """What Hydra calls for each job. Failures are told at once and kept, so that the other jobs still run."""

    schema: type[T]
    main: Callable[[T], None]
    plan: Plan
    pid: int = field(default_factory=os.getpid)
    failures: list[tuple[str, Exception]] = field(default_factory=list)
    num_left_out: int = 0
    stopped: bool = False

    def __call__(self, config: DictConfig) -> None:
        if self.stopped:
            self.num_left_out += 1
            return
        label = self._label() if self.plan.is_sweep else ""
        if label:
            _tell(label)
        typed = None
        try:
            with told_when_full("what this command makes"):
                typed = to_typed(config, self.schema)
                self.main(typed)
        except Exception as error:
            self.failures.append((label, error))
            self.stopped = getattr(typed, "on_error", OnError.CONTINUE) is OnError.STOP
            if label:
                _tell_failure(label, error)
            if os.getpid() != self.pid:  # a launcher's worker: what is kept here is lost, so Hydra must carry it home
                raise

    def __reduce__(self) -> tuple[Any, ...]:
        return _jobs_in_worker, (self.schema, self.main, self.plan, self.pid)

    def _label(self) -> str:
        hydra = HydraConfig.get()
        total = f" of {self.plan.num_jobs}" if self.plan.num_jobs else ""
        own = self.plan.label(hydra.overrides.task)
        return f"Job {int(hydra.job.num) + 1}{total}" + (f" ({own})" if own else "")

    def conclude(self) -> None:
        """Raises the failure of a single run, or leaves the process when a job of a sweep failed."""
        if not self.failures:
            return
        if not self.plan.is_sweep:
            _, error = self.failures[0]
            raise error
        labels = "; ".join(label for label, _ in self.failures)
        stopped = f" Stopped there (on_error=stop): {self.num_left_out} not started." if self.stopped else ""
        _tell(f"{len(self.failures)} of {self.plan.num_jobs or 'the'} jobs failed: {labels}.{stopped}")
        sys.exit(2 if all(isinstance(error, TreasureError) for _, error in self.failures) else 1)


def _jobs_in_worker(schema: type[T], main: Callable[[T], None], plan: Plan, pid: int) -> _Jobs[T]:
    """What a launcher's worker process gets: it composes its job again, and must read options as this process does."""
    accept_enum_values()
    return _Jobs(schema, main, plan, pid)


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _tell_failure(label: str, error: Exception) -> None:
    if not isinstance(error, TreasureError) or _wants_traceback():
        traceback.print_exception(error)
    _tell(f"{label} failed: {error or type(error).__name__}")


def _leave(text: str, error: TreasureError) -> NoReturn:
    if _wants_traceback():
        raise error
    _tell(f"{Path(sys.argv[0]).name}: {text}")
    sys.exit(2)


def _wants_traceback() -> bool:
    return os.environ.get("HYDRA_FULL_ERROR") == "1"
