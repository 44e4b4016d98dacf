"""Which steps of a training are saved in its run folder; light, for those who only want to look."""

from pathlib import Path

STATE_FILE = "state.json"
PROGRESS_FILE = "progress.json"
_STATES = "state"


def state_path(run_folder: Path) -> Path:
    """The folder of the saved states."""
    return run_folder / _STATES


def step_folder(states: Path, step: int) -> Path:
    """The folder of one saved state."""
    return states / f"step-{step}"


def saved_steps(states: Path) -> list[int]:
    """The optimizer steps after which the whole state was saved, newest first; empty when there is none."""
    names = (path.parent.name.removeprefix("step-") for path in states.glob(f"step-*/{STATE_FILE}"))
    return sorted((int(name) for name in names if name.isdigit()), reverse=True)
