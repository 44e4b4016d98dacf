"""What `treasure-doctor` looks at, one small function each; none uses the network."""

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from treasure import provenance

EXTRAS = {
    "bench": "trl", "cluster": "submitit", "eval": "english_words", "harness": "lm_eval", "judge": "openai",
    "lora": "peft", "serve": "vllm", "translate": "sacrebleu", "dev": "pytest",
}  # fmt: skip
"""Extra of the package -> the module that tells whether it is installed."""

_CORE = ("torch", "pytorch-lightning", "transformers", "hydra-core", "datasets", "spacy", "scipy", "matplotlib")
_CPU_FLAGS = {"avx2": "AVX2", "avx512f": "AVX-512", "avx512_bf16": "AVX-512 bf16", "amx_bf16": "AMX bf16"}
_COMPILE = "import torch; f = torch.compile(lambda x: (x * 2 + 1).sum()); assert f(torch.ones(8)).item() == 24"
_LOW_RAM_GIB, _LOW_DISK_GIB = 4, 5


class State(Enum):
    """How a finding counts: a PROBLEM stops the core, a NOTE does not."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of the table. `advice` says what to do about a note or a problem; empty when nothing is needed."""

    name: str
    state: State
    text: str
    advice: str = ""


def findings(outputs: Path, *, quick: bool) -> Iterator[Finding]:
    """All findings, in the order of the table; `quick` leaves out what takes more than a moment.

    Ends early when packages are missing or torch is broken: the other checks stand on them.
    """
    yield check_python()
    yield check_writable(outputs)
    yield check_commands()
    packages = check_packages()
    yield packages
    if packages.state is State.PROBLEM:
        return
    yield check_conf()
    torch = check_torch()
    yield torch
    if torch.state is State.PROBLEM:
        return
    yield check_cpu()
    yield check_ram()
    yield check_disk(outputs)
    yield check_gpu()
    yield check_compiler(quick=quick)
    yield from check_sandbox(quick=quick)
    yield from check_extras()
    yield check_wandb()
    yield check_hub()


def check_python() -> Finding:
    """Version and place of the interpreter; an older one than we need could not have read this file."""
    return Finding("python", State.OK, f"{platform.python_version()} ({sys.executable})")


def check_packages() -> Finding:
    """The packages that everything needs are installed."""
    found: list[str] = []
    missing: list[str] = []
    for package in _CORE:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            missing.append(package)
    if missing:
        advice = f"{sys.executable} -m pip install -e . -c constraints.txt"
        return Finding("packages", State.PROBLEM, f"missing: {', '.join(missing)}", advice)
    return Finding("packages", State.OK, ", ".join(found))


def check_conf() -> Finding:
    """The YAML files of the commands are there."""
    from treasure.config.composer import conf_dir  # stands on Hydra, which may be what is missing

    folder = conf_dir()
    if (folder / "run.yaml").is_file():
        return Finding("configs", State.OK, str(folder))
    return Finding("configs", State.PROBLEM, f"no run.yaml in {folder}", "Install again; the package is incomplete.")


def check_writable(outputs: Path) -> Finding:
    """Runs can be written."""
    folder = _existing(outputs)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        advice = "Start in a folder you may write to, or give paths.outputs=<folder> to the commands."
        return Finding("outputs", State.PROBLEM, f"{folder}: {error.strerror}", advice)
    return Finding("outputs", State.OK, f"{outputs} can be written")


def check_commands() -> Finding:
    """The console scripts are installed beside the interpreter."""
    if (Path(sys.executable).parent / "treasure-run").is_file():
        return Finding("commands", State.OK, f"treasure-… in {Path(sys.executable).parent}")
    return Finding("commands", State.NOTE, "treasure-run is not installed", f"{sys.executable} -m pip install -e .")


def check_torch() -> Finding:
    """PyTorch can be imported; says how many threads it uses."""
    try:
        import torch
    except (ImportError, OSError) as error:
        advice = f"{sys.executable} -m pip install -e . -c constraints.txt"
        return Finding("torch", State.PROBLEM, f"cannot be imported: {error}", advice)
    cores = provenance.hardware()["num_cores"]
    return Finding("torch", State.OK, f"{torch.__version__}, {torch.get_num_threads()} threads on {cores} cores")


def check_cpu() -> Finding:
    """Model of the CPU and what speeds up bf16 on it."""
    info = Path("/proc/cpuinfo")
    flags = set(info.read_text(encoding="utf-8", errors="replace").split()) if info.is_file() else set()
    known = [name for flag, name in _CPU_FLAGS.items() if flag in flags]
    bf16 = "bf16 in hardware" if flags & {"avx512_bf16", "amx_bf16", "bf16"} else "bf16 is emulated, 32-true is faster"
    return Finding("CPU", State.OK, f"{provenance.hardware()['cpu']}; {', '.join([*known, bf16])}")


def check_ram() -> Finding:
    """Memory of the machine."""
    gib = provenance.hardware()["ram_gib"]
    if gib is None or gib >= _LOW_RAM_GIB:
        return Finding("memory", State.OK, "unknown" if gib is None else f"{gib} GiB")
    return Finding("memory", State.NOTE, f"{gib} GiB", "Keep batch.micro_batch_size and the corpus small.")


def check_disk(outputs: Path) -> Finding:
    """Free space where runs are written."""
    free = shutil.disk_usage(_existing(outputs)).free / 2**30
    if free >= _LOW_DISK_GIB:
        return Finding("disk", State.OK, f"{free:.0f} GiB free for {outputs}")
    return Finding(
        "disk", State.NOTE, f"{free:.1f} GiB free for {outputs}", "Free some, or give paths.outputs=<folder>."
    )


def check_gpu() -> Finding:
    """GPUs that torch can use."""
    names = provenance.hardware()["gpus"]
    return Finding("GPU", State.OK, ", ".join(names) if names else "none; everything runs on the CPU")


def check_compiler(*, quick: bool) -> Finding:
    """`torch.compile` works: there is a C++ compiler, and unless `quick` a function of one line gets through it."""
    name = os.environ.get("CXX") or "g++"
    path = shutil.which(name) or shutil.which("clang++")
    without = "Training works without, more slowly: model.compile=false."
    if path is None:
        advice = "Training works without, more slowly. Install g++ (Debian: apt install g++) to have it."
        return Finding("torch.compile", State.NOTE, f"no C++ compiler ({name}, clang++) on the PATH", advice)
    from treasure.training.hardware import compiler_path_fault  # stands on torch, which may be what is missing

    fault = compiler_path_fault()
    if fault is not None:
        text, advice = fault
        return Finding("torch.compile", State.NOTE, text, f"{advice[0].upper()}{advice[1:]}.")
    if quick:
        return Finding("torch.compile", State.OK, f"{path}; not tried (--quick)")
    try:
        done = subprocess.run(
            [sys.executable, "-c", _COMPILE], capture_output=True, text=True, timeout=300, check=False
        )
    except subprocess.TimeoutExpired:
        return Finding("torch.compile", State.NOTE, "gave no result in 300 s", without)
    if done.returncode != 0:
        return Finding("torch.compile", State.NOTE, f"does not work: {_telling_line(done.stderr)}", without)
    return Finding("torch.compile", State.OK, f"works, with {path}")


def _telling_line(stderr: str) -> str:
    """The line that says why: the compiler's or linker's first complaint, else Python's exception, else the last."""
    lines = stderr.strip().splitlines()
    for complaint in (r"\berror: |cannot find", r"^[\w.]+(Error|Exception)\b"):
        for line in lines:
            if re.search(complaint, line):
                return line.strip()
    return lines[-1].strip() if lines else "no reason given"


def check_sandbox(*, quick: bool) -> Iterator[Finding]:
    """Generated programs can be executed, one finding a language; `quick` only looks for the tools."""
    from treasure.evaluation import run_programs
    from treasure.evaluation.sandbox import isolation
    from treasure.evaluation.toolchains.kits import TOOLCHAINS, missing_tools

    for language in TOOLCHAINS:
        name, unscored = f"run {language}", f"Without it, {language} programs are left unscored."
        reason = missing_tools(language) if quick else run_programs.problem_with(language)
        if reason:
            yield Finding(name, State.NOTE, reason, unscored)
            continue
        missing = {} if quick else run_programs.missing_libraries(language)
        found = f"in a sandbox: {isolation()}{'; not tried (--quick)' if quick else ''}"
        if missing:
            without = "; ".join(f"without {library}: {why}" for library, why in missing.items())
            advice = (
                f"HumanEvalPack needs it, or leaves {language} unscored; docs/code_toolchains.md says how to get it."
            )
            yield Finding(name, State.NOTE, f"{found}; {without}", advice)
        else:
            yield Finding(name, State.OK, found)


def check_extras() -> Iterator[Finding]:
    """Optional parts: installed, or how to install them."""
    for extra, module in EXTRAS.items():
        if find_spec(module) is not None:
            yield Finding(f"extra {extra}", State.OK, "installed")
        else:
            yield Finding(f"extra {extra}", State.NOTE, "not installed", f"pip install 'treasure[{extra}]'")


def check_wandb() -> Finding:
    """Where Weights & Biases would put a run."""
    mode = os.environ.get("WANDB_MODE")
    text = f"WANDB_MODE={mode} decides" if mode else "logger=wandb_offline unless told otherwise"
    return Finding("W&B", State.OK, text)


def check_hub() -> Finding:
    """Whether Hugging Face models and datasets may be fetched, by the settings alone."""
    offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")
    text = "offline (HF_HUB_OFFLINE is set); only what is cached can be loaded" if offline else "downloads are allowed"
    return Finding("Hugging Face", State.OK, text)


def _existing(path: Path) -> Path:
    """`path`, or the nearest folder above it that exists."""
    path = path.absolute()
    return next(folder for folder in (path, *path.parents) if folder.is_dir())
