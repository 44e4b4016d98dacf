"""Help, mistakes and the planning of a sweep are told before any library of numbers or models is loaded."""

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SCRIPTS = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
OURS = [script for script in SCRIPTS if script != "treasure-lm-eval"]
"""Commands but for one that is another project's, which loads what it will."""

HEAVY = (
    "datasets", "jinja2", "lightning_fabric", "matplotlib", "numpy", "pandas", "pyarrow", "pytorch_lightning",
    "scipy", "sklearn", "spacy", "tokenizers", "torch", "transformers", "wandb",
)  # fmt: skip

CALLS = """
import importlib, json, sys
from pathlib import Path

heavy, told, result = set(json.loads(sys.argv[1])), json.loads(sys.argv[2]), Path(sys.argv[3])


def loaded():
    return sorted(heavy & sys.modules.keys())


import treasure.config.evaluate_schema
import treasure.config.schema

found = [("import of the schemas", 0, loaded())]
for script, target, arguments in told:
    module, _, function = target.partition(":")
    sys.argv = [script, *arguments]
    before, code = set(loaded()), 0
    try:
        getattr(importlib.import_module(module), function)()
    except SystemExit as end:
        code = end.code or 0
    found.append((" ".join(sys.argv), code, sorted(set(loaded()) - before)))
result.write_text(json.dumps(found))
"""

UP_TO_THE_JOBS = """
import json, os, sys
from pathlib import Path

heavy, result = set(json.loads(sys.argv[1])), Path(sys.argv[2])


class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "treasure.cli.jobs":
            result.write_text(json.dumps(sorted(heavy & sys.modules.keys())))
            os._exit(0)


sys.meta_path.insert(0, Watch())
sys.argv = ["treasure-run", *sys.argv[3:]]
from treasure.cli.run import main
main()
"""


def process(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What came of `code` in a process of its own, which starts with nothing loaded."""
    command = [sys.executable, "-c", code, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=120)


def calls(tmp_path: Path, *told: tuple[str, list[str]]) -> list[tuple[str, int, list[str]]]:
    """(command line, exit code, what it loaded that was not yet loaded) of each command, one after another."""
    result = tmp_path / "result.json"
    asked = [(script, SCRIPTS[script], arguments) for script, arguments in told]
    done = process(CALLS, json.dumps(HEAVY), json.dumps(asked), str(result))
    assert done.returncode == 0, done.stderr
    return [tuple(row) for row in json.loads(result.read_text())]


def test_help_and_mistakes_load_no_library(tmp_path):
    told = [(script, ["--help"]) for script in OURS]
    told += [("treasure-annotate", [word, "--help"]) for word in ("export", "train", "edges")]
    told += [("treasure-report", [word, "--help"]) for word in ("status", "coverage", "agreement")]
    told += [
        ("treasure-run", ["model=tiny", "name=x", "--cfg", "job"]),
        ("treasure-run", ["nonsense=1"]),
        ("treasure-run", ["seed=one"]),
        ("treasure-run", ["model=nobody"]),
        ("treasure-run", ["-m", "experiments=glob(nothing_*)"]),
        ("treasure-train", ["seed=1,2"]),
        ("treasure-generate", ["prompt=x"]),
        ("treasure-report", ["status", f"paths.outputs={tmp_path}"]),
    ]
    found = calls(tmp_path, *told)
    assert len(found) == len(told) + 1
    assert not {line: loaded for line, _, loaded in found if loaded}
    right = ("import", "--help", "--cfg", f"status paths.outputs={tmp_path}")
    assert not [(line, code) for line, code, _ in found if code != (0 if any(word in line for word in right) else 2)]


@pytest.mark.parametrize("sweep", [["sweeps=head_vs_tail"], ["-m", "experiments=quick", "markers=none,tokens"]])
def test_a_sweep_is_planned_before_the_libraries_load(tmp_path, sweep):
    result = tmp_path / "result.json"
    done = process(UP_TO_THE_JOBS, json.dumps(HEAVY), str(result), *sweep, f"paths.outputs={tmp_path}")
    assert result.exists(), done.stderr
    assert "Job 1 of " in done.stderr and "Job 2 of " not in done.stderr
    assert json.loads(result.read_text()) == []


def test_who_waits_for_workers_loads_no_library(tmp_path):
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    launcher = ["-m", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    line = ["status", *launcher, "group=null,nobody", f"paths.outputs={tmp_path}"]
    _, (_, code, loaded) = calls(tmp_path, ("treasure-report", line))
    assert code == 2, "the second job has no runs"
    assert set(loaded) <= {"numpy"}, "joblib itself takes numpy where it is installed"


def test_a_report_loads_no_torch():
    done = process("import sys, treasure.cli.jobs.report; sys.exit('torch' in sys.modules)")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_the_libraries_load(tmp_path, number):
    code = "import sys; sys.argv[0] = 'treasure-generate'; from treasure.cli.generate import main; main()"
    command = [sys.executable, "-c", code, f"checkpoint={tmp_path}", "prompt=x", f"hydra.run.dir={tmp_path}/hydra"]
    with subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True) as started:
        deadline = time.monotonic() + 60
        while "libtorch_cpu" not in Path(f"/proc/{started.pid}/maps").read_text():
            assert time.monotonic() < deadline and started.poll() is None
            time.sleep(0.01)
        started.send_signal(number)
        _, told = started.communicate(timeout=60)
    assert (started.returncode, told) == (
        75,
        f"treasure-generate: Stopped by {number.name}. The same command goes on from what is done.\n",
    )
