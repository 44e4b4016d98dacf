"""Works out what a command line asks for: one job, or the jobs of a sweep; refuses it before any job starts."""

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hydra._internal.core_plugins.basic_launcher import BasicLauncherConf
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper, BasicSweeperConf
from hydra.core.override_parser.types import Override
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from treasure.config.composer import Composer
from treasure.config.explain import explained
from treasure.config.typed import to_typed
from treasure.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Plan:
    """The jobs of one command line."""

    is_sweep: bool
    num_jobs: int | None
    """Jobs in all, at least 1; None when the sweeper decides as it goes."""
    varying: frozenset[str]
    """Options that differ between the jobs."""
    marks: Path | None = None
    """Folder, on a disk they share, for what the workers of a launcher tell each other; None without workers."""
    waits_for_workers: bool = False
    """Whether the workers are processes of this one, which hands signals on to them and waits."""

    def label(self, overrides: Sequence[str]) -> str:
        """The part of one job's overrides that tells it from the others, such as `seed=1 markers=none`."""
        own = [text for text in overrides if text.partition("=")[0] in self.varying]
        return " ".join(own or overrides)


def make_plan(composer: Composer, overrides: Sequence[str], *, multirun: bool) -> Plan:
    """Composes and checks every job that `overrides` stand for.

    Raises:
        ConfigError: some job's configuration cannot be built, or the sweep has no job.
    """
    with explained(composer, overrides):
        parsed = composer.parse(overrides)
        for override in parsed:
            _refuse_swept_sweep(override)
        asked = ["hydra.mode=MULTIRUN"] if multirun else []
        first = composer.compose([*(_first_value(composer, override) for override in parsed), *asked])
        if first.hydra.mode is not RunMode.MULTIRUN:
            is_swept = any(override.is_sweep_override() for override in parsed)
            to_typed(composer.compose(overrides) if is_swept else first, composer.schema)
            return Plan(is_sweep=False, num_jobs=1, varying=frozenset())
        swept = [*composer.parse(_sweeper_params(first)), *parsed]
    if first.hydra.sweeper._target_ != BasicSweeperConf._target_:
        plan = Plan(is_sweep=True, num_jobs=None, varying=frozenset(o.key_or_group for o in swept))
    else:
        plan = _plan_grid(composer, swept)
    launcher = first.hydra.launcher._target_
    if launcher == BasicLauncherConf._target_:
        return plan
    marks = Path(first.hydra.sweep.dir).parent.absolute() / f".jobs-{socket.gethostname()}-{os.getpid()}"
    return replace(plan, marks=marks, waits_for_workers="joblib" in launcher)


def _plan_grid(composer: Composer, swept: list[Override]) -> Plan:
    """The jobs that Hydra's own sweeper makes of `swept`, each composed and checked."""
    for override in swept:
        _first_value(composer, override)
    for_hydra = [override.input_line or "" for override in swept if override.is_hydra_override()]
    (jobs,) = BasicSweeper.split_arguments([o for o in swept if not o.is_hydra_override()], max_batch_size=None)
    for job in jobs:
        overrides = [*for_hydra, *job]
        with explained(composer, overrides):
            to_typed(composer.compose(overrides), composer.schema)
    columns = zip(*jobs, strict=True)
    varying = frozenset(column[0].partition("=")[0] for column in columns if len(set(column)) > 1)
    return Plan(is_sweep=True, num_jobs=len(jobs), varying=varying)


def _sweeper_params(config: DictConfig) -> list[str]:
    params = OmegaConf.select(config, "hydra.sweeper.params") or {}
    return [f"{key}={value}" for key, value in params.items()]


def _first_value(composer: Composer, override: Override) -> str:
    """`override` itself, or the first of the values it sweeps over, as an override."""
    assert override.input_line is not None
    if not override.is_sweep_override() or not override.is_discrete_sweep():
        return override.input_line
    value = next(override.sweep_string_iterator(), None)
    if value is None:
        allowed = composer.choices(override.key_or_group)
        listed = f"Names there: {', '.join(allowed)}." if allowed else "There are no names to choose from."
        raise ConfigError(f"'{override.input_line}' matches nothing, so there is no job to run. {listed}")
    return f"{override.get_key_element()}={value}"


def _refuse_swept_sweep(override: Override) -> None:
    if override.key_or_group == "sweeps" and override.is_sweep_override():
        raise ConfigError(
            f"'{override.input_line}' asks for several sweeps; one command runs one. "
            "Start them one after another, or join two grids into one with sweeps=[a,b]."
        )
