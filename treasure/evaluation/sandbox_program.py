"""How a fork of the sandbox's server becomes the generated program: without rights, under the kernel's limits.

Used by the sandbox's server process, so the standard library only.
"""

import os
import resource
import sys
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from treasure.evaluation import sandbox_room as room


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
