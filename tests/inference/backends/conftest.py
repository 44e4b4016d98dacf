import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from unittest import mock
from urllib.request import Request, urlopen

import pytest
import tiny
import torch
from running_server import RunningServer, running

from treasure.data.config import BatchConfig
from treasure.inference.config import RemoteConfig
from treasure.markers.config import MarkerMode
from treasure.markers.dropout import DropoutConfig
from treasure.model.checkpoint import save_checkpoint
from treasure.model.config import OptimizerConfig
from treasure.model.loss import token_losses
from treasure.model.optimizer import make_optimizer


@pytest.fixture(scope="session")
def learned_folder(tmp_path_factory):
    """Mode -> folder of a model that has learned one global batch by heart."""

    @cache
    def make(mode):
        with mock.patch.object(tiny, "SHAPE", replace(tiny.SHAPE, num_heads=1)):  # vLLM has no heads of less than 32
            found = tiny.checkpoint(mode)
        folder = tmp_path_factory.mktemp(mode.value)
        dataset = tiny.batches(
            found,
            folder / "cache",
            config=BatchConfig(global_batch_size=10, micro_batch_size=10),
            num_steps=100,
            size=10,
            dropout=None if mode is MarkerMode.NONE else DropoutConfig(dataset_dropout=0.5, sample_dropout=0.0),
        )
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # many threads on so little take turns where cores are busy
        optimizer = make_optimizer(found.model, OptimizerConfig(learning_rate=1.5e-2))
        for index in range(len(dataset)):
            batch = dataset[index]
            loss = token_losses(found.model, batch).weighted_sum / batch.global_weight
            loss.backward()
            torch.nn.utils.clip_grad_norm_(found.model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
        torch.set_num_threads(threads)
        save_checkpoint(found, folder / "model")
        return folder / "model"

    return make


class ChatServer(RunningServer):
    """The chat server, and what it has been asked since it was given options."""

    def set(self, **options):
        request = Request(f"http://127.0.0.1:{self.port}/set", json.dumps(options).encode())
        with urlopen(request, timeout=20):
            return self

    def config(self, folder, **options):
        """A configuration for the model in `folder`, with fast retries."""
        options = {"backoff_s": 0.01, "timeout_s": 20.0, **options}
        return RemoteConfig(base_url=self.base_url, model=str(folder), **options)


@pytest.fixture(scope="session")
def _server(tmp_path_factory):
    log = tmp_path_factory.mktemp("server") / "requests.jsonl"
    with running(Path(__file__).with_name("chat_server.py"), log, kind=ChatServer) as found:
        yield found


@pytest.fixture
def server(_server):
    """The chat server without faults; `set` gives it others."""
    return _server.set()
