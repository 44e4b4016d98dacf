"""The walls around generated code, as system calls: namespaces and mounts, dropped rights, filters of files and calls.

Used by the sandbox's server process, so the standard library only.
"""

import ctypes
import os
import platform
import signal
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE, MS_RELATIME = (
    1, 2, 4, 32, 4096, 16384, 1 << 18, 1 << 21
)  # fmt: skip
KEPT_FLAGS = 1 | 2 | 4 | 8 | 1024 | 2048  # statvfs and mount agree on these bits
ST_RELATIME = 4096
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = (
    0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
)  # fmt: skip
PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 22, 36, 38
CAPABILITY_VERSION_3 = 0x20080522
WORK = "/scratch"
PROC = "/proc"
"""The working folder of every program in namespaces."""

libc = ctypes.CDLL(None, use_errno=True)


def check(name: str, *arguments: object) -> None:
    """Calls a libc function and raises OSError unless it returns 0."""
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    """The system call of that name; None stands for a null pointer."""
    texts = [None if text is None else text.encode() for text in (source, target, kind, options)]
    check("mount", *texts[:3], ctypes.c_ulong(flags), texts[3])


def enter_room(room: str, readable: Iterable[str]) -> None:
    """Leaves the machine's namespaces and makes the folder `room` the root, with the paths `readable` and little else.

    Raises:
        OSError: the kernel refuses a step. The process is then of no further use.
    """
    uid, gid = os.getuid(), os.getgid()
    check("unshare", CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | (CLONE_NEWUSER if uid else 0))
    if uid:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            Path("/proc/self", name).write_text(text)
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    mount("tmpfs", room, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m")
    for path in map(Path, ("/dev/null", "/dev/urandom", *readable)):
        target = Path(room, path.relative_to("/"))
        if path.exists() and not target.exists():  # it exists when it lies within an earlier path
            bind_read_only(path, target)
    Path(room + WORK).mkdir()
    Path(room + PROC).mkdir(exist_ok=True)
    mount(None, room, None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)
    os.chroot(room)
    os.chdir("/")


def bind_read_only(path: Path, target: Path) -> None:
    """Shows `path`, a folder or a file, at `target` as well, where nobody can write to it."""
    if path.is_dir():
        target.mkdir(parents=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    mount(str(path), str(target), None, MS_BIND | MS_REC)
    flags = os.statvfs(target).f_flag  # a user namespace may add flags to a mount but not take any away
    kept = flags & KEPT_FLAGS | (MS_RELATIME if flags & ST_RELATIME else 0)
    mount(None, str(target), None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | kept)


def enter_cell(work_bytes: int, num_files: int, own_path: str = "") -> None:
    """Mounts an empty folder `WORK`, seen by this process and its children alone, that holds `work_bytes`.

    With `own_path` a link there stands where programs look for their own path; there is nothing else in /proc.

    Raises:
        OSError: the kernel refuses.
    """
    check("unshare", CLONE_NEWNS)
    mount("tmpfs", WORK, "tmpfs", MS_NOSUID | MS_NODEV, f"mode=777,size={work_bytes},nr_inodes={num_files}")
    if own_path:
        mount("tmpfs", PROC, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=16k,nr_inodes=8")
        Path(PROC, "self").mkdir()
        Path(PROC, "self/exe").symlink_to(own_path)
        mount(None, PROC, None, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)


def resize_cell(free_bytes: int) -> None:
    """Lets the folder `WORK` hold `free_bytes` more than it holds now.

    Raises:
        OSError: the kernel refuses.
    """
    now = os.statvfs(WORK)
    used = (now.f_blocks - now.f_bfree) * now.f_frsize
    mount(None, WORK, None, MS_REMOUNT | MS_NOSUID | MS_NODEV, f"size={used + free_bytes}")


def count_processes_anew() -> None:
    """Makes the next fork the first process of a PID namespace of its own, with an IPC namespace that ends with it.

    Raises:
        OSError: the kernel refuses.
    """
    check("unshare", CLONE_NEWPID | CLONE_NEWIPC)


def adopt_orphans() -> None:
    """Makes descendants whose parent ends children of this process."""
    check("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_with_parent() -> None:
    """Has the kernel kill this process when its parent ends."""
    check("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def drop_rights(uid: int) -> None:
    """Changes to the user `uid` if this is root, clears all capabilities, and forbids to gain any.

    Calls that take memory or keys which no limit counts, and which the kernel keeps for others, are denied.
    """
    if os.getuid() != uid:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    check("capset", header, (ctypes.c_uint32 * 6)())
    check("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if platform.machine() in MACHINES:
        _install(KEEPING_CALLS[platform.machine()], ())
    end_with_parent()


LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446
READ_FILES, READ_FOLDERS, WRITE_FILES, ALL_FILE_RIGHTS = 1 | 4, 1 | 4 | 8, 2 | 4, 0x1FFF


def files_problem() -> str:
    """Why `filter_files` cannot work here; empty if it can."""
    try:
        os.close(_call(LANDLOCK_CREATE_RULESET, struct.pack("Q", ALL_FILE_RIGHTS), 8, 0))
    except OSError as error:
        return str(error)
    return ""


def filter_files(readable: Iterable[str], work: str) -> None:
    """Denies this process and its children all files but the `readable` ones and what lies in `work`.

    Needs `drop_rights` first. Source: https://docs.kernel.org/userspace-api/landlock.html (version 1 of its interface)

    Raises:
        OSError: the kernel has no Landlock.
    """
    rules = _call(LANDLOCK_CREATE_RULESET, struct.pack("Q", ALL_FILE_RIGHTS), 8, 0)
    for path in map(Path, ("/dev/null", "/dev/urandom", work, *readable)):
        try:
            descriptor = os.open(path, os.O_PATH)
        except OSError:  # absent, or closed to this user anyway
            continue
        read = READ_FOLDERS if path.is_dir() else READ_FILES
        rights = {work: ALL_FILE_RIGHTS, "/dev/null": WRITE_FILES}.get(str(path), read)
        _call(LANDLOCK_ADD_RULE, rules, 1, struct.pack("=Qi", rights, descriptor), 0)
        os.close(descriptor)
    _call(LANDLOCK_RESTRICT_SELF, rules, 0)
    os.close(rules)


def _call(number: int, *arguments: object) -> int:
    """A system call that the C library has no name for."""
    result = libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"system call {number}: {os.strerror(ctypes.get_errno())}")
    return result


DENIED_CALLS: dict[str, Sequence[int]] = {
    "x86_64": (62, 200, 234, 129, 297, 424, 101, 310, 311, 41, 425, 272, 308, 165, 250, 248, 321, 298),
    "aarch64": (129, 130, 131, 138, 240, 424, 117, 270, 271, 198, 425, 97, 268, 40, 219, 217, 280, 241),
}
"""By machine: the calls that reach other processes or the network (kill, tkill, tgkill, rt_sigqueueinfo,
rt_tgsigqueueinfo, pidfd_send_signal, ptrace, process_vm_readv, process_vm_writev, socket, io_uring_setup, unshare,
setns, mount, keyctl, add_key, bpf, perf_event_open)."""
KEEPING_CALLS: dict[str, Sequence[int]] = {
    "x86_64": (29, 30, 68, 64, 240, 248, 249, 250),
    "aarch64": (194, 196, 186, 190, 180, 217, 218, 219),
}
"""By machine: shmget, shmat, msgget, semget, mq_open, add_key, request_key, keyctl."""
FORK_CALLS: dict[str, Sequence[int]] = {"x86_64": (57, 58), "aarch64": ()}
"""By machine: fork and vfork, where they exist."""
MACHINES = {"x86_64": (0xC000003E, 302, 56), "aarch64": (0xC00000B7, 261, 220)}
"""By machine: its number for seccomp, prlimit64, clone."""
CLONE3, CLONE_THREAD = 435, 0x10000
LOAD, EQUAL, AT_LEAST, HAS_BITS, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, DENY, NO_SUCH_CALL, KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
Step = tuple[int, int, int, int]
"""One instruction of a filter: code, steps to skip if true, steps to skip if false, number."""


def filter_calls() -> None:
    """Denies this process and its children signals, tracing and limits for others, and sockets: such calls give EPERM.

    Needs `drop_rights` first. Source: https://docs.kernel.org/userspace-api/seccomp_filter.html

    Raises:
        OSError: the kernel has no seccomp, or the machine is one whose calls are not listed here.
    """
    _, prlimit, _ = _numbers()
    others: list[Step] = [
        (EQUAL, 0, 3, prlimit),
        (LOAD, 0, 0, 16),  # its first argument; 0 is the caller
        (EQUAL, 1, 0, 0),
        (RETURN, 0, 0, DENY),
    ]
    _install(DENIED_CALLS[platform.machine()], others)


def filter_processes() -> None:
    """Denies this process new processes, not threads: such calls give EPERM.

    `clone3`, whose flags a filter cannot see, is said not to exist; C libraries then use `clone`. Needs `drop_rights`.

    Raises:
        OSError: as `filter_calls`.
    """
    _, _, clone = _numbers()
    others: list[Step] = [
        (EQUAL, 0, 1, CLONE3),
        (RETURN, 0, 0, NO_SUCH_CALL),
        (EQUAL, 0, 3, clone),
        (LOAD, 0, 0, 16),  # its first argument: the flags
        (HAS_BITS, 1, 0, CLONE_THREAD),
        (RETURN, 0, 0, DENY),
    ]
    _install(FORK_CALLS[platform.machine()], others)


def _numbers() -> tuple[int, int, int]:
    if platform.machine() not in MACHINES:
        raise OSError(f"no list of system calls for {platform.machine()}")
    return MACHINES[platform.machine()]


def _install(denied: Sequence[int], others: Sequence[Step]) -> None:
    """Installs a filter that denies the calls `denied`, has `others` look at the rest, and then allows."""
    machine, _, _ = _numbers()
    steps: list[Step] = [(LOAD, 0, 0, 4), (EQUAL, 1, 0, machine), (RETURN, 0, 0, KILL), (LOAD, 0, 0, 0)]
    steps += [(AT_LEAST, 0, 1, 0x40000000), (RETURN, 0, 0, DENY)]  # the twins of all calls, for the x32 interface
    for number in denied:
        steps += [(EQUAL, 0, 1, number), (RETURN, 0, 0, DENY)]
    steps += [*others, (RETURN, 0, 0, ALLOW)]
    code = b"".join(struct.pack("HBBI", *step) for step in steps)
    holder = ctypes.create_string_buffer(code)
    program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(holder))
    check("prctl", PR_SET_SECCOMP, 2, program, 0, 0)
