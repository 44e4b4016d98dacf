import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from treasure.cli import annotate, evaluate, report
from treasure.cli.main import COMMANDS, main

REPOSITORY = Path(__file__).parents[2]


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["treasure", *arguments])
    try:
        main()
    except SystemExit as leaving:
        assert isinstance(leaving.code, int)
        return leaving.code
    return 0


def test_every_installed_command_is_listed():
    scripts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert {name.removeprefix("treasure-") for name in scripts if name != "treasure"} == set(COMMANDS)
    assert scripts["treasure"] == "treasure.cli.main:main"


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]])
def test_overview(monkeypatch, capsys, arguments: list[str]):
    assert call(monkeypatch, *arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    for name, about in COMMANDS.items():
        assert any(line.split() == [name, *about.split()] for line in lines)


@pytest.mark.parametrize(
    ("main", "word", "near"),
    [
        (evaluate.main, "benchmarks", "benchmark"),
        (report.main, "agrement", "agreement"),
        (annotate.main, "edge", "edges"),
    ],
)
def test_a_subcommand_that_there_is_not(monkeypatch, capsys, main: Callable[[], None], word: str, near: str):
    monkeypatch.setattr(sys, "argv", ["treasure-x", word, "folder=y"])
    with pytest.raises(SystemExit) as leaving:
        main()
    assert leaving.value.code == 2
    assert f"Unknown subcommand '{word}'. Did you mean '{near}'? Allowed: " in capsys.readouterr().err


@pytest.mark.parametrize("main", [evaluate.main, report.main, annotate.main])
def test_help_lists_the_subcommands(monkeypatch, capsys, main: Callable[[], None]):
    monkeypatch.setattr(sys, "argv", ["treasure-x", "--help"])
    main()
    shown = capsys.readouterr().out
    listed = shown.partition("Subcommands")[2].partition("Choices")[0].splitlines()[1:]
    names = [line.split()[0] for line in listed if line.strip()]
    assert len(names) >= 3
    for name in names:
        monkeypatch.setattr(sys, "argv", ["treasure-x", name, "--help"])
        main()
        assert f"Usage: treasure-x {name} " in capsys.readouterr().out


def test_version(monkeypatch, capsys):
    assert call(monkeypatch, "--version") == 0
    assert capsys.readouterr().out.startswith("treasure ")


def test_unknown_command(monkeypatch, capsys):
    assert call(monkeypatch, "trian", "--help") == 2
    error = capsys.readouterr().err
    assert "Unknown command 'trian'. Did you mean 'train'?" in error
    assert all(name in error for name in COMMANDS)


def test_missing_script(monkeypatch, capsys, tmp_path: Path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert call(monkeypatch, "run") == 2
    assert "pip install" in capsys.readouterr().err


def test_becomes_the_script_of_its_own_environment(tmp_path: Path):
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.symlink_to(os.path.realpath(sys.executable))
    script = python.with_name("treasure-run")
    script.write_text(f"#!{python}\nimport os, sys\nprint(os.getpid(), sys.argv)\nsys.exit(7)\n", encoding="utf-8")
    script.chmod(0o755)
    started = subprocess.Popen(
        [str(python), "-m", "treasure.cli.main", "run", "seed=1", "name=a b", "-m"],
        cwd=tmp_path, env={"PYTHONPATH": str(REPOSITORY)}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    out, _ = started.communicate(timeout=60)
    assert started.returncode == 7
    assert out.strip() == f"{started.pid} {[str(script), 'seed=1', 'name=a b', '-m']}"
