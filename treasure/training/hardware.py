"""What the machine at hand decides about training: device, number format, attention, compilation."""

import ctypes
import os
import shutil
import sysconfig
import tempfile
from pathlib import Path

import torch

from treasure.errors import ConfigError

_LONGEST_EAGER_ON_CPU = 1024
"""Tokens of context up to which unfused attention on CPUs is faster and small enough."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST_MMAP_THRESHOLD = 2**25
"""Bytes; glibc refuses more."""


def device_type(accelerator: str) -> str:
    """The device that Lightning's `accelerator` stands for here: cpu, cuda or mps.

    Raises:
        ConfigError: the machine has no such device.
    """
    device = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    found = "cpu" if device is None else device.type
    if accelerator == "auto":
        return found
    if accelerator not in ("cpu", found) and (accelerator != "gpu" or found == "cpu"):
        raise ConfigError(
            f"trainer.accelerator={accelerator}, but torch finds no such device here, only {found}. Set "
            "trainer.accelerator=auto or cpu; treasure-doctor tells what torch finds."
        )
    return found if accelerator == "gpu" else accelerator


def check_devices(accelerator: str, devices: int) -> None:
    """Refuses more processes than the machine has devices, or CPU cores, for them.

    Raises:
        ConfigError: it has fewer than `devices`, or none of the kind that `accelerator` names.
    """
    device = device_type(accelerator)
    num_found = (os.cpu_count() or 1) if device == "cpu" else torch.accelerator.device_count()
    if devices > num_found:
        kind = "CPU cores" if device == "cpu" else f"{device} devices"
        raise ConfigError(
            f"trainer.devices={devices} asks for as many processes, each on a device of its own; {kind} of this "
            f"machine: {num_found}. Set trainer.devices to {num_found} or less."
        )


def resolve_precision(precision: str, device: str) -> str:
    """`precision`, with auto resolved: bf16-mixed where `device` multiplies bfloat16 natively, else 32-true.

    Raises:
        ConfigError: float16 is asked for on a CPU, where Lightning would take bfloat16 in its place.
    """
    if precision == "16-mixed" and device == "cpu":
        raise ConfigError(
            "trainer.precision=16-mixed trains in float16, which is not done on a CPU. "
            "Set trainer.precision=bf16-mixed, 32-true or auto."
        )
    if precision != "auto":
        return precision
    if device == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = device == "cpu" and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return "bf16-mixed" if native else "32-true"


def resolve_attention(attention: str, device: str, max_length: int) -> str:
    """`attention`, with auto resolved: eager on CPUs for short contexts, else sdpa."""
    if attention != "auto":
        return attention
    return "eager" if device == "cpu" and max_length <= _LONGEST_EAGER_ON_CPU else "sdpa"


def keep_freed_memory() -> None:
    """Tells the C library not to give freed memory back to the system: each step takes the same tensors again.

    On CPUs that saves the system from clearing the same pages in every step, 3 to 7 % of its time. Only glibc is told.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):  # another C library, or none that can be asked
        return
    mallopt(_M_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)
    mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)


def has_compiler() -> bool:
    """Whether there is a C++ compiler, without which `torch.compile` cannot work on CPUs."""
    return any(shutil.which(name) for name in (os.environ.get("CXX", "g++"), "clang++"))


def check_compiler_paths() -> None:
    """Refuses folders that `torch.compile` cannot work with.

    Raises:
        ConfigError: one of them has a blank, a quotation mark or a backslash in its path.
    """
    fault = compiler_path_fault()
    if fault is not None:
        raise ConfigError(f"{fault[0]}: {fault[1]}.")


def compiler_path_fault() -> tuple[str, str] | None:
    """What is wrong with a folder that `torch.compile` needs, and what to do; None when nothing is.

    torch does not quote the paths in the C++ compiler's command, so that a blank cuts them in pieces.
    """
    for what, folder, advice in _compiler_folders():
        if any(sign.isspace() or sign in "'\"\\" for sign in folder):
            return (
                f"torch.compile cannot work with the blank or quotation mark in the path of {what}, '{folder}'",
                f"{advice}, or set model.compile=false to train without, more slowly",
            )
    return None


def _compiler_folders() -> list[tuple[str, str, str]]:
    """What it is, the folder, and how to have another, for each that torch writes into the compiler's command."""
    temporary = tempfile.gettempdir()
    cache = str(Path(os.environ.get("TORCHINDUCTOR_CACHE_DIR", temporary)).absolute())
    move = "move the environment to a path without either"
    return [
        ("torch", str(Path(torch.__file__).parent), move),
        ("Python's libraries", sysconfig.get_config_var("LIBDIR") or "", move),
        ("the folder for temporary files", temporary, "set TMPDIR to a path without either"),
        ("the compiler's cache", cache, "set TORCHINDUCTOR_CACHE_DIR to a path without either"),
    ]
