"""What a worker process does with one block, and what it answers: plain data, also when something went wrong."""

import json
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from treasure.annotation.blocks import Block, read_block
from treasure.annotation.chain import Tally, Task, annotate_block
from treasure.annotation.finding import Annotator
from treasure.errors import AnnotationError, TreasureError
from treasure.files import told_when_full

_STOP, _PROGRESS = "STOP", "progress"


@dataclass(frozen=True, slots=True)
class Board:
    """A folder that all processes of a run see: the wish to stop, and how far each block is.

    It needs no lock: each block has a number of its own, and one process works on it.
    """

    folder: Path
    num_blocks: int

    def begin(self) -> None:
        """Nobody wants to stop, and nothing is done."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / _STOP).unlink(missing_ok=True)
        np.zeros(self.num_blocks, dtype=np.int64).tofile(self.folder / _PROGRESS)

    def stop(self) -> None:
        """Asks all processes to begin no other block."""
        (self.folder / _STOP).touch()

    @property
    def wants_stop(self) -> bool:
        """Whether `stop` was called."""
        return (self.folder / _STOP).exists()

    def note(self, block: int, num_examples: int) -> None:
        """So many examples of the `block` with this number are done."""
        np.memmap(self.folder / _PROGRESS, np.int64, "r+", shape=(self.num_blocks,))[block] = num_examples

    def num_done(self) -> int:
        """Examples that are done, of all blocks."""
        return int(np.fromfile(self.folder / _PROGRESS, dtype=np.int64).sum())


@dataclass(slots=True)
class Work:
    """Annotates blocks in whatever process it is sent to; `build` makes the annotators there, once."""

    task: Task
    build: Callable[[], Sequence[Annotator]]
    board: Board
    annotators: Sequence[Annotator] = field(default=())

    def __call__(self, number: int, block: Block) -> str:
        """Annotates `block`, the `number`th of the run, and tells by JSON what came of it. Raises nothing."""
        if self.board.wants_stop:
            return json.dumps({})
        try:
            with told_when_full("the sidecar"):
                self.annotators = self.annotators or self.build()
                told = lambda num_examples: self.board.note(number, num_examples)  # noqa: E731
                tally = annotate_block(self.task, block, read_block(block), self.annotators, told)
        except TreasureError as error:  # as data, since not every error survives the way between processes
            self.board.stop()
            return json.dumps({"error": str(error)})
        except Exception:  # noqa: BLE001  # the parent raises it
            self.board.stop()
            return json.dumps({"fault": traceback.format_exc()})
        return json.dumps({"tally": tally_to_rows(tally)})


def tally_from(answer: str) -> Tally:
    """The numbers in what `Work` answered; none for a block that was not begun.

    Raises:
        AnnotationError: a mistake or circumstance that the user can mend.
        RuntimeError: any other error, with the traceback of the worker.
    """
    found = json.loads(answer)
    if "error" in found:
        raise AnnotationError(found["error"])
    if "fault" in found:
        raise RuntimeError(f"A worker failed:\n{found['fault']}")
    return tally_from_rows(found.get("tally", [[], []]))


def tally_to_rows(tally: Tally) -> list[list[list[str | int]]]:
    """`tally` as lists that JSON can hold."""
    return [[[*key, number] for key, number in part.items()] for part in (tally.outcomes, tally.num_asked)]


def tally_from_rows(rows: list[list[list]]) -> Tally:
    """What `tally_to_rows` was given."""
    outcomes, num_asked = ({tuple(key): number for *key, number in part} for part in rows)
    return Tally(outcomes, num_asked)
