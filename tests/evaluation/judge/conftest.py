import json
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from running_server import asking, running

from treasure.evaluation.judge.config import JudgeConfig

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))  # for shared_files


@pytest.fixture
def serve(tmp_path):
    """Starts a judge's server with the given options; it is stopped when the test ends."""
    with ExitStack() as stack:
        log = tmp_path / "server.jsonl"
        yield lambda **options: stack.enter_context(running(HERE / "judge_server.py", log, json.dumps(options)))


@pytest.fixture
def judge_config(tmp_path):
    """A judge at a server; retries follow fast. Options of the runner may be given among the others."""

    def make(server=None, **options):
        return JudgeConfig(**{"records": str(tmp_path / "verdicts.sqlite"), **asking(server, options)})

    return make
