import json
import os
import signal
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
import toy_command

from treasure.config.jobs import Job
from treasure.config.launch import launch
from treasure.errors import TreasureError

REPOSITORY = Path(__file__).parents[2]


class Outcome:
    """Exit code, printed JSON lines and texts of one start of the toy command."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def runs(self) -> list[dict]:
        return [json.loads(line) for line in self.out.splitlines() if line.startswith("{")]

    @property
    def seeds(self) -> list[int]:
        return [run["seed"] for run in self.runs]


@pytest.fixture
def start(toy: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    def start(*arguments: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["toy", *arguments])
        code = 0
        try:
            launch(toy_command.ToyCommand, "toy", toy_command.load, about="Prints what it was told.", conf=toy / "conf")
        except SystemExit as leaving:
            assert isinstance(leaving.code, int)
            code = leaving.code
        out, err = capfd.readouterr()
        assert sys.argv == ["toy", *arguments]
        return Outcome(code, out, err)

    return start


def process(*arguments: str, **variables: str) -> Outcome:
    environment = os.environ | {"HYDRA_FULL_ERROR": "0"} | variables
    command = [sys.executable, str(Path(toy_command.__file__)), *arguments]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environment | {"PYTHONPATH": str(REPOSITORY)},
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


class TestProcess:
    @pytest.mark.usefixtures("toy")
    def test_a_run(self):
        outcome = process("seed=3", "experiments=large")
        assert (outcome.code, outcome.err) == (0, "")
        assert outcome.runs == [{"name": "large.txt-seed3", "seed": 3, "kind": "slow", "rate": 0.9}]

    @pytest.mark.usefixtures("toy")
    def test_a_reader_that_leaves_before_the_end(self):
        reading, writing = os.pipe()
        os.close(reading)
        command = [sys.executable, str(Path(toy_command.__file__)), "--help"]
        environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
        done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False, env=environment)
        os.close(writing)
        assert (done.returncode, done.stderr) == (0, "")

    @pytest.mark.usefixtures("toy")
    @pytest.mark.parametrize(
        "launcher", [("joblib", "hydra.launcher.n_jobs=2"), pytest.param(("submitit_local",), marks=pytest.mark.slow)]
    )
    def test_launchers_with_processes_of_their_own(self, launcher):
        pytest.importorskip(f"hydra_plugins.hydra_{launcher[0].removesuffix('_local')}_launcher")
        name, *options = launcher
        outcome = process("-m", "seed=1,2", "kind=slow", f"hydra/launcher={name}", *options)
        assert outcome.code == 0, outcome.err
        if name == "joblib":  # the other keeps what jobs print in files
            assert sorted(outcome.seeds) == [1, 2] and {run["kind"] for run in outcome.runs} == {"slow"}

    @pytest.mark.usefixtures("toy")
    def test_a_mistake_of_the_user(self):
        outcome = process("sed=3")
        assert (outcome.code, outcome.out) == (2, "")
        assert outcome.err.startswith("toy_command.py: Unknown option 'sed'")
        assert len(outcome.err.splitlines()) == 1

    @pytest.mark.usefixtures("toy")
    def test_a_fault_of_ours_keeps_its_traceback(self):
        outcome = process("crash_at=0")
        assert outcome.code == 1
        assert "Traceback" in outcome.err
        assert outcome.err.splitlines()[-1] == "ZeroDivisionError: a fault of ours"
        assert "hydra" not in outcome.err.lower()

    @pytest.mark.usefixtures("toy")
    def test_a_signal(self):
        outcome = process("stop_at=0")
        assert (outcome.code, outcome.err) == (
            75,
            "toy_command.py: Stopped by SIGTERM. The same command goes on from what is done.\n",
        )

    @pytest.mark.usefixtures("toy")
    def test_a_sweep_with_a_failing_job(self):
        outcome = process("sweeps=seeds", "crash_at=2")
        assert outcome.code == 1
        assert outcome.seeds == [1, 2, 3]
        lines = outcome.err.splitlines()
        told = lines.index("Job 2 of 3 (seed=2) failed: a fault of ours")
        assert told < lines.index("Job 3 of 3 (seed=3)")
        assert lines[-1] == "1 of 3 jobs failed: Job 2 of 3 (seed=2)."


class TestRun:
    def test_an_error_of_main_is_told_like_one_of_the_configuration(self, start):
        outcome = start("fail=No such column.")
        assert (outcome.code, outcome.err) == (2, "toy: rows.jsonl:3: No such column.\n")

    @pytest.mark.parametrize(
        "arguments", [["experiments=nope"], ["data.rate=2"], ["name=???"], ["experiments=misspelt"], ["seed=1,2"]]
    )
    def test_nothing_runs_when_the_configuration_is_wrong(self, start, arguments: list[str]):
        outcome = start(*arguments)
        assert (outcome.code, outcome.runs) == (2, [])
        assert len(outcome.err.splitlines()) == 1

    def test_full_errors_on_demand(self, start, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
        with pytest.raises(Exception, match="Unknown option 'sed'"):
            start("sed=1")

    def test_unknown_flags_and_lonely_ones(self, start):
        assert start("--bogus").code == 2
        outcome = start("--resolve")
        assert outcome.code == 2
        assert "--cfg" in outcome.err

    def test_leaves_no_clutter(self, start, toy: Path):
        before = set(toy.rglob("*"))
        start("seed=1")
        start("-m", "seed=1,2")
        new = {path.relative_to(toy) for path in set(toy.rglob("*")) - before if path.is_file()}
        assert {path.name for path in new} == {"multirun.yaml"}
        assert all(path.parts[:2] == ("outputs", "hydra") for path in new)

    def test_a_place_that_cannot_be_used_stops_only_what_writes_there(self, start, toy: Path):
        (toy / "outputs").touch()
        assert start("seed=1").code == 0
        outcome = start("-m", "seed=1,2")
        assert outcome.code == 2 and "Traceback" not in outcome.err
        assert "outputs/hydra/" in outcome.err and "Not a directory" in outcome.err
        assert "paths.outputs=FOLDER" in outcome.err

    @pytest.mark.parametrize("arguments", [["seed=1"], ["-m", "seed=1,2"]], ids=["run", "sweep"])
    def test_where_it_was_wanted_is_shown_on_demand(self, start, toy: Path, monkeypatch, arguments: list[str]):
        (toy / "file").touch()
        told = start(*arguments, "folder=file/new")
        assert told.code == 2 and "cannot be used" in told.err and "Traceback" not in told.err
        monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
        try:
            shown = start(*arguments, "folder=file/new").err
        except TreasureError:
            shown = traceback.format_exc()
        assert "Path(config.folder).mkdir()" in shown and "NotADirectoryError" in shown

    def test_runs_in_the_working_directory(self, start, toy: Path):
        start("seed=1")
        assert Path.cwd() == toy


class TestSweeps:
    def test_a_sweep_file_needs_no_flag(self, start):
        outcome = start("sweeps=seeds")
        assert (outcome.code, outcome.seeds) == (0, [1, 2, 3])

    def test_glob_over_experiments(self, start):
        assert start("sweeps=ablations").seeds == [11, 12]
        assert start("-m", "experiments=glob(ablation_*)").seeds == [11, 12]

    def test_command_line_beats_the_sweep_file(self, start):
        assert start("sweeps=seeds", "seed=5,6").seeds == [5, 6]

    def test_two_sweep_files_and_a_flag_multiply(self, start):
        outcome = start("sweeps=seeds", "data=small,large")
        assert sorted((run["seed"], run["rate"]) for run in outcome.runs) == [
            (seed, rate) for seed in (1, 2, 3) for rate in (0.5, 0.9)
        ]

    def test_flag_anywhere(self, start):
        assert start("seed=range(1,3)", "-m", "data.rate=0.1").seeds == [1, 2]

    @pytest.mark.parametrize(
        ("arguments", "part"),
        [
            (["sweeps=nothing"], "'experiments=glob(no_such_*)' matches nothing"),
            (["-m", "experiments=glob(no_such_*)"], "Names there: ablation_1, ablation_2"),
            (["-m", "seed=range(1,1)"], "'seed=range(1,1)' matches nothing"),
            (["-m", "seed=1,2", "data.rate=0.1,0.2,3"], "rate must lie in [0, 1], got 3.0"),
            (["-m", "experiments=large,misspelt"], "'data.rat'"),
            (["-m", "experiments=large,larg"], "'larg'"),
            (["-m", "sweeps=seeds,ablations"], "asks for several sweeps"),
            (["sweeps=nope"], "Unknown choice 'nope' for 'sweeps'"),
        ],
    )
    def test_a_sweep_that_cannot_run_whole_does_not_start(self, start, arguments: list[str], part: str):
        outcome = start(*arguments)
        assert (outcome.code, outcome.runs) == (2, [])
        assert part in outcome.err

    def test_jobs_that_fail_by_the_users_mistake(self, start):
        outcome = start("-m", "seed=1,2", "fail=No such column.")
        assert (outcome.code, outcome.seeds) == (2, [1, 2])
        assert "Job 1 of 2 (seed=1) failed: rows.jsonl:3: No such column." in outcome.err
        assert "2 of 2 jobs failed" in outcome.err
        assert "Traceback" not in outcome.err

    def test_on_error_stop_starts_no_other_job(self, start):
        outcome = start("-m", "seed=1,2,3", "crash_at=2", "on_error=stop")
        assert (outcome.code, outcome.seeds) == (1, [1, 2])
        assert outcome.err.splitlines()[-1].endswith(
            "failed: Job 2 of 3 (seed=2). Stopped there (on_error=stop): 1 not started."
        )
        assert start("-m", "seed=1,2,3", "crash_at=2", "on_error=continue").seeds == [1, 2, 3]

    def test_a_signal_ends_the_sweep_with_the_code_that_launchers_requeue_on(self, start):
        outcome = start("-m", "seed=1,2,3", "stop_at=2")
        assert (outcome.code, outcome.seeds) == (75, [1, 2])
        assert outcome.err.splitlines()[-1] == "toy: Stopped by SIGTERM. The same command goes on from what is done."
        assert "failed" not in outcome.err


def test_a_signal_while_libraries_load_waits_for_them(toy, monkeypatch, capfd):
    def load() -> Job[toy_command.ToyCommand]:
        try:
            signal.raise_signal(signal.SIGTERM)
        except BaseException as error:  # as numpy does
            raise ImportError("half a library") from error
        return toy_command.run

    monkeypatch.setattr(sys, "argv", ["toy"])
    with pytest.raises(SystemExit) as leaving:
        launch(toy_command.ToyCommand, "toy", load, about="", conf=toy / "conf")
    assert leaving.value.code == 75
    assert capfd.readouterr() == ("", "toy: Stopped by SIGTERM. The same command goes on from what is done.\n")


class TestPages:
    def test_help(self, start):
        outcome = start("--help", "data=large")
        assert (outcome.code, outcome.err, outcome.runs) == (0, "", [])
        assert "Prints what it was told." in outcome.out
        assert "broken  large*  small" in outcome.out
        assert "  data.rate = 0.9\n      Share of it, in [0, 1].\n" in outcome.out
        assert "  crash_at = null" in outcome.out
        assert "  kind = fast" in outcome.out
        assert '  fail = ""\n' in outcome.out
        assert "  name = ${data.path}-seed${seed}\n" in outcome.out
        assert "multirun.yaml" not in outcome.out

    def test_help_with_a_mistake(self, start):
        assert start("--help", "sed=1").code == 2

    def test_cfg(self, start):
        outcome = start("--cfg", "job", "seed=4")
        assert outcome.code == 0
        assert "seed: 4\n" in outcome.out
        assert "name: ${data.path}-seed${seed}" in outcome.out
        assert "name: small.txt-seed4" in start("--cfg", "job", "--resolve", "seed=4").out
        assert start("--cfg", "job", "--package", "data").out.startswith("# @package data\npath: small.txt")
        assert start("--cfg", "job", "sed=4").code == 2


@pytest.mark.usefixtures("toy")
def test_a_terminal_that_knows_ascii_alone_stops_nothing():
    done = process("--cfg", "job", "data.path=a", "name='\u2212x'", PYTHONIOENCODING="ascii", LC_ALL="C.UTF-8")
    assert (done.code, "name: \\u2212x" in done.out) == (0, True), done.out + done.err
