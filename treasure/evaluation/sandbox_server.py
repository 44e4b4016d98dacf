"""Runs programs one at a time in a closed room: a script that `sandbox.py` starts, with the standard library only.

    server          enters namespaces of its own (mount, network, IPC, and user unless root) and a root folder that
      │             holds read-only system libraries, nothing else; then serves requests, one JSON object a line
      └ keeper      one fork a job: an empty tmpfs as working folder, into which it writes the job's files
          └ watcher     one fork a step: new PID namespace; reads output, ends the step in time (sandbox_watch.py)
              └ program   process 1 of that namespace, so that nothing it started outlives it: no rights, limits
                          (sandbox_program.py)

A request is {"files": {path: text}, "steps": [step, ...], "own_path": text}; steps run in the same folder until one
fails. A step holds the fields of `SandboxLimits`, and `program` (the text of a Python program) or `arguments` and
`environment` (a command, where "{work}" stands for the folder), and `bounds_addresses` (whether the limit of memory is
one of address space). `own_path`, if any, is what /proc/self/exe points to: some compilers do not start without it.

Modes: 'namespaces' is all of the above. 'filters' is for kernels that refuse namespaces: instead of them the program is
denied signals and tracing of others, sockets, and (with Landlock) files outside its folder and the system libraries;
its descendants are killed by hand. Python programs run in the fork itself, which saves 8 ms of start-up a program.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from treasure.evaluation import sandbox_room as room
from treasure.evaluation.sandbox_program import Setting, become_program, cpu_limit_s
from treasure.evaluation.sandbox_watch import reason_for, watch

MAX_WORK_FILES = 4096
"""Files and folders in the working folder."""
TAIL_BYTES = 2**16
"""How much of the output of a step is handed on."""


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
    if not ended and os.WIFSIGNALED(status) and used_s > 0.5 * cpu_limit_s(step):  # the limit counts by ticks
        ended = "timeout"
    told = [text[-TAIL_BYTES:].decode(errors="replace") for text in texts]
    return {"reason": ended or reason_for(status, texts[1]), "stdout": told[0], "stderr": told[1]}


def open_work_folder(request: dict[str, Any], setting: Setting, uid: int) -> str:
    """Makes the empty working folder of one job, goes there, writes the job's files, and returns its path."""
    work = setting.work(os.getpid())
    texts = {name: text.encode(errors="replace") for name, text in request["files"].items()}
    if setting.has_namespaces:
        size = request["steps"][0]["file_size_bytes"] + 2 * sum(map(len, texts.values())) + 4096 * len(texts) + 65536
        room.enter_cell(size, MAX_WORK_FILES, request["own_path"])
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
            room.enter_cell(65536, 16, "/dev/null")
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
