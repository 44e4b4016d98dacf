"""Where a result comes from: the code, the packages and the machine that produced it."""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "treasure", "torch", "pytorch-lightning", "transformers", "tokenizers", "datasets", "hydra-core", "omegaconf",
    "numpy", "scipy", "spacy", "wandb", "peft",
)  # fmt: skip


def collect() -> dict[str, Any]:
    """Commit, versions, time and hardware as data that JSON can hold; what cannot be found out is None."""
    return {
        "commit": commit(),
        "collected_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: package_version(name) for name in PACKAGES},
        "hardware": hardware(),
    }


def commit(folder: Path | None = None) -> str | None:
    """The git commit of the code in `folder` (ours by default), with `+dirty` when tracked files differ from it.

    None without git, outside a repository, or when the code is not part of the repository around it, as in an
    installed wheel.
    """
    folder = folder or Path(__file__).parent
    head = _git(folder, "rev-parse", "HEAD")
    if not head or not _git(folder, "ls-files", "--", "."):
        return None
    return head + ("+dirty" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")


def hardware() -> dict[str, Any]:
    """CPU model, usable cores, memory in GiB and GPU names of this machine."""
    return {
        "cpu": _cpu_model(),
        "num_cores": num_cores(),
        "ram_gib": _ram_gib(),
        "gpus": _gpus(),
    }


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def package_version(package: str) -> str | None:
    """The installed version; None when the package is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cpu_model() -> str | None:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or None


def num_cores() -> int:
    """Cores this process may use, which can be fewer than the machine has."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _ram_gib() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError, AttributeError):
        return None


def _gpus() -> list[str]:
    import torch  # slow to import, and needed for this one question only

    return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
