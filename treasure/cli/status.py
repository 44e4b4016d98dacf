"""`treasure-report status`: one line a run folder, at any moment, also while runs are writing in them."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from treasure.cli.console import console, say
from treasure.config.run_folder import DONE, FAILED, INTERRUPTED
from treasure.config.run_lock import living_holder
from treasure.config.schema import StatusCommand
from treasure.errors import DataError, did_you_mean
from treasure.plurals import plural
from treasure.training.metrics_file import METRICS_FILE, read_metrics
from treasure.training.saved_steps import PROGRESS_FILE, saved_steps, state_path

_STYLES = {"done": "green", "failed": "bold red", "running": "cyan", "waiting": "yellow", "cut short": "yellow"}
_WATCHED = ("config.yaml", PROGRESS_FILE, METRICS_FILE, DONE, FAILED, INTERRUPTED)


@dataclass(frozen=True, slots=True)
class RunStatus:
    """How one run stands. `state` is done, failed, running, waiting (for its launcher) or cut short.

    `steps` counts optimizer steps that are done, or saved where the run has to go on; `age_s` is the time in seconds
    since the run last wrote something. Both are None, as is the last logged `loss`, where nothing is known.
    """

    group: str
    name: str
    state: str
    detail: str
    steps: int | None
    loss: float | None
    age_s: float | None


def show_status(config: StatusCommand) -> None:
    """Prints how all runs stand at this moment: done, failed, running, waiting to be started again, cut short."""
    found = list(statuses(Path(config.paths.outputs) / "runs", config.group))
    if found:
        console.print(_table(found))
    counts = {state: sum(status.state == state for status in found) for state in _STYLES}
    told = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    say(plural(len(found), "run") + (f": {told}." if told else f" in {config.paths.outputs}."))


def statuses(runs: Path, group: str | None = None) -> Iterator[RunStatus]:
    """The runs below `runs`, those of `group` alone if it is given, by group and name.

    Raises:
        DataError: there is no such group.
    """
    groups = sorted(path.name for path in runs.iterdir() if path.is_dir()) if runs.is_dir() else []
    if group is not None and group not in groups:
        listed = ", ".join(groups) or "none"
        raise DataError(f"No such group of runs.{did_you_mean(group, groups)} Groups: {listed}.", runs / group)
    for name in groups if group is None else [group]:
        for folder in sorted((runs / name).iterdir()):
            if folder.is_dir() and not folder.name.startswith("."):
                yield status_of(folder)


def status_of(folder: Path) -> RunStatus:
    """How the run in `folder` stands; what vanishes or is half written meanwhile counts as not there."""
    progress, summary = _progress(folder), _read(folder / "training.json")
    saved = next(iter(saved_steps(state_path(folder))), None)
    holder = living_holder(folder)
    trained = summary.get("steps")
    going_on = f"goes on at step {saved}" if saved is not None else "trained" if trained else "starts at step 0"
    steps = trained if trained is not None else saved
    if (folder / DONE).is_file():
        state, detail = "done", ""
    elif holder is not None:
        state, detail = "running", f"process {holder['pid']} on {holder['host']}, {_doing(progress, trained)}"
        steps = trained if trained is not None else progress.get("step")
    elif (folder / FAILED).is_file():
        state, detail = "failed", f"{_first_line(folder / FAILED)} ({going_on})"
    elif (folder / INTERRUPTED).is_file():
        state, detail = "waiting", f"to be started again: {going_on}"
    else:
        state, detail = "cut short", going_on
    return RunStatus(folder.parent.name, folder.name, state, detail, steps, _last_loss(folder), _age_s(folder))


def _last_loss(folder: Path) -> float | None:
    rows = read_metrics(folder / METRICS_FILE)
    try:
        return float(rows[-1]["loss"])
    except (IndexError, KeyError, ValueError):
        return None


def _progress(folder: Path) -> dict[str, Any]:
    """What the training says of itself; nothing when it is of an earlier start than the process that works here."""
    try:
        if (folder / PROGRESS_FILE).stat().st_mtime < (folder / "config.yaml").stat().st_mtime:  # each start writes it
            return {}
    except OSError:
        return {}
    return _read(folder / PROGRESS_FILE)


def _doing(progress: dict[str, Any], trained: int | None) -> str:
    if trained is not None:
        return "evaluates"
    if not {"step", "num_steps", "first_step", "seconds"} <= progress.keys():
        return "prepares"
    step, total = progress["step"], progress["num_steps"]
    text = f"step {step} of {total} ({step / total:.0%})"
    done = step - progress["first_step"]
    return f"{text}, {_duration((total - step) * progress['seconds'] / done)} left" if done > 0 else text


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _first_line(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[0] if lines else "no reason given"


def _age_s(folder: Path) -> float | None:
    times = []
    for name in _WATCHED:
        try:
            times.append((folder / name).stat().st_mtime)
        except OSError:
            continue
    return max(0.0, time.time() - max(times)) if times else None


def _table(found: list[RunStatus]) -> Table:
    table = Table("group", "run", "state", "steps", "loss", "last sign", show_edge=False)
    for status in found:
        text = Text(status.state, _STYLES[status.state])
        if status.detail:
            text.append(f": {status.detail}", "default not bold")
        table.add_row(
            Text(status.group),
            Text(status.name),
            text,
            "" if status.steps is None else str(status.steps),
            "" if status.loss is None else f"{status.loss:.3f}",
            "" if status.age_s is None else f"{_duration(status.age_s)} ago",
        )
    return table


def _duration(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
