import copy
import os
import platform
import subprocess
import sys
import sysconfig
import tempfile

import pytest
import tiny
import torch

from treasure.data.config import BatchConfig
from treasure.errors import ConfigError
from treasure.markers.config import MarkerMode
from treasure.model.config import OptimizerConfig, SchedulerConfig
from treasure.training import hardware
from treasure.training.config import CallbacksConfig, TrainerConfig
from treasure.training.fit import fit
from treasure.training.hardware import (
    check_compiler_paths,
    check_devices,
    device_type,
    has_compiler,
    resolve_attention,
    resolve_precision,
)


@pytest.mark.parametrize("native", [False, True])
def test_auto_takes_bfloat16_where_the_processor_has_it(monkeypatch, native):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert resolve_precision("auto", "cpu") == ("bf16-mixed" if native else "32-true")
    assert resolve_precision("auto", "mps") == "32-true"
    assert resolve_precision("16-mixed", "cuda") == "16-mixed"
    assert resolve_precision("bf16-mixed", "cpu") == "bf16-mixed"


def test_float16_on_a_cpu_is_refused_before_anything_is_trained(tmp_path):
    """Lightning would train in bfloat16 and say so in a warning, while the card of the model says 16-mixed."""
    with pytest.raises(ConfigError, match=r"16-mixed.*CPU.*bf16-mixed"):
        resolve_precision("16-mixed", "cpu")
    found = tiny.checkpoint(MarkerMode.NONE)
    before = copy.deepcopy(found.model.state_dict())
    with pytest.raises(ConfigError, match="bf16-mixed"):
        fit(
            found.model,
            tiny.batches(found, tmp_path, num_steps=1),
            1,
            batch=BatchConfig(global_batch_size=8, micro_batch_size=4),
            optimizer=OptimizerConfig(),
            scheduler=SchedulerConfig(),
            trainer=TrainerConfig(accelerator="cpu", precision="16-mixed"),
            callbacks=CallbacksConfig(progress=False),
            seed=0,
            loggers=[],
            keep_snapshot=lambda step: None,
        )
    assert all(torch.equal(weight, before[name]) for name, weight in found.model.state_dict().items())


def test_auto_attention_is_plain_only_on_cpus_and_for_short_contexts():
    assert resolve_attention("auto", "cpu", 512) == "eager"
    assert resolve_attention("auto", "cpu", 4096) == resolve_attention("auto", "cuda", 512) == "sdpa"
    assert resolve_attention("sdpa", "cpu", 512) == "sdpa"


def test_the_device_is_lightnings():
    assert device_type("cpu") == "cpu"
    expected = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else torch.device("cpu")
    assert device_type("auto") == expected.type


@pytest.mark.parametrize("accelerator", ["gpu", "cuda", "mps", "quantum"])
def test_a_device_that_is_not_there_is_refused_by_name(accelerator, monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    with pytest.raises(ConfigError, match=rf"trainer\.accelerator={accelerator}"):
        device_type(accelerator)


def test_a_gpu_has_two_names(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    assert device_type("gpu") == device_type("cuda") == "cuda"
    assert device_type("cpu") == "cpu"
    with pytest.raises(ConfigError, match=r"trainer\.accelerator=mps"):
        device_type("mps")


@pytest.mark.parametrize(("accelerator", "kind"), [("cpu", "CPU cores"), ("gpu", "cuda devices")])
def test_more_processes_than_there_is_room_for_are_refused(accelerator, kind, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 3)
    check_devices(accelerator, 3)
    with pytest.raises(ConfigError, match=rf"trainer\.devices=4 .*{kind} .*3\. Set trainer\.devices to 3 or less"):
        check_devices(accelerator, 4)


def test_a_compiler_is_looked_for_on_the_path(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not has_compiler()
    compiler = tmp_path / "g++"
    compiler.write_text("#!/bin/sh\n")
    compiler.chmod(0o755)
    assert hardware.has_compiler()


@pytest.mark.parametrize(
    ("cause", "advice"),
    [
        ("torch", "move the environment"),
        ("LIBDIR", "move the environment"),
        ("TMPDIR", "set TMPDIR"),
        ("TORCHINDUCTOR_CACHE_DIR", "set TORCHINDUCTOR_CACHE_DIR"),
    ],
)
@pytest.mark.parametrize("name", ["a b", "Anna's"])
def test_a_blank_in_a_path_of_the_compiler_is_told_with_what_to_do(cause, advice, name, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", "/tmp")
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    monkeypatch.setattr(torch, "__file__", "/env/torch/__init__.py")
    monkeypatch.setattr(sysconfig, "get_config_var", lambda name: "/env/lib")
    check_compiler_paths()
    folder = tmp_path / name
    folder.mkdir()
    if cause == "torch":
        monkeypatch.setattr(torch, "__file__", str(folder / "torch" / "__init__.py"))
    elif cause == "LIBDIR":
        monkeypatch.setattr(sysconfig, "get_config_var", lambda name: str(folder))
    else:
        monkeypatch.setenv(cause, str(folder))
        monkeypatch.setattr(tempfile, "tempdir", None if cause == "TMPDIR" else "/tmp")
    with pytest.raises(ConfigError, match=rf"^torch\.compile .*{name}.*: {advice} .*model\.compile=false"):
        check_compiler_paths()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told")
def test_freed_memory_is_taken_again_without_new_pages():
    """Three tensors of 24 MiB, taken and freed again and again; a page is 4 KiB on most machines."""
    code = """
import resource
import torch
from treasure.training.hardware import keep_freed_memory
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        [torch.ones(6 * 2**20) for _ in range(3)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
keep_freed_memory()
faults()
print(faults())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 1000, "some 120,000 where freed memory goes back to the system"
