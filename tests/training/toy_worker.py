"""One of several processes that do what a file in their folder says; started by `run_on_processes`, or as the command
that calls it: `toy_worker.py FOLDER PROCESSES`.
"""

import os
import signal
import sys
import time
from pathlib import Path

from treasure.errors import TrainingError
from treasure.parent import die_with_parent
from treasure.stopping import deferred_stop, stop_asked, stop_signals
from treasure.training.processes import failure_told, run_on_processes


def work(folder: Path, rank: int) -> None:
    (folder / f"pid-{rank}").write_text(str(os.getpid()))
    does = (folder / "does").read_text()
    if does == "fail" and rank == 1:
        raise TrainingError("The loss is nan.")
    if does == "crash" and rank == 1:
        os.abort()
    if does == "lose one":
        import torch.distributed as processes

        processes.init_process_group("gloo")
        processes.barrier()
        if rank == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        processes.barrier()
    while not stop_asked() and does != "nothing":
        time.sleep(0.02)
        with (folder / f"beats-{rank}").open("a") as file:
            file.write(".")
    if does == "save slowly":
        time.sleep(35)
        (folder / f"saved-{rank}").touch()


if __name__ == "__main__":
    if len(sys.argv) == 3:
        sys.path.append(str(Path(__file__).parent))
        with stop_signals():
            run_on_processes("toy_worker", Path(sys.argv[1]), int(sys.argv[2]))
    else:
        die_with_parent()
        rank = int(os.environ["RANK"])
        with stop_signals(), deferred_stop(), failure_told(Path(sys.argv[1]), rank):
            work(Path(sys.argv[1]), rank)
