"""Where things lie that commands read and write."""

from dataclasses import dataclass


@dataclass(kw_only=True, slots=True)
class PathsConfig:
    """Where things lie; never part of a run's identity."""

    outputs: str = "outputs"
    """Runs, reports and caches."""
    data: str = "data"
    """Folder that the paths of a data YAML are relative to."""
    benchmarks: str = "data/eval"
    """Folder of the files of public benchmarks, to which conf/suite is relative."""
