"""Runs programs one at a time in a closed room: a script that `sandbox.py` starts, with the standard library only.

    server        enters namespaces of its own (mount, network, IPC, and user unless root) and a root folder that holds
      │           read-only system libraries, nothing else; then serves requests, one JSON object a line
      └ keeper    one fork a job: new PID namespace, an empty tmpfs as working folder; reads output, ends it in time
          └ program   process 1 of that namespace, so that nothing it started outlives it: no rights, limits, new user

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
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from treasure.evaluation import sandbox_room as room

MAX_FILES = 64
NODE_THREADS = 12
"""Threads and processes that node needs for itself."""


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
    requests, answers = os.fdopen(os.dup(0), "rb"), os.dup(1)
    uid = os.getuid() or 60000 + os.getpid() % 5000  # one of its own, so that its processes are counted apart
    for line in requests:
        reading, writing = os.pipe()
        keeper = os.fork()
        if keeper == 0:
            answer(writing, keep(json.loads(line), setting, uid))
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            found = json.loads(pipe.read() or '{"reason": "failed: killed its keeper", "stdout": ""}')
        os.waitpid(keeper, 0)
        if not setting.has_namespaces:
            kill_children()
            shutil.rmtree(setting.work(keeper), ignore_errors=True)
        answer(answers, found)


def answer(descriptor: int, found: dict[str, str]) -> None:
    """Writes one line of JSON."""
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(json.dumps(found).encode() + b"\n")


def keep(request: dict[str, Any], setting: Setting, uid: int) -> dict[str, str]:
    """Runs one program to its end, or ends it; returns its `reason` and `stdout`."""
    try:
        os.setsid()
        room.end_with_parent()
        open_work_folder(request, setting, uid)
        output, errors = os.pipe(), os.pipe()
        program = os.fork()
    except OSError as error:
        return {"reason": f"unavailable: the sandbox could not start a program ({error})", "stdout": ""}
    if program == 0:
        become_program(request, setting, uid, output[1], errors[1])
    os.close(output[1])
    os.close(errors[1])
    ended, texts = watch(program, (output[0], errors[0]), request["timeout_s"], request["output_bytes"])
    os.kill(program, signal.SIGKILL)
    _, status = os.waitpid(program, 0)
    if not setting.has_namespaces:
        kill_children()
    return {"reason": ended or reason_for(status, texts[1]), "stdout": texts[0].decode(errors="replace")}


def open_work_folder(request: dict[str, Any], setting: Setting, uid: int) -> None:
    """Makes the empty working folder of one program and goes there."""
    work = setting.work(os.getpid())
    if setting.has_namespaces:
        room.enter_cell(request["file_size_bytes"] + 4 * len(request["program"]) + 65536)
    else:
        room.adopt_orphans()
        Path(work).mkdir(mode=0o700)
        if uid != os.getuid():
            os.chown(work, uid, uid)
            Path(work).parent.chmod(0o711)
    os.chdir(work)
    if request["command"]:
        Path("program.js").write_text(request["program"], encoding="utf-8", errors="replace")


def become_program(request: dict[str, Any], setting: Setting, uid: int, output: int, errors: int) -> NoReturn:
    """Gives up every right, every descriptor and every variable of the environment, then is the program."""
    try:
        os.setsid()
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(errors, 2)
        os.closerange(3, 4096)
        set_limits(request, setting, uid)
        room.drop_rights(uid)
        if not setting.has_namespaces:
            if not room.files_problem():
                room.filter_files(setting.readable, str(Path.cwd()))
            room.filter_calls()
        os.environ.clear()
        if request["command"]:
            os.execve(request["command"][0], [*request["command"], "program.js"], {})
        run_python(request["program"])
    finally:
        os._exit(125)


def set_limits(request: dict[str, Any], setting: Setting, uid: int) -> None:
    """Sets the limits of the kernel that hold for the program and all it starts."""
    memory = resource.RLIMIT_DATA if request["command"] else resource.RLIMIT_AS  # node reserves far more than it uses
    processes = request["num_processes"] + (NODE_THREADS if request["command"] else 0)
    if uid == os.getuid():
        processes += 2 if setting.has_namespaces else count_tasks(uid)  # server and keeper count as well
    cpu_s = int(request["timeout_s"]) + 1
    for kind, limit in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_FSIZE, request["file_size_bytes"]),
        (resource.RLIMIT_NOFILE, MAX_FILES),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_NPROC, processes),
        (memory, request["memory_bytes"]),
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
            room.enter_cell(65536)
            os._exit(0)
        finally:
            os._exit(1)
    if os.waitpid(child, 0)[1] != 0:
        raise OSError("a new PID or mount namespace was refused")


def main() -> None:
    """Reads the setting from the command line, says what is in the way of the mode or missing in it, and serves."""
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
