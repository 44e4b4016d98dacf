"""A server in a process of its own, for as long as a test takes, and options for those who ask it."""

import json
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager

from treasure.llm.config import RunnerConfig


class RunningServer:
    """The server's address, and what it has been asked so far."""

    def __init__(self, port, log):
        self.port, self.log = port, log
        self.base_url = f"http://127.0.0.1:{port}/v1"

    @property
    def requests(self):
        text = self.log.read_text() if self.log.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    @property
    def kinds(self):
        return Counter(row["kind"] for row in self.requests)


@contextmanager
def running(script, log, *arguments, kind=RunningServer):
    """Starts `script` with its log and `arguments`, and kills it in the end."""
    command = [sys.executable, str(script), str(log), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield kind(int(process.stdout.readline()), log)
        finally:
            process.kill()


def asking(server, options):
    """`options` of who asks `server`, where those of the runner stand among the others; retries follow fast."""
    of_runner = {name: options.pop(name) for name in list(options) if name in RunnerConfig.__dataclass_fields__}
    runner = RunnerConfig(**{"backoff_s": 0.01, "max_backoff_s": 0.05, "timeout_s": 5.0, **of_runner})
    base_url = "http://127.0.0.1:9/v1" if server is None else server.base_url
    return {"model": "fake", "base_url": base_url, **options, "runner": runner}
