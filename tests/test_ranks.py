import pytest

from treasure.ranks import is_started, rank

NAMES = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_STEP_NUM_TASKS")


@pytest.fixture
def environment(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)

    def put(**values):
        for name, value in values.items():
            monkeypatch.setenv(name, str(value))

    return put


@pytest.mark.parametrize(
    ("names", "num_processes", "expected"),
    [
        ({}, 2, None),
        ({"RANK": 1, "WORLD_SIZE": 2}, 2, 1),
        ({"SLURM_PROCID": 3, "SLURM_STEP_NUM_TASKS": 4, "SLURM_NTASKS": 4}, 4, 3),
        ({"SLURM_PROCID": 1, "SLURM_STEP_NUM_TASKS": 2, "RANK": 9, "WORLD_SIZE": 16}, 16, 9),
        ({"SLURM_PROCID": 0, "SLURM_NTASKS": 1}, 2, None),
        ({"SLURM_PROCID": 0, "SLURM_NTASKS": 8}, 8, None),
        ({"SLURM_PROCID": 5, "SLURM_STEP_NUM_TASKS": 8}, 2, None),
        ({"SLURM_PROCID": 5, "SLURM_STEP_NUM_TASKS": 8}, 1, None),
        ({"RANK": 1, "LOCAL_RANK": 1}, 2, None),
        ({"RANK": 0, "WORLD_SIZE": 1}, 1, None),
        ({"RANK": "", "WORLD_SIZE": 2}, 2, None),
    ],
    ids=[
        "nothing",
        "torchrun",
        "srun",
        "torchrun by srun",
        "batch script",
        "batch script of many tasks",
        "srun over runs of two processes",
        "srun over seeds",
        "stray rank",
        "torchrun with one",
        "empty",
    ],
)
def test_the_environment_counts_where_it_tells_of_as_many_processes(environment, names, num_processes, expected):
    environment(**names)
    assert is_started(num_processes) == (expected is not None)
    assert rank(num_processes) == (expected or 0)
