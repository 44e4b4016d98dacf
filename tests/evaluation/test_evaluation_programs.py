import dataclasses
import os
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasure.errors import ConfigError
from treasure.evaluation.program import Command, Program, ProgramResult, single_file, source_name
from treasure.evaluation.program_json import program_from_json, program_to_json
from treasure.evaluation.run_programs import missing_libraries, problem_with, run_programs, sandbox_of
from treasure.evaluation.sandbox_client import HttpSandbox
from treasure.evaluation.sandbox_config import SandboxConfig, SandboxLimits
from treasure.evaluation.sandbox_local import LocalSandbox
from treasure.evaluation.toolchains.kits import TOOLCHAINS, local_kit
from treasure.evaluation.toolchains.toolchain import Kit

CONFIG = SandboxConfig(time_factor=5.0)
QUICK = ("python", "javascript", "cpp")
LANGUAGES = [
    language if language in QUICK else pytest.param(language, marks=pytest.mark.slow) for language in TOOLCHAINS
]
FAILING = {
    "python": "raise SystemExit(3)",
    "javascript": "process.exit(3)",
    "java": "public class Main { public static void main(String[] a) { System.exit(3); } }",
    "go": 'package main\nimport "os"\nfunc main() { os.Exit(3) }',
    "cpp": "int main() { return 3; }",
    "rust": "fn main() { std::process::exit(3) }",
}
ENDLESS = {
    "python": "while True: pass",
    "javascript": "while (true) {}",
    "java": "public class Main { public static void main(String[] a) { while (true) {} } }",
    "go": "package main\nfunc main() { for {} }",
    "cpp": "int main() { volatile int a = 1; while (a) {} }",
    "rust": "fn main() { loop { std::hint::spin_loop() } }",
}
UNTESTED = {"go": "package main\nfunc F() int { return 1 }", "rust": "fn main() {}"}


def need(language: str) -> None:
    if reason := problem_with(language, CONFIG):
        pytest.skip(reason)


def run(program: Program, config: SandboxConfig = CONFIG) -> ProgramResult:
    (result,) = run_programs([program], config)
    return result


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_passes_fails_and_is_ended_in_time(language: str):
    need(language)
    results = run_programs(
        [
            TOOLCHAINS[language].probes()[""],
            single_file(language, FAILING[language]),
            single_file(language, ENDLESS[language], timeout_s=0.2),
            single_file(language, "this is ( no program"),
        ],
        CONFIG,
    )
    assert results[0].passed, results[0]
    assert (results[1].reason, results[1].step) == ("failed: exit status 3", "run")
    assert (results[2].reason, results[2].step) == ("timeout", "run")
    assert not results[3].passed and results[3].stderr
    assert results[3].step == ("run" if language in ("python", "javascript") else "compile")


@pytest.mark.slow
@pytest.mark.parametrize("language", TOOLCHAINS)
def test_libraries_work_or_a_reason_is_given(language: str):
    need(language)
    missing = missing_libraries(language, CONFIG)
    for name, probe in TOOLCHAINS[language].probes().items():
        assert run(probe).passed == (name not in missing)
    assert all(missing.values())


@pytest.mark.slow
@pytest.mark.parametrize("language", UNTESTED)
def test_a_file_of_tests_without_a_test_fails(language: str):
    need(language)
    assert run(single_file(language, UNTESTED[language], has_tests=True)).reason in (
        "failed: no test was run",
        "failed: exit status 1",
    )


def test_files_may_import_each_other_and_steps_share_the_folder():
    program = Program(
        language="python",
        files={"program.py": "import parts.b\nprint(parts.b.x, open('made').read())", "parts/b.py": "x = 6"},
        steps=(
            Command(name="make", arguments=("python3", "-c", "open('made', 'w').write('7')")),
            Command(name="run", arguments=("python3", "program.py")),
        ),
        expected_stdout="6 7",
    )
    result = run(program)
    assert (result.reason, result.step, result.stdout) == ("ok", "run", "6 7\n")


def test_nothing_of_a_step_lives_on_and_a_step_that_fails_is_the_last():
    daemon = "import os, time\nif os.fork() == 0:\n  os.setsid()\n  time.sleep(0.5)\n  open('late', 'w')\n"
    look = "import os, time\ntime.sleep(1)\nprint(sorted(os.listdir('.')))"
    program = Program(
        language="python",
        files={"daemon.py": daemon, "look.py": look},
        steps=(
            Command(name="start", arguments=("python3", "-B", "daemon.py")),
            Command(name="look", arguments=("python3", "-B", "look.py")),
        ),
        expected_stdout="['daemon.py', 'look.py']",
    )
    assert run(program).passed
    failing = dataclasses.replace(
        program, steps=(Command(name="a", arguments=("python3", "-c", "1/0")), *program.steps)
    )
    result = run(failing)
    assert (result.step, result.reason) == ("a", "failed: exit status 1")
    assert "ZeroDivisionError" in result.stderr


def test_the_last_step_cannot_use_the_room_of_the_first():
    large = SandboxLimits(file_size_bytes=16 * 2**20)
    fill = "import sys\nfor i in range(80): open(sys.argv[1] + str(i), 'wb').write(b'a' * 100_000)"
    steps = (
        Command(name="compile", arguments=("python3", "-c", fill, "a"), limits=large),
        Command(name="run", arguments=("python3", "-c", fill, "b"), limits=SandboxLimits()),
    )
    result = run(Program(language="python", files={"x": ""}, steps=steps))
    assert result.step == "run" and not result.passed


def test_threads_may_start_where_processes_may_not():
    text = (
        "import os, threading\nfound = []\nt = threading.Thread(target=lambda: found.append(1))\nt.start()\nt.join()\n"
        "try:\n  os.fork()\nexcept OSError as error:\n  found.append(error.errno)\nprint(found)"
    )
    for allowed, expected in ((False, "[1, 1]"), (True, "[1]\n[1]")):
        limits = SandboxLimits(starts_processes=allowed)
        step = Command(name="run", arguments=("python3", "-c", text + "\nimport os, sys\nsys.stdout.flush()\n"
                       "try: os.wait()\nexcept OSError: pass"), limits=limits)  # fmt: skip
        assert run(Program(language="python", files={"x": ""}, steps=(step,), expected_stdout=expected)).passed


def test_equal_programs_run_once_and_order_is_kept():
    program = single_file("python", "import time\nprint(time.monotonic())")
    other = single_file("python", "raise SystemExit(1)")
    first, second, third = run_programs([program, other, program], CONFIG)
    assert first == third and first.passed and not second.passed
    assert run_programs([], CONFIG) == []


def test_unknown_languages_and_missing_tools_are_unavailable():
    odd = Program(language="cobol", files={"a": ""}, steps=(Command(name="run", arguments=("cobc",)),))
    assert not run(odd).ran and "cobol" in run(odd).reason
    config = SandboxConfig(tools={"g++": "/no/such/compiler"})
    result = run(single_file("cpp", "int main() {}"), config)
    assert not result.ran and "g++" in result.reason and "apt-get install g++" in result.reason


def test_a_tool_that_cannot_be_started_fails_in_its_step():
    program = Program(language="python", files={"x": ""}, steps=(Command(name="run", arguments=("./absent",)),))
    result = run(program)
    assert result.reason == "failed: exit status 125" and "absent" in result.stderr


def test_the_environment_is_what_the_command_names():
    step = Command(
        name="run", arguments=("python3", "-c", "import os; print(dict(os.environ))"), environment={"A": "{work}"}
    )
    result = run(Program(language="python", files={"x": ""}, steps=(step,)))
    assert "HOME" not in result.stdout and "'A': '/" in result.stdout


@pytest.mark.parametrize("name", ["/etc/passwd", "../a", "a/../../b", "", ".", "a//b", "a/", "a\0b"])
def test_files_outside_the_folder_are_refused(name: str):
    with pytest.raises(ConfigError, match="paths within"):
        Program(language="python", files={name: "", "program.py": ""})


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: single_file("cobol", ""),
        lambda: single_file("python", "", timeout_s=0),
        lambda: Program(language="java", files={"Other.java": ""}),
        lambda: Program(language="go", files={"program.go": ""}, has_tests=True),
        lambda: Program(language="python", files={}),
        lambda: Command(name="run", arguments=()),
        lambda: SandboxLimits(cpu_s=0),
        lambda: SandboxConfig(num_workers=0),
        lambda: SandboxConfig(kind="vm"),  # pyright: ignore[reportArgumentType]
        lambda: SandboxConfig(time_factor=0),
        lambda: SandboxConfig(docker_user="0:0"),
        lambda: SandboxConfig(docker_user="me"),
    ],
)
def test_what_cannot_be_run_is_refused(wrong):
    with pytest.raises(ConfigError):
        wrong()


words = st.text(max_size=20)


@given(
    st.dictionaries(st.sampled_from(["a", "b/c", "ü.py"]), words, min_size=1),
    st.dictionaries(st.sampled_from("AB"), words),
    st.none() | words,
    st.none() | st.builds(SandboxLimits, num_processes=st.integers(1, 9)),
)
def test_a_program_is_the_same_after_its_way_as_json(files, environment, expected, limits):
    step = Command(name="run", arguments=("python3", "a"), environment=environment, limits=limits)
    program = Program(language="python", files=files, steps=(step,), expected_stdout=expected, timeout_s=3.5)
    assert program_from_json(program_to_json(program)) == program


@pytest.mark.parametrize(
    "given",
    [3, {}, {"language": "python"}, {"language": "python", "files": {"program.py": 3}}, {"language": "x", "files": []},
     {"language": "python", "files": {"program.py": ""}, "steps": [{"name": "a"}]},
     {"language": "python", "files": {"program.py": ""}, "other": 1}],
)  # fmt: skip
def test_json_that_is_no_program_is_refused(given):
    with pytest.raises(ConfigError):
        program_from_json(given)


def test_a_kind_may_be_a_plain_string():
    config = SandboxConfig(kind="http", service_url="http://127.0.0.1:1")  # pyright: ignore[reportArgumentType]
    assert isinstance(sandbox_of(config), HttpSandbox)
    assert isinstance(sandbox_of(SandboxConfig()), LocalSandbox)


def test_go_names_files_of_tests_otherwise():
    assert source_name("go", has_tests=True).endswith("_test.go")
    assert not source_name("go").endswith("_test.go")


@pytest.mark.slow
def test_a_program_that_is_ended_leaves_no_wait_behind():
    started = time.monotonic()
    run(single_file("python", "import time\ntime.sleep(99)", timeout_s=0.2), SandboxConfig())
    assert time.monotonic() - started < 10


def test_packages_of_node_are_those_of_the_folder_that_is_named(tmp_path: Path):
    need("javascript")
    assert "node_modules is not set" in missing_libraries("javascript", CONFIG)["js-md5"]
    tmp_path.chmod(0o755)  # programs read it as another user
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/index.js").write_text("module.exports = 42")
    config = dataclasses.replace(CONFIG, node_modules=str(tmp_path))
    program = single_file("javascript", "console.log(require('mine'))", expected_stdout="42")
    assert run(program, config).passed
    assert not run(program).passed
    assert "npm install" in missing_libraries("javascript", config)["js-md5"]


def test_packages_of_node_are_looked_for_where_node_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def kit(node_path: str = "", **options: str) -> Kit:
        monkeypatch.setenv("NODE_PATH", node_path)
        found = local_kit("javascript", SandboxConfig(tools={"node": sys.executable}, **options))
        assert isinstance(found, Kit)
        return found

    monkeypatch.chdir(tmp_path)
    here, there, other = (tmp_path / name for name in ("node_modules", "there", "other"))
    assert "sandbox.node_modules is not set" in kit().missing["js-md5"]
    assert str(other) in kit(str(other)).missing["js-md5"] and "NODE_PATH" not in kit(str(other)).environment
    (here / "js-md5").mkdir(parents=True)
    assert kit().environment == {"NODE_PATH": str(here)} and str(here) in kit().readable and not kit().missing
    assert kit(f"{other}:").environment == {"NODE_PATH": str(here)}
    (there / "js-md5").mkdir(parents=True)
    assert kit(f"{other}:{there}").environment == {"NODE_PATH": str(there)}
    named = kit(str(there), node_modules=str(other))  # what is named is meant
    assert named.environment == {"NODE_PATH": str(other)} and str(other) in named.missing["js-md5"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("language", "option", "names"),
    [("rust", "rust_registry", {"rand", "regex", "md5"}), ("go", "go_path", {"testify"})],
)
def test_a_language_works_without_its_libraries(tmp_path: Path, language: str, option: str, names: set[str]):
    need(language)
    absent = str(tmp_path / "absent")
    config = dataclasses.replace(CONFIG, cache_dir=str(tmp_path / "cache"), **{option: absent})
    assert problem_with(language, config) is None
    missing = missing_libraries(language, config)
    assert set(missing) == names and all(absent in reason for reason in missing.values())


@pytest.mark.slow
def test_processor_time_is_limited_apart_from_wall_time():
    limits = SandboxLimits(time_s=500.0, cpu_s=1.0)
    step = Command(name="run", arguments=("python3", "-c", "while True: pass"), limits=limits)
    program = Program(language="python", files={"x": ""}, steps=(step,), timeout_s=500.0)
    result = run(program, SandboxConfig())
    assert result.reason == "timeout" and result.duration_s < 400


def test_a_strict_mask_of_files_does_not_matter(tmp_path: Path):
    need("javascript")
    tmp_path.chmod(0o755)
    config = dataclasses.replace(CONFIG, node_modules=str(tmp_path))  # its parents are made anew in the room
    (tmp_path / "mine.js").write_text("module.exports = 42")
    before = os.umask(0o077)
    try:
        result = run(single_file("javascript", "console.log(require('mine'))", expected_stdout="42"), config)
    finally:
        os.umask(before)
    assert result.passed, result


def test_tools_are_those_that_are_named(tmp_path: Path):
    need("cpp")
    compiler = tmp_path / "bin/g++"
    tmp_path.chmod(0o755)
    compiler.parent.mkdir()
    compiler.write_text("#!/bin/sh\necho this is mine >&2\nexit 7\n")
    compiler.chmod(0o755)
    config = dataclasses.replace(CONFIG, tools={"g++": str(compiler)})
    assert "exit status 7: this is mine" in str(problem_with("cpp", config))
