"""What a finished training left in its run folder, and what to do where it is not what it was."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from treasure.data.frequency import Frequency
from treasure.errors import CheckpointError, LeversError
from treasure.files import is_of_system
from treasure.training.fit import FitSummary

T = TypeVar("T")

SUMMARY_FILE = "training.json"
FREQUENCY_FILE = "frequency.json"


def read_summary(folder: Path) -> FitSummary:
    """What training cost, from the run folder.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    if not (folder / SUMMARY_FILE).is_file():
        raise CheckpointError(
            f"'{folder}' holds no {SUMMARY_FILE}, which a training writes at its end. Put it back if it was removed, "
            "or let treasure-train (or treasure-run) with the same options train to the end."
        )
    return _read(folder, SUMMARY_FILE, lambda content: FitSummary(**content))


def read_frequency(folder: Path) -> Frequency:
    """How common each value is among the examples that the run trained on.

    Raises:
        CheckpointError: the file is missing or damaged.
    """
    return _read(folder, FREQUENCY_FILE, Frequency.from_dict)


def _read(folder: Path, name: str, make: Callable[[Any], T]) -> T:
    with told_to_train_again(folder):
        try:
            return make(json.loads((folder / name).read_text(encoding="utf-8")))
        except FileNotFoundError as error:
            raise CheckpointError(f"{name} is missing.") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(f"{name} is damaged ({error}).") from error


@contextmanager
def told_to_train_again(folder: Path) -> Iterator[None]:
    """Says what to do where a file that the finished training left in `folder` is not what it was.

    A sound model that is not the one asked for is no reason to train again, nor is a system that refuses to open files.

    Raises:
        CheckpointError: with that.
    """
    try:
        yield
    except LeversError:
        raise
    except CheckpointError as error:
        if is_of_system(error.__cause__):
            raise
        raise CheckpointError(
            f"What the training left in '{folder}' cannot be used: {error} Put it back if it was changed, or delete "
            f"'{folder / SUMMARY_FILE}': treasure-train or treasure-run with the same options then trains again."
        ) from error
