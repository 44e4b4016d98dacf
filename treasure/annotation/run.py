"""Annotates datasets into a sidecar: reads them into blocks, and sends each phase of annotators over all blocks.

datasets -> blocks on disk -> facts, rules, … on all cores -> llm, … in this process -> parts of the sidecar
"""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from tqdm import tqdm

from treasure.annotation.blocks import Block, read_block, with_checked_facts, write_blocks
from treasure.annotation.build import Phase
from treasure.annotation.chain import Tally, Task, annotate_block, missing
from treasure.annotation.config import AnnotationOptions, Engine
from treasure.annotation.cores import annotate_on_cores
from treasure.annotation.finding import Annotator
from treasure.annotation.llm.estimate import Estimate
from treasure.annotation.parts import remove_blocks_from, remove_unfinished
from treasure.annotation.sidecar import SidecarInfo, read_info, write_info
from treasure.annotation.work import Board, Work, tally_from
from treasure.data.example import Example
from treasure.data.readers import DatasetConfig, ReadReport, read_dataset
from treasure.errors import ConfigError
from treasure.files import remove_folder
from treasure.provenance import num_cores

WORK = ".work"
"""Folder in the sidecar for what only the run needs."""
_POLL_S = 0.5


@dataclass(slots=True)
class AnnotationSummary:
    """What became of a run, or in a rehearsal (`dry_run`) what would be asked and cost."""

    tally: Tally = field(default_factory=Tally)
    num_examples: dict[str, int] = field(default_factory=dict)
    reports: list[str] = field(default_factory=list)
    estimates: dict[str, Estimate] = field(default_factory=dict)
    seconds: float = 0.0


def annotate_datasets(
    datasets: Mapping[str, DatasetConfig],
    task: Task,
    phases: Sequence[Phase],
    options: AnnotationOptions,
) -> AnnotationSummary:
    """Completes the sidecar `task.folder`, so that it holds what `phases` have to say of all examples of `datasets`.

    What an earlier start left there and still fits is kept. No other process may write there meanwhile.

    Raises:
        DataError: data that cannot be read, or wrong facts.
        ConfigError: the sidecar has blocks of another size.
        AnnotationError: a worker died or cannot work.
        Interrupted: a signal came; what is done is kept.
    """
    summary, begun = AnnotationSummary(), time.monotonic()
    info = _begin(task, phases, options)
    work_folder = task.folder / WORK
    remove_folder(work_folder)
    remove_unfinished(task.folder)
    try:
        blocks = list(_all_blocks(datasets, task, options, work_folder, summary))
        for phase in phases:
            for answer in _answers(phase, task, blocks, options, work_folder):
                summary.tally.add(answer)
            task = replace(task, earlier=(*task.earlier, *phase.names))
    finally:
        remove_folder(work_folder)
    write_info(task.folder, replace(info, datasets={**info.datasets, **summary.num_examples}))
    summary.seconds = time.monotonic() - begun
    return summary


def rehearse(
    datasets: Mapping[str, DatasetConfig], task: Task, phases: Sequence[Phase], options: AnnotationOptions
) -> AnnotationSummary:
    """Counts what `annotate_datasets` would ask, and writes nothing.

    What later annotators are asked depends on what earlier ones will find, so their numbers are upper bounds.

    Raises:
        DataError, ConfigError: as there.
    """
    summary, begun = AnnotationSummary(), time.monotonic()
    _check_block_size(read_info(task.folder), task.folder, options)
    annotators = [annotator for phase in phases for annotator in phase.build()]
    for name, dataset in datasets.items():
        rows = (with_checked_facts(row, task.taxonomy) for row in _examples(dataset, options.limit, summary))
        number = 0
        while chunk := list(islice(rows, options.block_size)):
            block = Block(name, number, len(chunk), "")
            summary.tally.add(missing(task, block, chunk, annotators, summary.estimates))
            summary.num_examples[name] = summary.num_examples.get(name, 0) + len(chunk)
            number += 1
    summary.seconds = time.monotonic() - begun
    return summary


def _begin(task: Task, phases: Sequence[Phase], options: AnnotationOptions) -> SidecarInfo:
    """Notes whom this sidecar is from; annotators of earlier runs that are not asked now are trusted least."""
    earlier = read_info(task.folder)
    _check_block_size(earlier, task.folder, options)
    names = [name for phase in phases for name in phase.names]
    others = [name for name in earlier.annotators if name not in names] if earlier else []
    info = SidecarInfo(
        taxonomy=task.taxonomy.name,
        taxonomy_hash=task.taxonomy.hash,
        block_size=options.block_size,
        annotators=(*names, *others),
        datasets=earlier.datasets if earlier else {},
    )
    write_info(task.folder, info)
    return info


def _check_block_size(info: SidecarInfo | None, folder: Path, options: AnnotationOptions) -> None:
    if info is not None and info.block_size != options.block_size:
        raise ConfigError(
            f"{folder} has blocks of {info.block_size} examples, and block_size is {options.block_size}: nothing in it "
            f"would fit. Take block_size={info.block_size}, or another folder."
        )


def _examples(dataset: DatasetConfig, limit: int | None, summary: AnnotationSummary) -> Iterator[Example]:
    report = ReadReport()
    yield from islice(read_dataset(dataset, report), limit)
    summary.reports.append(report.describe())


def _all_blocks(
    datasets: Mapping[str, DatasetConfig],
    task: Task,
    options: AnnotationOptions,
    folder: Path,
    summary: AnnotationSummary,
) -> Iterator[Block]:
    """Reads all datasets into blocks below `folder`, and forgets what the sidecar knows of blocks that are gone."""
    with tqdm(desc="reading", unit="example", delay=2, leave=False) as bar:
        for name, dataset in datasets.items():
            number = 0
            rows = _examples(dataset, options.limit, summary)
            for block in write_blocks(name, rows, task.taxonomy, options.block_size, folder):
                summary.num_examples[name] = summary.num_examples.get(name, 0) + block.num_examples
                bar.update(block.num_examples)
                number = block.number + 1
                yield block
            if options.limit is None and dataset.limit is None:
                remove_blocks_from(task.folder, name, number)


def _answers(
    phase: Phase, task: Task, blocks: Sequence[Block], options: AnnotationOptions, folder: Path
) -> Iterator[Tally]:
    """What came of each block, in whatever order they are done."""
    total = sum(block.num_examples for block in blocks)
    description = "annotating: " + ", ".join(phase.names)
    if not phase.in_workers:
        with (
            _closing(phase.build()) as annotators,
            tqdm(total=total, desc=description, unit="example", leave=False) as bar,
        ):
            for block in blocks:
                yield annotate_block(task, block, read_block(block), annotators)
                bar.update(block.num_examples)
        return
    board = Board(folder / "board", len(blocks))
    board.begin()
    work = Work(task, phase.build, board)
    with _bar(board, total, description):
        for answer in _engine(work, blocks, options):
            yield tally_from(answer)


@contextmanager
def _closing(annotators: Sequence[Annotator]) -> Iterator[Sequence[Annotator]]:
    """Closes in the end those of `annotators` that hold something open, such as a file of records."""
    with ExitStack() as stack:
        for annotator in annotators:
            if isinstance(annotator, AbstractContextManager):
                stack.enter_context(annotator)
        yield annotators


def _engine(work: Work, blocks: Sequence[Block], options: AnnotationOptions) -> Iterable[str]:
    if options.engine is Engine.RAY:
        from treasure.annotation.ray_engine import annotate_on_ray  # Ray is an extra

        return annotate_on_ray(work, blocks, options.num_workers, options.ray_address)
    return annotate_on_cores(work, blocks, options.num_workers or num_cores())


@contextmanager
def _bar(board: Board, total: int, description: str) -> Iterator[None]:
    """Shows how many examples are done, and how long the others will take, while other processes work."""
    ended = threading.Event()

    def show() -> None:
        with tqdm(total=total, desc=description, unit="example", leave=False) as bar:
            while not ended.wait(_POLL_S):
                bar.update(board.num_done() - bar.n)

    thread = threading.Thread(target=show, daemon=True, name="progress")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
