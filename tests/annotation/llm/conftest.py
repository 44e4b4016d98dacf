import json
from contextlib import ExitStack

import fault_server
import pytest
from running_server import asking, running

from treasure.annotation.llm.config import LLMConfig


@pytest.fixture
def serve(tmp_path):
    """Starts a fault server with the given options; it is stopped when the test ends."""
    with ExitStack() as stack:
        log = tmp_path / "server.jsonl"
        yield lambda **options: stack.enter_context(running(fault_server.__file__, log, json.dumps(options)))


@pytest.fixture
def llm_config(tmp_path):
    """A configuration for a server; retries follow fast. Options of the runner may be given among the others."""

    def make(server=None, **options):
        return LLMConfig(**{"records": str(tmp_path / "records.sqlite"), **asking(server, options)})

    return make
