"""Annotates blocks on all machines of a Ray cluster, or on a Ray of this machine alone.

Examples and sidecar lie in a folder that all machines see under the same path.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from treasure.annotation.blocks import Block
from treasure.annotation.work import Work
from treasure.errors import AnnotationError, MissingExtraError
from treasure.stopping import deferred_stop, listen_again


def annotate_on_ray(work: Work, blocks: Sequence[Block], num_workers: int, address: str) -> Iterator[str]:
    """What `work` answers of each of `blocks`, in any order, as the answers come.

    `num_workers` actors work at once; 0 takes all cores of the cluster. `address` is that of a cluster; an empty one
    starts a Ray on this machine for as long as it takes.

    Raises:
        MissingExtraError: Ray is not installed.
        AnnotationError: Ray gave up.
        Interrupted: a signal came, and the blocks that were begun are done.
    """
    try:
        import ray
        import ray.data
        import ray.exceptions
    except ImportError as error:
        raise MissingExtraError("ray[data]", "cluster") from error
    with _ray(ray, address, num_workers):
        size = min(num_workers or int(ray.cluster_resources().get("CPU", 1)), len(blocks))
        rows: list[Any] = [{"number": number, "block": asdict(block)} for number, block in enumerate(blocks)]
        actor: Any = _Actor  # Ray's types know functions alone
        done = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
            actor, fn_constructor_args=(work,), concurrency=size, num_cpus=1
        )
        try:
            with deferred_stop(work.board.stop):
                for row in done.iter_rows():
                    yield row["answer"]
        except ray.exceptions.RayError as error:
            raise AnnotationError(
                f"Ray gave up: {error}. What is done is kept, and the same command goes on from there."
            ) from error


class _Actor:
    """One worker of the cluster: its annotators are made once."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def __call__(self, row: dict[str, Any]) -> dict[str, str]:
        return {"answer": self._work(row["number"], Block(**row["block"]))}


@contextmanager
def _ray(ray: Any, address: str, num_workers: int) -> Iterator[None]:
    """A quiet connection, unless there is one; it ends with the block."""
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    options = {"address": address} if address else {"num_cpus": num_workers or None, "include_dashboard": False}
    try:
        ray.init(**options, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError) as error:
        raise AnnotationError(f"No Ray cluster answers at '{address}': {error}") from error
    listen_again()
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    try:
        yield
    finally:
        ray.shutdown()
