"""Runs programs in containers, one each, of an engine that the docker client (or podman's) can reach.

The container has no network, no rights, a root that cannot be written, and one folder in memory. The files come in
through standard input, so the engine may run on another machine.
"""

import io
import os
import shlex
import shutil
import subprocess
import tarfile
import tempfile
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO

from treasure.errors import SandboxError
from treasure.evaluation.program import SOURCE_NAMES, Program, ProgramResult
from treasure.evaluation.sandbox_config import SandboxConfig
from treasure.evaluation.sandbox_local import told
from treasure.evaluation.sandbox_worker import Outcome
from treasure.evaluation.toolchains.kits import TOOLCHAINS
from treasure.evaluation.toolchains.plan import PlannedStep, judge, plan
from treasure.evaluation.toolchains.toolchain import Kit

_WORK = "/treasure-work"
"""No image has this folder, and nobody makes it before the mount: of one that is there, runc would keep the rights."""
_CLIENT_S, _START_S = 60.0, 60.0
"""How long a question to the engine may take, and how long a container to start and end."""
_EARLIER_STEP_FAILED = 251
"""Status of the container when a step before the last failed; which, and its status, is the last line of stderr."""
_NOT_UNPACKED = 250
_TIMED_OUT = 124
"""Status that `timeout` ends with."""
_ENGINE_FAILED = 125
"""The client's status when the engine could not start a container."""


class DockerSandbox:
    """The engine and the images that the options name.

    Raises:
        SandboxError: the client is not installed or no engine answers to it.
    """

    def __init__(self, config: SandboxConfig) -> None:
        self._config = config
        found = shutil.which(config.docker_client)
        if found is None:
            raise SandboxError(f"'{config.docker_client}' (sandbox.docker_client) is not installed; or use kind=local.")
        self._client = found
        done = self._ask("version", "--format", "{{.Server.Version}}")
        if done.returncode != 0:
            raise SandboxError(
                f"No engine answers to {found}: {_last_line(done.stderr)}. Start one, or set sandbox.kind=local."
            )
        self._problems: dict[str, str | None] = {}

    def run(self, programs: Sequence[Program]) -> list[ProgramResult]:
        """The results in the order of the programs, all in languages without a problem.

        Raises:
            SandboxError: the engine could not start a container.
        """
        with ThreadPoolExecutor(self._config.num_workers) as pool:
            return list(pool.map(self._run_one, programs))

    def problem(self, language: str) -> str | None:
        """Why programs in this language do not run there; None if they do. The first call runs a tiny program.

        Raises:
            SandboxError: as `run`.
        """
        if language not in self._problems:
            self._problems[language] = self._find_problem(language)
        return self._problems[language]

    def missing_libraries(self, language: str) -> Mapping[str, str]:
        """Libraries that are not in the image, with the reason.

        Raises:
            SandboxError: as `run`.
        """
        if self.problem(language) is not None:
            return {}
        probes = {name: probe for name, probe in TOOLCHAINS[language].probes().items() if name}
        results = zip(probes, self.run(list(probes.values())), strict=True)
        return {name: told(result) for name, result in results if not result.passed}

    def _find_problem(self, language: str) -> str | None:
        if language not in TOOLCHAINS:
            return f"programs in {', '.join(SOURCE_NAMES)} are run, not in {language}"
        image = self._config.docker_images.get(language)
        if image is None:
            return f"sandbox.docker_images names no image for {language}"
        if self._ask("image", "inspect", image).returncode != 0:
            return f"the image {image} is not there; '{self._config.docker_client} pull {image}' fetches it"
        result = self._run_one(TOOLCHAINS[language].probes()[""])
        return None if result.passed else told(result)

    def _run_one(self, program: Program) -> ProgramResult:
        steps = plan(program, container_kit(program.language, self._config), self._config.time_factor)
        name = f"treasure-{uuid.uuid4().hex}"
        started = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="treasure-docker-") as folder:
            number = Path(folder, "id")
            command = run_command(self._client, name, number, steps, self._config, program)
            status, stdout, stderr = self._watch(command, name, pack(program.files), steps)
            if status == _ENGINE_FAILED and not number.exists():
                raise SandboxError(f"The engine could not start a container: {_last_line(stderr.decode())}")
        return judge(program, steps, outcomes(status, stdout, stderr, steps), time.monotonic() - started)

    def _watch(
        self, command: list[str], name: str, archive: bytes, steps: Sequence[PlannedStep]
    ) -> tuple[int | str, bytes, bytes]:
        """Feeds and reads a container until it ends, writes too much, or is out of time: a status, or why it ended."""
        limit = max(step.limits.output_bytes for step in steps)
        texts, too_much = [b"", b""], threading.Event()

        def read(pipe: IO[bytes], place: int) -> None:
            while part := os.read(pipe.fileno(), 65536):
                if len(texts[place]) <= limit:
                    texts[place] += part
                else:
                    too_much.set()

        client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert client.stdin and client.stdout and client.stderr
        readers = [threading.Thread(target=read, args=pair) for pair in ((client.stdout, 0), (client.stderr, 1))]
        for reader in readers:
            reader.start()
        with suppress(BrokenPipeError), client.stdin:
            client.stdin.write(archive)
        deadline = time.monotonic() + sum(step.time_s for step in steps) + _START_S
        while client.poll() is None and not too_much.is_set() and time.monotonic() < deadline:
            time.sleep(0.02)
        status: int | str | None = client.poll()
        if status is None:
            status = "output" if too_much.is_set() else "timeout"
            self._ask("kill", name)
            client.kill()
        client.wait()
        for reader in readers:
            reader.join()
        client.stdout.close()
        client.stderr.close()
        return "output" if too_much.is_set() else status, texts[0], texts[1]

    def _ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                [self._client, *words], capture_output=True, text=True, timeout=_CLIENT_S, stdin=subprocess.DEVNULL
            )
        except subprocess.TimeoutExpired as error:
            raise SandboxError(f"The engine behind {self._client} did not answer in {_CLIENT_S:.0f} s.") from error


def container_kit(language: str, config: SandboxConfig) -> Kit:
    """What the image has: tools by their names on its PATH, and compiled libraries where the options say."""
    folder = config.docker_libraries.get(language, "")
    environment: dict[str, str] = {}
    if language == "go":
        environment = {"GOPATH": config.go_path, "GOCACHE": folder or "{work}/cache"}
    if language == "javascript" and config.node_modules:
        environment = {"NODE_PATH": config.node_modules}
    return Kit(tools={name: name for name in TOOLCHAINS[language].tool_names}, folder=folder, environment=environment)


def run_command(
    client: str, name: str, number: Path, steps: Sequence[PlannedStep], config: SandboxConfig, program: Program
) -> list[str]:
    """The whole command line for one program."""
    limits = [step.limits for step in steps]
    memory = max(limit.memory_bytes for limit in limits)
    files = max(limit.file_size_bytes for limit in limits) + 2 * sum(map(len, program.files.values()))
    uid = config.docker_user
    return [
        client, "run", "--rm", "--interactive", "--pull", "never", "--name", name, "--cidfile", str(number),
        "--network", "none", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
        "--user", uid, "--ipc", "none", "--log-driver", "none", "--hostname", "sandbox",
        "--memory", str(memory), "--memory-swap", str(memory),
        "--pids-limit", str(max(limit.num_processes for limit in limits) + 4),
        "--ulimit", f"fsize={max(limit.file_size_bytes for limit in limits)}",
        "--ulimit", f"nofile={max(limit.num_files for limit in limits)}", "--ulimit", "core=0",
        "--tmpfs", f"{_WORK}:rw,exec,nosuid,nodev,mode=1777,size={files + 2**20}",
        "--entrypoint", "sh", config.docker_images[program.language], "-c", script(steps),
    ]  # fmt: skip


def script(steps: Sequence[PlannedStep]) -> str:
    """What the container's shell does: unpacks the files, runs the steps, and becomes the last of them."""
    lines = [f"cd {_WORK} && tar -xf - || exit {_NOT_UNPACKED}", "exec </dev/null"]
    for place, step in enumerate(steps):
        words = [text.replace("{work}", _WORK) for text in step.arguments]
        variables = [f"{name}={text.replace('{work}', _WORK)}" for name, text in step.environment]
        cpu_s = int(step.limits.cpu_s or step.time_s) + 1
        command = shlex.join(["timeout", "-k", "1", str(step.time_s), "env", *variables, *words])
        if place < len(steps) - 1:
            told_by = f'{{ s=$?; echo "step {place} $s" >&2; exit {_EARLIER_STEP_FAILED}; }}'
            lines.append(f"(ulimit -t {cpu_s}; exec {command}) || {told_by}")
        else:
            lines.append(f"ulimit -t {cpu_s}; exec {command}")
    return "\n".join(lines)


def outcomes(status: int | str, stdout: bytes, stderr: bytes, steps: Sequence[PlannedStep]) -> list[Outcome]:
    """What became of each step, from the end of the container."""
    out, err = stdout.decode(errors="replace"), stderr.decode(errors="replace")
    before = [Outcome("ok")] * (len(steps) - 1)
    if isinstance(status, str):
        return [*before, Outcome(status, out, err)]
    if status == _NOT_UNPACKED:
        return [Outcome("failed: its files did not fit", out, err)]
    if status == _EARLIER_STEP_FAILED:
        words = _last_line(err).split()
        if len(words) == 3 and words[0] == "step" and all(word.isdecimal() and len(word) < 4 for word in words[1:]):
            place = min(int(words[1]), len(before) - 1)  # the words may be the program's own, but it has failed anyway
            return [*before[:place], Outcome(_reason(int(words[2]) or _EARLIER_STEP_FAILED), out, err)]
    return [*before, Outcome(_reason(status), out, err)]


def _reason(status: int) -> str:
    """The reason that a status of the shell stands for. A program may end with 124 itself, but fails by that anyway."""
    if status == 0:
        return "ok"
    if status == _TIMED_OUT:
        return "timeout"
    return f"failed: signal {status - 128}" if 128 < status <= 192 else f"failed: exit status {status}"


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else "no reason given"


def pack(files: Mapping[str, str]) -> bytes:
    """The files as a tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in files.items():
            data = text.encode(errors="replace")
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()
