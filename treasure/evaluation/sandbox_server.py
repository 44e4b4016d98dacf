"""Runs programs one at a time in a closed room: a script that `sandbox.py` starts, with the standard library only.

    server          enters namespaces of its own (mount, network, IPC, and user unless root) and a root folder that
      │             holds read-only system libraries, nothing else; then serves requests, one JSON object a line
      └ keeper      one fork a job: an empty tmpfs as working folder, into which it writes the job's files
          └ watcher     one fork a step: new PID namespace; reads output, ends the step in time
              └ program   process 1 of that namespace, so that nothing it started outlives it: no rights, limits

A request is {"files": {path: text}, "steps": [step, ...]}; steps run in the same folder until one fails. A step holds
the fields of `SandboxLimits`, and `program` (the text of a Python program) or `arguments` and `environment` (a command,
where "{work}" stands for the folder), and `bounds_addresses` (whether the limit of memory is one of address space).

Modes: 'namespaces' is all of the above. 'filters' is for kernels that refuse namespaces: instead of them the program is
denied signals and tracing of others, sockets, and (with Landlock) files outside its folder and the system libraries;
its descendants are killed by hand. Python programs run in the fork itself, which saves 8 ms of start-up a program.
"""

import json
import os
import resource
import select
import shutil
import signal
import sys
import time
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from treasure.evaluation import sandbox_room as room

MAX_WORK_FILES = 4096
"""Files and folders in the working folder."""
TAIL_BYTES = 2**16
"""How much of the output of a step is handed on."""


@dataclass(frozen=True)
class Setting:
    """What holds for all programs of one server: the mode, the folder for its use, and what programs may read."""

    mode: str
    scratch: str
    readable: tuple[str, ...]

    @property
    def has_namespaces(self) -> bool:
        """Whether programs run in namespaces, else behind filters."""
        return self.mode == "namespaces"

    def work(self, keeper: int) -> str:
        """The working folder of the program that the process `keeper` looks after."""
        return room.WORK if self.has_namespaces else f"{self.scratch}/work{keeper}"


def serve(setting: Setting) -> None:
    """Answers each request line on standard input by one line on standard output, until the input ends."""
    room.adopt_orphans()
    room.end_with_parent()  # a program may run on for its time, and only then the end of the input would be met
    requests, answers = os.fdopen(os.dup(0), "rb"), os.dup(1)
    uid = os.getuid() or 60000 + os.getpid() % 5000  # one of its own, so that its processes are counted apart
    for line in requests:
        keeper, found = in_child(lambda line=line: keep(json.loads(line), setting, uid))
        if not setting.has_namespaces:
            kill_children()
            shutil.rmtree(setting.work(keeper), ignore_errors=True)
        answer(answers, found or [{"reason": "failed: killed its keeper"}])


def in_child(work: Callable[[], Any]) -> tuple[int, Any]:
    """Does `work` in a fork; returns the fork's number and what `work` returned, None if the fork was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            answer(writing, work())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return child, json.loads(text) if text else None


def answer(descriptor: int, found: Any) -> None:
    """Writes one line of JSON."""
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(json.dumps(found).encode() + b"\n")


def keep(request: dict[str, Any], setting: Setting, uid: int) -> list[dict[str, str]]:
    """Runs the steps of one job until one fails; returns the `reason` and the output of each."""
    try:
        os.setsid()
        room.end_with_parent()
        work = open_work_folder(request, setting, uid)
    except OSError as error:
        return [{"reason": f"unavailable: the sandbox could not start a program ({error})"}]
    found: list[dict[str, str]] = []
    for place, step in enumerate(request["steps"]):
        if place > 0 and setting.has_namespaces:
            room.resize_cell(step["file_size_bytes"] + 65536)
        outcome = in_child(lambda step=step: run_step(step, setting, work, uid))[1]
        found.append(outcome or {"reason": "failed: killed its keeper"})
        if found[-1]["reason"] != "ok":
            break
    return found


def run_step(step: dict[str, Any], setting: Setting, work: str, uid: int) -> dict[str, str]:
    """Runs one step to its end, or ends it; returns its `reason` and what it wrote."""
    try:
        room.end_with_parent()
        if setting.has_namespaces:
            room.count_processes_anew()
        else:
            room.adopt_orphans()
        output, errors = os.pipe(), os.pipe()
        program = os.fork()
    except OSError as error:
        return {"reason": f"unavailable: the sandbox could not start a program ({error})"}
    if program == 0:
        become_program(step, setting, work, uid, output[1], errors[1])
    os.close(output[1])
    os.close(errors[1])
    ended, texts = watch(program, (output[0], errors[0]), step["time_s"], step["output_bytes"])
    os.kill(program, signal.SIGKILL)
    _, status, usage = os.wait4(program, 0)
    if not setting.has_namespaces:
        kill_children()
    used_s = usage.ru_utime + usage.ru_stime
    if not ended and os.WIFSIGNALED(status) and used_s > 0.9 * cpu_limit_s(step):  # the kernel counts the two apart
        ended = "timeout"
    told = [text[-TAIL_BYTES:].decode(errors="replace") for text in texts]
    return {"reason": ended or reason_for(status, texts[1]), "stdout": told[0], "stderr": told[1]}


def open_work_folder(request: dict[str, Any], setting: Setting, uid: int) -> str:
    """Makes the empty working folder of one job, goes there, writes the job's files, and returns its path."""
    work = setting.work(os.getpid())
    texts = {name: text.encode(errors="replace") for name, text in request["files"].items()}
    if setting.has_namespaces:
        size = request["steps"][0]["file_size_bytes"] + 2 * sum(map(len, texts.values())) + 4096 * len(texts) + 65536
        room.enter_cell(size, MAX_WORK_FILES)
    else:
        room.adopt_orphans()
        Path(work).mkdir(mode=0o700)
        if uid != os.getuid():
            Path(work).parent.chmod(0o711)
    os.chdir(work)
    for name, text in texts.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(text)
    if uid != os.getuid():
        for path in (Path(work), *Path(work).rglob("*")):
            os.chown(path, uid, uid)
    return work


def become_program(step: dict[str, Any], setting: Setting, work: str, uid: int, output: int, errors: int) -> NoReturn:
    """Gives up every right, every descriptor and every variable of the environment, then is the program."""
    try:
        os.setsid()
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(errors, 2)
        os.closerange(3, 4096)
        set_limits(step, setting, uid)
        room.drop_rights(uid)
        if not setting.has_namespaces:
            if not room.files_problem():
                room.filter_files(setting.readable, work)
            room.filter_calls()
        if not step["starts_processes"]:
            room.filter_processes()
        os.environ.clear()
        if step["program"] is not None:
            run_python(step["program"])
        arguments = [text.replace("{work}", work) for text in step["arguments"]]
        environment = {name: text.replace("{work}", work) for name, text in step["environment"].items()}
        try:
            os.execve(arguments[0], arguments, environment)
        except OSError as error:
            os.write(2, f"{arguments[0]}: {error.strerror}".encode())
    finally:
        os._exit(125)


def cpu_limit_s(step: dict[str, Any]) -> int:
    """Seconds of processor time that each process may use."""
    return int(step["time_s"] if step["cpu_s"] is None else step["cpu_s"]) + 1


def set_limits(step: dict[str, Any], setting: Setting, uid: int) -> None:
    """Sets the limits of the kernel that hold for the program and all it starts."""
    memory = resource.RLIMIT_AS if step["bounds_addresses"] else resource.RLIMIT_DATA
    processes = step["num_processes"]
    if uid == os.getuid():
        processes += 3 if setting.has_namespaces else count_tasks(uid)  # server, keeper and watcher count as well
    for kind, limit in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, cpu_limit_s(step)),
        (resource.RLIMIT_FSIZE, step["file_size_bytes"]),
        (resource.RLIMIT_NOFILE, step["num_files"]),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_NPROC, processes),
        (memory, step["memory_bytes"]),
    ):
        resource.setrlimit(kind, (limit, limit))


def count_tasks(uid: int) -> int:
    """All threads that the user runs now, as RLIMIT_NPROC counts them outside a user namespace."""
    count = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            count += len(list((process / "task").iterdir())) if process.stat().st_uid == uid else 0
        except OSError:  # it ended meanwhile
            continue
    return count


def run_python(program: str) -> NoReturn:
    """Runs the text as the main module and leaves with the status that Python would leave with."""
    main = types.ModuleType("__main__")
    sys.modules["__main__"], sys.argv = main, ["program.py"]
    status = 0
    try:
        exec(compile(program, "program.py", "exec", dont_inherit=True), main.__dict__)
        sys.stdout.flush()
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
        sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001  # whatever the program raises is its end, not ours
        os.write(2, type(error).__name__.encode())
        status = 1
    os._exit(status & 255)


def watch(program: int, pipes: tuple[int, int], timeout_s: float, output_bytes: int) -> tuple[str, list[bytes]]:
    """Reads what the program writes until it ends; returns why it must be ended ('' if it did) and both outputs."""
    texts, deadline = [b"", b""], time.monotonic() + timeout_s
    ending = os.pidfd_open(program)
    poller = select.poll()
    for descriptor in (ending, *pipes):
        os.set_blocking(descriptor, False)
        poller.register(descriptor, select.POLLIN)
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return "timeout", texts
        ready = {descriptor for descriptor, _ in poller.poll(left * 1000)}
        for index, pipe in enumerate(pipes):
            if pipe in ready or ending in ready:
                text, is_open = drain(pipe, output_bytes - len(texts[index]))
                texts[index] += text
                if not is_open and pipe in ready:
                    poller.unregister(pipe)
            if len(texts[index]) > output_bytes:
                return "output", texts
        if ending in ready:
            return "", texts


def drain(pipe: int, limit: int) -> tuple[bytes, bool]:
    """What stands in the pipe, up to just over `limit` bytes, and whether more can come."""
    text = b""
    while len(text) <= limit:
        try:
            part = os.read(pipe, 65536)
        except BlockingIOError:
            return text, True
        if not part:
            return text, False
        text += part
    return text, True


def reason_for(status: int, errors: bytes) -> str:
    """The reason that a wait status stands for, with the help of what was written to standard error."""
    if status == 0:
        return "ok"
    if any(sign in errors for sign in (b"MemoryError", b"out of memory", b"allocation failed")):
        return "memory"
    if not os.WIFSIGNALED(status):
        return f"failed: exit status {os.WEXITSTATUS(status)}"
    number = os.WTERMSIG(status)
    return "timeout" if number == signal.SIGXCPU else f"failed: signal {number}"


def kill_children() -> None:
    """Ends all descendants of this process, a subreaper: killing a parent makes its children ours, so repeat."""
    while True:
        children = [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
        if not children:
            return
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        for pid in children:
            os.waitpid(pid, 0)


def try_cell() -> None:
    """Tries in a child, since it cannot be undone, what every program will need.

    Raises:
        OSError: the kernel refuses it.
    """
    child = os.fork()
    if child == 0:
        try:
            room.enter_cell(65536, 16)
            room.count_processes_anew()
            os._exit(0)
        finally:
            os._exit(1)
    if os.waitpid(child, 0)[1] != 0:
        raise OSError("a new PID or mount namespace was refused")


def main() -> None:
    """Reads the setting from the command line, says what is in the way of the mode or missing in it, and serves."""
    os.umask(0o022)  # what is made here is read by the programs' own user
    given = json.loads(sys.argv[1])
    setting = Setting(given["mode"], given["scratch"], tuple(given["readable"]))
    problem = missing = ""
    if setting.has_namespaces:
        try:
            room.enter_room(setting.scratch, setting.readable)
            try_cell()
        except OSError as error:
            problem = str(error)
    else:
        missing = room.files_problem()
    answer(1, {"problem": problem, "missing": missing})
    if not problem:
        serve(setting)
