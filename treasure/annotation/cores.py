"""Annotates blocks on all cores of this machine, through the `datasets` library."""

from collections.abc import Iterator, Sequence

import datasets

from treasure.annotation.blocks import Block
from treasure.annotation.work import Work
from treasure.errors import AnnotationError, Interrupted
from treasure.parent import tied_forks
from treasure.stopping import deferred_stop, stop_asked


def annotate_on_cores(work: Work, blocks: Sequence[Block], num_workers: int) -> Iterator[str]:
    """What `work` answers of each of `blocks`, in any order, when `num_workers` processes are through with all.

    Raises:
        AnnotationError: a worker process died.
        Interrupted: a signal came, and the blocks that were begun are done.
    """
    num_workers = min(num_workers, len(blocks))
    # `map` gives each worker a run of rows: neighbours, which are alike, are to go to different ones
    numbers = [number for first in range(num_workers) for number in range(first, len(blocks), num_workers)]
    rows = datasets.Dataset.from_dict(
        {
            "number": numbers,
            "dataset": [blocks[number].dataset for number in numbers],
            "block": [blocks[number].number for number in numbers],
            "num_examples": [blocks[number].num_examples for number in numbers],
            "path": [blocks[number].path for number in numbers],
        }
    )
    with deferred_stop(work.board.stop), tied_forks(), _no_bars():
        try:
            done = rows.map(
                _answer,
                fn_kwargs={"work": work},
                batched=True,
                batch_size=1,
                num_proc=num_workers if num_workers > 1 else None,
                remove_columns=rows.column_names,
                features=datasets.Features({"answer": datasets.Value("string")}),
                new_fingerprint="annotated",  # else the whole function is pickled to find one out
            )
        except RuntimeError as error:
            if stop_asked():  # launchers send their signal to workers too
                raise Interrupted(stop_asked()) from error
            raise AnnotationError(
                "A worker process died: it was killed, perhaps for lack of memory. What is done is kept, and the same "
                "command goes on from there. If memory is short, lower num_workers or block_size."
            ) from error
    yield from done["answer"]


def _answer(batch: dict[str, list], work: Work) -> dict[str, list[str]]:
    columns = (batch[name] for name in ("number", "dataset", "block", "num_examples", "path"))
    return {"answer": [work(number, Block(*block)) for number, *block in zip(*columns, strict=True)]}


class _no_bars:  # noqa: N801  # a context manager
    """Keeps the bars of `datasets` off the screen, where ours is."""

    def __enter__(self) -> None:
        self._were_on = datasets.is_progress_bar_enabled()
        datasets.disable_progress_bars()

    def __exit__(self, *_: object) -> None:
        if self._were_on:
            datasets.enable_progress_bars()
