"""Which of several processes this one is: what torchrun or srun put into the environment, read in this one place.

The environment is believed only where it tells of as many processes as the work has. Sweeps by `srun -n 8`, batch
scripts and stray variables number processes too, each of which does a work of its own.
"""

import os

_NUMBERED_BY = (("RANK", "WORLD_SIZE"), ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"))
"""(number, how many) of torchrun and of srun. SLURM_NTASKS will not do: batch scripts, which run once, have it too."""


def rank(num_processes: int) -> int:
    """The number of this process among the `num_processes` that share its work, from 0; 0 until these are started."""
    number = _started_as(num_processes)
    return 0 if number is None else number


def is_started(num_processes: int) -> bool:
    """Whether a launcher started this process as one of `num_processes`, at least 2, that share its work."""
    return _started_as(num_processes) is not None


def _started_as(num_processes: int) -> int | None:
    if num_processes == 1:
        return None
    for number, total in _NUMBERED_BY:
        if os.environ.get(total) == str(num_processes) and os.environ.get(number, "").isdigit():
            return int(os.environ[number])
    return None
