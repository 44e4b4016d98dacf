import http.client
import http.server
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from treasure.errors import ConfigError, SandboxError
from treasure.evaluation.program import Command, Program, single_file
from treasure.evaluation.run_programs import missing_libraries, problem_with, run_programs
from treasure.evaluation.sandbox_config import SandboxConfig, SandboxKind, SandboxLimits
from treasure.evaluation.sandbox_http import MAX_BODY_BYTES, Service, main

LOCAL = SandboxConfig(time_factor=5.0)
TOKEN = "TREASURE_SANDBOX_TOKEN"
GOOD = single_file("python", "print('well')", expected_stdout="well")

pytestmark = pytest.mark.skipif(bool(problem_with("python", LOCAL)), reason=str(problem_with("python", LOCAL)))


def serve(config: SandboxConfig) -> Iterator[Service]:
    with Service("127.0.0.1", 0, config) as service:
        thread = threading.Thread(target=service.serve_forever)
        thread.start()
        try:
            yield service
        finally:
            service.shutdown()
            thread.join()


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.delenv(TOKEN, raising=False)
    yield from serve(LOCAL)


def client(service: Service) -> SandboxConfig:
    return SandboxConfig(kind=SandboxKind.HTTP, service_url=f"http://127.0.0.1:{service.server_port}")


def ask(service: Service, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict]:
    connection = http.client.HTTPConnection("127.0.0.1", service.server_port, timeout=60)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    found = json.loads(answer.read())
    connection.close()
    return answer.status, found


def test_results_are_those_of_this_machine(service: Service):
    programs = [
        GOOD,
        single_file("python", "1/0"),
        single_file("python", "while True: pass", timeout_s=0.2),
        single_file("python", "print('ü語')", expected_stdout="ü語"),
        Program(language="python", files={"a": ""}, steps=(Command(name="make", arguments=("python3", "-c", "1/0")),)),
        Program(language="cobol", files={"a": ""}, steps=(Command(name="run", arguments=("cobc",)),)),
        GOOD,
    ]
    here, there = (run_programs(programs, config) for config in (LOCAL, client(service)))
    assert [replace(result, duration_s=0) for result in there] == [replace(result, duration_s=0) for result in here]
    assert [result.reason for result in there[:4]] == ["ok", "failed: exit status 1", "timeout", "ok"]
    assert run_programs([], client(service)) == []


def test_languages_are_told(service: Service):
    assert problem_with("python", client(service)) is None
    assert "cobol" in str(problem_with("cobol", client(service)))
    assert missing_libraries("python", client(service)) == {}
    status, found = ask(service, "GET", "/v1/languages")
    assert status == 200 and "rust" in found["languages"] and found["isolation"]


def test_a_token_is_asked_for_and_never_an_option(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(TOKEN, "secret")
    for service in serve(LOCAL):
        assert run_programs([GOOD], client(service))[0].passed
        monkeypatch.setenv(TOKEN, "wrong")
        with pytest.raises(SandboxError, match=r"refuses \(401\)"):
            run_programs([GOOD], client(service))
        assert ask(service, "POST", "/v1/run", b"{}")[0] == 401
    assert not any("token" in name and "variable" not in name for name in SandboxConfig.__dataclass_fields__)


def test_other_machines_are_not_served_without_a_token(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(TOKEN, raising=False)
    with pytest.raises(ConfigError, match=TOKEN):
        Service("0.0.0.0", 0, LOCAL)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "JSON"),
        (b"[]", "JSON"),
        (b'{"protocol": 2, "programs": []}', "protocol 1"),
        (b'{"protocol": 1, "programs": 3}', "lists"),
        (b'{"protocol": 1, "programs": [{"language": "python", "files": {"../a": ""}}]}', "within its folder"),
    ],
)
def test_requests_out_of_shape_are_refused(service: Service, body: bytes, word: str):
    status, found = ask(service, "POST", "/v1/run", body)
    assert status == 400 and word in found["error"]


def test_wrong_paths_and_huge_bodies_are_refused(service: Service):
    assert ask(service, "GET", "/v2")[0] == 404
    assert ask(service, "POST", "/v1/walk", b"{}")[0] == 404
    assert ask(service, "POST", "/v1/run", b"", **{"Content-Length": str(MAX_BODY_BYTES + 1)})[0] == 413


def test_a_client_may_ask_for_less_than_the_usual_limits_not_for_more(service: Service):
    def program(limits: SandboxLimits) -> Program:
        step = Command(name="run", arguments=("python3", "-c", "print(1)"), limits=limits)
        return Program(language="python", files={"a": ""}, steps=(step,))

    assert run_programs([program(SandboxLimits(num_processes=2))], client(service))[0].passed
    with pytest.raises(SandboxError, match="num_processes is 99"):
        run_programs([program(SandboxLimits(num_processes=99))], client(service))


def test_a_service_that_is_not_there_is_said():
    config = SandboxConfig(kind=SandboxKind.HTTP, service_url="http://127.0.0.1:9")
    with pytest.raises(SandboxError, match=r"does not answer.*sandbox_http"):
        run_programs([GOOD], config)


@pytest.mark.parametrize("url", ["", "127.0.0.1:80", "ftp://a"])
def test_addresses_that_are_none_are_refused(url: str):
    with pytest.raises(ConfigError, match="service_url"):
        SandboxConfig(kind=SandboxKind.HTTP, service_url=url)


def test_the_command_serves_until_it_is_interrupted():
    command = [sys.executable, "-m", "treasure.evaluation.sandbox_http", "--port", "0", "--time-factor", "5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, TOKEN: "secret"}) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://127.0.0.1:(\d+)", line)
        assert found, line
        os.environ[TOKEN] = "secret"
        try:
            config = SandboxConfig(kind=SandboxKind.HTTP, service_url=found[0])
            assert run_programs([GOOD], config)[0].passed
        finally:
            del os.environ[TOKEN]
            process.send_signal(signal.SIGINT)
        try:
            assert process.wait(timeout=60) == 0
        finally:
            process.kill()  # what is started in the background of a shell may ignore interrupts


def test_the_command_refuses_what_the_service_refuses(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(TOKEN, raising=False)
    with pytest.raises(ConfigError, match=TOKEN):
        main(["--host", "0.0.0.0", "--port", "0"])


class _Liar(http.server.BaseHTTPRequestHandler):
    """Says what it was given, whatever is asked."""

    language, results = b"", b""

    def do_GET(self) -> None:
        self._say(self.language)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._say(self.results)

    def log_message(self, format: str, *args: object) -> None: ...

    def _say(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


_WELL = b'{"problem": null, "missing_libraries": {}}'


@pytest.mark.parametrize(
    ("language", "results"),
    [
        (b"{}", b""),
        (b"[]", b""),
        (b"null", b""),
        (b'{"problem": 5, "missing_libraries": {}}', b""),
        (b"[" * 200_000, b""),
        (_WELL, b"{}"),
        (_WELL, b"[]"),
        (_WELL, b'{"results": null}'),
        (_WELL, b'{"results": []}'),
        (_WELL, b'{"results": [null]}'),
        (_WELL, b'{"results": [{}]}'),
        (_WELL, b'{"results": [{"passed": "yes", "reason": "ok"}]}'),
        (_WELL, b'{"results": [{"passed": true, "reason": null}]}'),
        (_WELL, b'{"results": [{"passed": true, "reason": "ok", "stdout": null}]}'),
        (_WELL, b"<html>"),
    ],
)
def test_a_service_that_speaks_otherwise_is_told(language: bytes, results: bytes):
    handler = type("Handler", (_Liar,), {"language": language, "results": results})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        config = SandboxConfig(kind=SandboxKind.HTTP, service_url=f"http://127.0.0.1:{server.server_port}")
        with pytest.raises(SandboxError, match=r"sandbox service at|returned 0 results"):
            run_programs([single_file("python", "")], config)
        server.shutdown()
