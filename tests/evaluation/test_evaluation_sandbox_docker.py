"""The command line for containers, and refusals. Containers themselves run where an engine answers to the client."""

import io
import itertools
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from treasure.errors import ConfigError, SandboxError
from treasure.evaluation.program import Program, single_file
from treasure.evaluation.run_programs import run_programs
from treasure.evaluation.sandbox_config import SandboxConfig, SandboxKind
from treasure.evaluation.sandbox_docker import container_kit, outcomes, pack, run_command, script
from treasure.evaluation.toolchains.kits import TOOLCHAINS
from treasure.evaluation.toolchains.plan import PlannedStep, plan

IMAGES = dict.fromkeys(TOOLCHAINS, "debian:stable")
CONFIG = SandboxConfig(kind=SandboxKind.DOCKER, docker_images=IMAGES)


def planned(language: str = "cpp", config: SandboxConfig = CONFIG) -> tuple[Program, list[PlannedStep]]:
    program = TOOLCHAINS[language].probes()[""]
    return program, plan(program, container_kit(language, config), config.time_factor)


def engine_answers() -> bool:
    client = shutil.which("docker")
    return client is not None and subprocess.run([client, "version"], capture_output=True, timeout=60).returncode == 0


@pytest.mark.parametrize("language", TOOLCHAINS)
def test_the_command_line_takes_every_right_away(language: str):
    program, steps = planned(language)
    words = run_command("docker", "name", Path("/tmp/id"), steps, CONFIG, program)
    pairs = set(itertools.pairwise(words))
    assert words[:2] == ["docker", "run"] and {"--rm", "--read-only"} <= set(words)
    assert {
        ("--network", "none"),
        ("--cap-drop", "ALL"),
        ("--security-opt", "no-new-privileges"),
        ("--user", "65534:65534"),
        ("--pull", "never"),
        ("--ipc", "none"),
        ("--entrypoint", "sh"),
    } <= pairs
    memory = str(max(step.limits.memory_bytes for step in steps))
    assert {("--memory", memory), ("--memory-swap", memory)} <= pairs
    assert not {"--volume", "-v", "--mount", "--privileged", "--env-file"} & set(words)
    assert words[-3:-1] == ["debian:stable", "-c"]


def test_options_reach_the_command_line():
    config = SandboxConfig(
        kind=SandboxKind.DOCKER,
        docker_images={"rust": "own:1", "go": "own:2", "javascript": "own:3"},
        docker_libraries={"rust": "/opt/rust", "go": "/opt/go"},
        docker_user="1000:1000",
        node_modules="/opt/node_modules",
        go_path="/opt/gopath",
        time_factor=2.0,
    )
    for language, texts in {
        "rust": ("own:1", "dependency=/opt/rust/deps", "rand=/opt/rust/librand.rlib", "timeout -k 1 240.0"),
        "go": ("own:2", "GOCACHE=/opt/go", "GOPATH=/opt/gopath"),
        "javascript": ("own:3", "NODE_PATH=/opt/node_modules"),
    }.items():
        program, steps = planned(language, config)
        line = " ".join(run_command("podman", "n", Path("id"), steps, config, program))
        assert all(text in line for text in ("--user 1000:1000", *texts)), line


def run_script(text: str, files: dict[str, str], folder: Path) -> tuple[int, bytes, bytes]:
    """The container's script in a plain shell, which shows that it is one, not that a container holds."""
    done = subprocess.run(
        ["sh", "-c", text.replace("/treasure-work", str(folder))],
        input=pack(files),
        cwd=folder,
        capture_output=True,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("text", "reason", "step"),
    [
        ("int main() { return 0; }", "ok", 2),
        ("int main() { return 3; }", "failed: exit status 3", 2),
        ("int main() { return 251; }", "failed: exit status 251", 2),
        ("int main() {", "failed: exit status 1", 1),
        ("#include <unistd.h>\nint main() { sleep(99); }", "timeout", 2),
        ('#include <cstdio>\nint main() { fputs("step 0 x", stderr); return 251; }', "failed: exit status 251", 2),
        ('#include <cstdio>\nint main() { fputs("step 0 0", stderr); return 251; }', "failed: exit status 251", 1),
    ],
)
def test_the_script_tells_which_step_failed_and_how(tmp_path: Path, text: str, reason: str, step: int):
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    program = single_file("cpp", text, timeout_s=1.0)
    steps = plan(program, container_kit("cpp", CONFIG), 1.0)
    found = outcomes(*run_script(script(steps), dict(program.files), tmp_path), steps)
    assert (found[-1].reason, len(found)) == (reason, step)


def test_texts_cannot_leave_their_words(tmp_path: Path):
    wild = "a'; touch /attack; echo \"$HOME `id`\n"
    step = planned("python")[1][0]
    odd = PlannedStep(name="run", arguments=("printf", "%s", wild), environment=(("A", wild),), limits=step.limits,
                      time_s=5.0, bounds_addresses=True)  # fmt: skip
    assert run_script(script([odd]), {"x": ""}, tmp_path)[:2] == (0, wild.encode())


def test_files_travel_whole():
    files = {"a.py": "ü\n", "b/c.txt": "", "d": "x" * 100_000}
    with tarfile.open(fileobj=io.BytesIO(pack(files))) as archive:
        found = {entry.name: archive.extractfile(entry) for entry in archive}
        assert {name: file.read().decode() for name, file in found.items() if file} == files


def test_a_missing_client_is_said():
    config = SandboxConfig(kind=SandboxKind.DOCKER, docker_images=IMAGES, docker_client="no-such-client")
    with pytest.raises(SandboxError, match="not installed"):
        run_programs([single_file("python", "")], config)


@pytest.mark.skipif(shutil.which("docker") is None, reason="the docker client is not installed")
@pytest.mark.skipif(engine_answers(), reason="an engine answers here")
def test_a_client_without_an_engine_is_said():
    with pytest.raises(SandboxError, match="No engine answers"):
        run_programs([single_file("python", "")], CONFIG)


def test_options_without_images_are_refused():
    with pytest.raises(ConfigError, match="docker_images"):
        SandboxConfig(kind=SandboxKind.DOCKER)


IMAGE = os.environ.get("TREASURE_SANDBOX_IMAGE", "")
needs_image = pytest.mark.skipif(
    not IMAGE or not engine_answers(), reason="TREASURE_SANDBOX_IMAGE names no image with all tool-chains"
)
REAL = SandboxConfig(kind=SandboxKind.DOCKER, docker_images=dict.fromkeys(TOOLCHAINS, IMAGE or "none"), time_factor=3.0)
HOSTILE = {
    "fork bomb": "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass",
    "memory": "a = []\nwhile True:\n    a.append(bytearray(10**8))",
    "disk": "f = open('big', 'wb')\nwhile True:\n    f.write(bytes(10**7))",
    "output": "while True:\n    print('a' * 10**6)",
    "sleep": "import time\ntime.sleep(10**6)",
    "network": "import socket\nsocket.create_connection(('1.1.1.1', 53), 2)",
    "elsewhere": "open('/etc/here', 'w').write('a')",
    "environment": "import os\nassert 'TREASURE_SANDBOX_IMAGE' in os.environ",
    "rights": "import os\nassert os.getuid() == 0",
    "daemon": "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(10**6)\nraise SystemExit(1)",
}


@pytest.mark.slow
@needs_image
@pytest.mark.parametrize("language", TOOLCHAINS)
def test_a_container_runs_programs_of_each_language(language: str):
    right = TOOLCHAINS[language].probes()[""]
    wrong = single_file(language, "this is no program {")
    found = run_programs([right, wrong], REAL)
    assert [(result.ran, result.passed) for result in found] == [(True, True), (True, False)], found


@pytest.mark.slow
@needs_image
def test_hostile_programs_fail_in_their_containers_and_leave_none_behind():
    good = single_file("python", "print(42)", expected_stdout="42", timeout_s=2.0)
    programs = [single_file("python", text, timeout_s=2.0) for text in HOSTILE.values()]
    found = run_programs([*programs, good], REAL)
    assert {name: result.passed for name, result in zip(HOSTILE, found[:-1], strict=True)} == dict.fromkeys(
        HOSTILE, False
    )
    assert all(result.ran for result in found) and found[-1].passed
    listed = subprocess.run(
        ["docker", "ps", "--quiet", "--filter", "name=treasure-"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert listed.stdout == ""
