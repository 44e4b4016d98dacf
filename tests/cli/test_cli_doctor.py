import os
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from treasure.cli import checks, doctor
from treasure.cli.checks import EXTRAS, Finding, State, findings
from treasure.evaluation import run_programs

REPOSITORY = Path(__file__).parents[2]

_LINKER_ERROR = """\
    raise exc.CppCompileError(cmd, output) from e
torch._inductor.exc.InductorError: CppCompileError: C++ compile error

Output:
/usr/bin/ld: cannot find -ltorch: No such file or directory
collect2: error: ld returned 1 exit status

Set TORCHDYNAMO_VERBOSE=1 for the internal stack trace"""


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["treasure-doctor", *arguments])
    with pytest.raises(SystemExit) as leaving:
        doctor.main()
    assert isinstance(leaving.value.code, int)
    return leaving.value.code


def test_this_machine_works(monkeypatch, capsys, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    assert call(monkeypatch, "--quick") == 0
    out = capsys.readouterr().out
    for name in ("python", "packages", "torch", "CPU", "memory", "disk", "GPU", "torch.compile", "W&B", "Hugging Face"):
        assert name in out
    assert "The core works." in out
    assert list(tmp_path.iterdir()) == []


def test_names_are_unique(tmp_path: Path):
    names = [finding.name for finding in findings(tmp_path, quick=True)]
    assert len(set(names)) == len(names)


def test_extras_are_those_of_the_package():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(EXTRAS) == set(project["optional-dependencies"])


def test_what_is_wrong_comes_with_what_to_do(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(checks, "_LOW_DISK_GIB", 1e9)
    monkeypatch.setattr(checks, "_LOW_RAM_GIB", 1e9)
    monkeypatch.setattr(checks, "EXTRAS", {"rare": "no_such_module"})
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    found = {finding.name: finding for finding in findings(tmp_path, quick=True)}
    for name in ("disk", "memory", "extra rare", "torch.compile"):
        assert found[name].state is State.NOTE
        assert found[name].advice
    assert "treasure[rare]" in found["extra rare"].advice


def test_outputs_that_cannot_be_written(monkeypatch, capsys, tmp_path: Path):
    # The tests may run as root, for whom no folder is closed: let the system refuse instead.
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(checks.tempfile, "TemporaryFile", refuse)
    assert call(monkeypatch, "--quick", "--outputs", str(tmp_path / "deep" / "er")) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "The core does not work yet." in out
    assert "Permission denied" in out
    assert "paths.outputs=<folder>" in out


def test_missing_packages_end_the_examination(tmp_path: Path, monkeypatch):
    def version(name: str) -> str:
        if name == "spacy":
            raise PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(checks, "version", version)
    *_, last = findings(tmp_path, quick=True)
    assert (last.name, last.state) == ("packages", State.PROBLEM)
    assert "spacy" in last.text
    assert "pip install" in last.advice


def test_broken_torch_ends_the_examination(tmp_path: Path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    *_, last = findings(tmp_path, quick=True)
    assert (last.name, last.state) == ("torch", State.PROBLEM)


SIX = ["python", "javascript", "java", "go", "cpp", "rust"]


def test_each_language_of_generated_programs_is_tried(monkeypatch):
    problems = {"java": "javac not found on the PATH or in sandbox.tools; apt-get install openjdk-17-jdk-headless"}
    libraries = {"go": {"testify": "it is not below /usr/share/gocode/src"}}
    monkeypatch.setattr(run_programs, "problem_with", problems.get)
    monkeypatch.setattr(run_programs, "missing_libraries", lambda language: libraries.get(language, {}))
    found = {finding.name: finding for finding in checks.check_sandbox(quick=False)}
    assert list(found) == [f"run {language}" for language in SIX]
    assert found["run rust"].state is State.OK and "sandbox" in found["run rust"].text
    assert (found["run java"].state, found["run java"].text) == (State.NOTE, problems["java"])
    assert "unscored" in found["run java"].advice
    assert found["run go"].state is State.NOTE and "without testify: it is not below" in found["run go"].text
    assert "docs/code_toolchains.md" in found["run go"].advice


def test_quickly_only_the_tools_are_looked_for(monkeypatch, tmp_path: Path):
    monkeypatch.setattr(run_programs, "problem_with", lambda _: pytest.fail("a program was run"))
    (tmp_path / "g++").write_text("#!/bin/sh\n")
    (tmp_path / "g++").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = {finding.name: finding for finding in checks.check_sandbox(quick=True)}
    assert list(found) == [f"run {language}" for language in SIX]
    assert found["run cpp"].state is State.OK and "not tried (--quick)" in found["run cpp"].text
    for language, tool in (("java", "javac"), ("go", "go"), ("rust", "rustc")):
        one = found[f"run {language}"]
        assert (
            one.state is State.NOTE
            and one.text.startswith(tool)
            and "not found" in one.text
            and "apt-get install" in one.text
        )


@pytest.mark.parametrize(("value", "text"), [("1", "offline"), ("true", "offline"), ("0", "allowed"), ("", "allowed")])
def test_hub(monkeypatch, value: str, text: str):
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    assert text in checks.check_hub().text


def test_wandb(monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert "WANDB_MODE=disabled" in checks.check_wandb().text


@pytest.mark.parametrize(
    ("outcome", "state", "text"),
    [
        (subprocess.CompletedProcess([], 0, "", ""), State.OK, "works"),
        (
            subprocess.CompletedProcess([], 1, "", "Trace\nInductorError: no header"),
            State.NOTE,
            "InductorError: no header",
        ),
        (
            subprocess.CompletedProcess([], 1, "", _LINKER_ERROR),
            State.NOTE,
            "does not work: /usr/bin/ld: cannot find -ltorch: No such file or directory",
        ),
        (subprocess.TimeoutExpired("python", 300), State.NOTE, "no result in 300 s"),
    ],
    ids=["works", "fails", "cannot link", "hangs"],
)
def test_compiler(monkeypatch, outcome: object, state: State, text: str):
    def run(*_: object, **__: object) -> object:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(checks.shutil, "which", lambda name, **_: f"/usr/bin/{name}")
    monkeypatch.setattr(checks.subprocess, "run", run)
    monkeypatch.setattr("treasure.training.hardware.compiler_path_fault", lambda: None)
    found = checks.check_compiler(quick=False)
    assert found.state is state
    assert text in found.text
    assert "g++" not in found.advice, "it is there"


@pytest.mark.slow
def test_doctor_and_training_tell_of_a_blank_in_the_path_of_the_compiler(tmp_path: Path):
    folder = tmp_path / "a b"
    folder.mkdir()
    compiler = tmp_path / "g++"
    compiler.write_text("#!/bin/sh\n")
    compiler.chmod(0o755)
    environment = {**os.environ, "TMPDIR": str(folder), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    environment.pop("CXX", None)

    def call_there(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        start = f"from treasure.cli.{program} import main; main()"
        command = [sys.executable, "-c", start, *arguments]
        return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)

    doctor_said = call_there("doctor")
    told = " ".join(doctor_said.stdout.replace("│", " ").split())
    assert doctor_said.returncode == 0
    assert "torch.compile cannot work with the blank" in told and "Set TMPDIR" in told and "Install g++" not in told
    training = call_there("train", "experiments=quick", "model.compile=true", "paths.outputs=out", "logger=csv")
    assert training.returncode == 2
    (line,) = training.stderr.splitlines()
    assert f"'{folder}': set TMPDIR to a path without either, or set model.compile=false" in line


@pytest.mark.slow
def test_compiler_for_real():
    found = checks.check_compiler(quick=False)
    assert isinstance(found, Finding)
    assert found.text.startswith("works, with") or found.advice
