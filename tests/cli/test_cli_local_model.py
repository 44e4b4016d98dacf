"""A real pretrained model on this machine labels examples, is killed outright and started again."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from treasure.annotation.finding import Outcome
from treasure.annotation.sidecar import Sidecar
from treasure.taxonomy.load import load_taxonomy

REPOSITORY = Path(__file__).parents[2]
MODEL = REPOSITORY.parent / "shared" / "models" / "stories260K"
TAXONOMY = """\
name: stories
categories:
  subject:
    kind: nominal
    values: {animal: {}, food: {}}
  mood:
    kind: nominal
    values: {happy: {}, sad: {}}
"""
WORDS = ("dog", "cat", "bird", "frog", "bear", "cake", "soup", "apple", "bread", "pie")
MOODS = ("smiled and laughed", "cried and cried")
CONTEXT = 1024
"""Tokens. Of its 512 pieces even the shortest prompt takes some 730, more than the 512 tokens it was trained on; its
rotary positions go on."""
NUM_LONG = 2
NUM_REQUESTS = 44
SECONDS = 300
"""How long a start may take at most, also on a busy machine."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not MODEL.is_dir(), reason="the pretrained toy model is not on this machine"),
]


def copy_model(folder: Path) -> None:
    shutil.copytree(MODEL, folder, copy_function=shutil.copyfile)
    folder.chmod(0o755)
    shape = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(shape | {"max_position_embeddings": CONTEXT}), encoding="utf-8")


def write_rows(path: Path) -> int:
    """Writes two rows that are too long for the model behind twenty short ones; gives how many there are."""
    prompts = [f"Tell of the {word}." for word in WORDS] + [f"A story with a {word}?" for word in WORDS]
    rows = [{"prompt": prompt, "completion": f"Lily {MOODS[n % 2]}."} for n, prompt in enumerate(prompts)]
    rows += [{"prompt": f"Long {n}.", "completion": "Once upon a time. " * 300} for n in range(NUM_LONG)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return len(rows)


def start(folder: Path) -> subprocess.Popen[str]:
    data = f"{{rows: {{path: '{folder / 'rows.jsonl'}', shape: prompt_completion}}}}"
    command = [
        str(Path(sys.executable).parent / "treasure-annotate"),
        "annotator=llm",
        "annotator.order=[llm]",
        f"annotator.llm.model={folder / 'model'}",
        "annotator.llm.on_this_machine=true",
        "annotator.llm.local.batch_size=1",
        "annotator.llm.local.accelerator=cpu",
        f"taxonomy.file={folder / 'stories.yaml'}",
        "data.source=files",
        f"+data.datasets={data}",
        f"paths.outputs={folder}",
    ]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def noted(folder: Path) -> list[sqlite3.Row]:
    """What the file of records holds; nothing before it is there."""
    path = folder / "annotators" / "llm.sqlite"
    if not path.is_file():
        return []
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        db.row_factory = sqlite3.Row
        try:
            return db.execute("SELECT * FROM requests").fetchall()
        except sqlite3.OperationalError:  # the table is about to be made
            return []


def wait_for_answers(process: subprocess.Popen[str], folder: Path, *, number: int) -> None:
    """Returns as soon as the living `process` has noted `number` answers."""
    deadline = time.monotonic() + SECONDS
    while sum(row["status"] == "answered" for row in noted(folder)) < number:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, f"fewer than {number} answers in {SECONDS} s"
        time.sleep(0.002)


def test_a_pretrained_model_labels_every_example_once_though_it_is_killed(tmp_path):
    (tmp_path / "stories.yaml").write_text(TAXONOMY, encoding="utf-8")
    copy_model(tmp_path / "model")
    num_rows = write_rows(tmp_path / "rows.jsonl")

    process = start(tmp_path)
    try:
        wait_for_answers(process, tmp_path, number=6)
    finally:
        process.kill()
        process.communicate()
    before = {row["key"]: row for row in noted(tmp_path) if row["status"] == "answered"}
    assert process.returncode == -signal.SIGKILL and 6 <= len(before) < NUM_REQUESTS - 2 * NUM_LONG
    assert not list((tmp_path / "annotations" / "parts").rglob("*.parquet")), "it was over before it was killed"

    process = start(tmp_path)
    said, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, said
    rows = {row["key"]: row for row in noted(tmp_path)}
    assert len(rows) == NUM_REQUESTS
    for key, row in before.items():
        assert tuple(rows[key]) == tuple(row), "what was answered was asked again"
    assert sum(row["num_sent"] - row["num_ended"] for row in rows.values()) <= 1, "only what was on its way"
    for row in rows.values():
        (name,) = json.loads(row["categories"])
        if row["status"] == "answered":
            probabilities = json.loads(row["probabilities"])[name]
            assert sum(probabilities.values()) == pytest.approx(1, abs=1e-6)
            assert set(json.loads(row["answers"]).values()) <= set(probabilities)
            assert row["num_ended"] == 1

    found = dict(Sidecar(tmp_path / "annotations", load_taxonomy(tmp_path / "stories.yaml")).items())
    assert len(found) == num_rows
    outcomes = [finding.outcome for findings in found.values() for finding in findings.values()]
    assert len(outcomes) == NUM_REQUESTS and outcomes.count(Outcome.FAILED) == 2 * NUM_LONG
    parts = [pq.read_table(path) for path in (tmp_path / "annotations" / "parts").rglob("*.parquet")]
    assert sum(len(part) for part in parts) == NUM_REQUESTS, "an example stands there twice"
    notes = [row["note"] for part in parts for row in part.to_pylist() if row["outcome"] == "failed"]
    assert len(notes) == 2 * NUM_LONG and all(f"model holds {CONTEXT}" in note for note in notes)
