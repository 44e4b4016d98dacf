import json
import os
import signal
import subprocess
import sys

import pytest
from llm_examples import TAXONOMY, annotate, example, numbered

from treasure.annotation.llm.annotator import LLMAnnotator
from treasure.llm.record import Turn
from treasure.llm.records import Records


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new" / "records.sqlite"


def test_a_failure_that_another_process_tries_again_meanwhile_is_told_all_the_same(path, serve, llm_config):
    server = serve()
    config = llm_config(server, records=str(path), max_attempts=1, categories=["domain"])
    poisoned = [example("POISON")]
    with LLMAnnotator(config, TAXONOMY) as annotator:
        (request,) = [pair[1] for pair in annotator._requests(poisoned, [{}], [{}], ["domain"])]
        other, keep = Records(path, "m"), annotator._open().records.find

        def find(keys):
            keys = list(keys)
            if len(server.requests):
                assert other.send([request]) == [Turn.OURS]
            return keep(keys)

        annotator._open().records.find = find
        assert annotator.annotate(poisoned, [{}])[0]["domain"].outcome == "failed"
        other.close()


CLIENT = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
from llm_examples import TAXONOMY, annotate, numbered
from treasure.annotation.llm.config import LLMConfig
config = LLMConfig(model="fake", records=sys.argv[2], base_url=sys.argv[3], categories=["domain"])
print("ready", flush=True)
sys.stdin.readline()
results = annotate(config, numbered(60))
print(json.dumps([result["domain"].values for result in results]))
"""


@pytest.mark.slow
def test_two_processes_that_share_the_file_ask_nothing_twice(serve, llm_config, tmp_path):
    server = serve(delay_s=0.02)
    command = [sys.executable, "-c", CLIENT, json.dumps(sys.path), str(tmp_path / "shared.sqlite"), server.base_url]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as first, subprocess.Popen(command, **pipes) as second:
        for process in (first, second):
            assert process.stdout.readline() == "ready\n"
        for process in (first, second):
            process.stdin.write("go\n")
            process.stdin.flush()
        results = [json.loads(process.communicate()[0]) for process in (first, second)]
    assert results[0] == results[1] and len(results[0]) == 60
    assert len(server.requests) == len({row["key"] for row in server.requests}) == 60


def test_an_annotator_may_be_used_after_a_fork_and_pickled(serve, llm_config):
    import pickle

    server = serve()
    with LLMAnnotator(llm_config(server, categories=["domain"]), TAXONOMY) as annotator:
        before = annotator.annotate(numbered(3), [{}] * 3)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                status = 0 if annotator.annotate(numbered(5), [{}] * 5)[:3] == before else 2
                annotator.close()
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        copied = pickle.loads(pickle.dumps(annotator))  # noqa: S301
        assert copied.annotate(numbered(5), [{}] * 5)[:3] == before
        assert annotator.annotate(numbered(5), [{}] * 5)[:3] == before
        copied.close()
    assert len(server.requests) == 5


@pytest.mark.slow
def test_an_answer_is_on_the_disk_before_work_goes_on(serve, llm_config, tmp_path):
    server = serve()
    path = tmp_path / "killed.sqlite"
    code = CLIENT + "\nimport os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    command = [sys.executable, "-c", code, json.dumps(sys.path), str(path), server.base_url]
    process = subprocess.run(command, input="go\n", capture_output=True, text=True, check=False)
    assert process.returncode == -signal.SIGKILL
    annotate(llm_config(server, records=str(path), categories=["domain"]), numbered(60))
    assert len(server.requests) == 60
