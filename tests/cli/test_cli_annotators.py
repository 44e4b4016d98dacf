"""Annotators that are trained or asked over a network, from the command line to the sidecar."""

import json
from collections.abc import Iterator
from pathlib import Path

import fault_server
import pytest
from running_server import running

from treasure.annotation.sidecar import Sidecar
from treasure.taxonomy.taxonomy import Taxonomy

REPOSITORY = Path(__file__).parents[2]
WORDS = {
    "Legal": ["contract", "court", "clause", "tenant", "statute", "appeal", "lease", "plaintiff", "notary", "verdict"],
    "Math": ["integral", "prime", "triangle", "matrix", "fraction", "theorem", "polygon", "vector", "cosine", "digit"],
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Address and log of a server that speaks OpenAI's protocol and fails three times in ten."""
    log, options = tmp_path / "server.jsonl", json.dumps({"fault_rate": 0.3, "hang_s": 0.5, "retry_after": "0.01"})
    with running(fault_server.__file__, log, options) as found:
        yield found.base_url, log


def files(path: Path, rows: list[dict], more: str = "") -> list[str]:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    dataset = f"{{path: '{path}', shape: prompt_completion, facts: {{lang: English}}, columns: {{{more}}}}}"
    return ["data=world", "data.source=files", f"+data.datasets={{rows: {dataset}}}"]


def test_a_language_model_is_asked_once_and_its_price_is_told_before(annotate, server, tmp_path, taxonomy: Taxonomy):
    url, log = server
    rows = [{"prompt": f"Number {i}?", "completion": f"domain={'Legal' if i % 2 else 'Math'}"} for i in range(12)]
    command = [
        *files(tmp_path / "rows.jsonl", rows), "annotator=llm", "annotator.llm.model=fake", "categories=[domain]",
        f"annotator.llm.base_url={url}", f"paths.outputs={tmp_path}", "annotator.llm.runner.backoff_s=0.01",
        "annotator.llm.runner.max_backoff_s=0.05", "annotator.llm.runner.timeout_s=2",
    ]  # fmt: skip
    assert "llm: 12 requests to send" in annotate(*command, "dry_run=true")
    assert not log.exists() or not log.read_text()
    annotate(*command)
    found = dict(Sidecar(tmp_path / "annotations", taxonomy).items())
    assert sorted(one["domain"].values for one in found.values()) == [("Legal",)] * 6 + [("Math",)] * 6
    assert {one["domain"].annotator for one in found.values()} == {"llm"}
    num_asked = len(log.read_text().splitlines())
    annotate(*command)
    assert len(log.read_text().splitlines()) == num_asked


def test_facts_teach_a_classifier_that_gives_what_is_open(annotate, tmp_path, taxonomy: Taxonomy):
    rows = [
        {"prompt": f"Tell me of the {word}, number {n}.", "completion": f"The {word} is so.", "field": domain}
        for domain, words in WORDS.items()
        for word in words
        for n in range(3)
    ]
    said = annotate(
        "train", *files(tmp_path / "known.jsonl", rows, "domain: {column: field}"), "train.categories=[domain]",
        "use_shots=false", f"paths.outputs={tmp_path}",
    )  # fmt: skip
    assert "domain: 60 rows of 60 prompts, 2 values" in said
    asked = [{"prompt": "What of the court and the tenant?", "completion": "The contract is so, says the verdict."}]
    annotate(
        *files(tmp_path / "open.jsonl", asked), "annotator=classifier", "annotator.classifier.categories=[domain]",
        "annotator.classifier.threshold=0.3", f"paths.outputs={tmp_path}", "num_workers=1",
    )  # fmt: skip
    ((_, found),) = Sidecar(tmp_path / "annotations", taxonomy).items()
    assert found["domain"].values == ("Legal",) and found["domain"].annotator == "classifier"
    assert found["length_tokens"].annotator == "rules" and found["lang"].annotator == "facts"


def test_scores_become_edges_and_edges_buckets(annotate, tmp_path, taxonomy: Taxonomy):
    rows = [{"prompt": f"Question {i}?", "completion": "An answer.", "score": i / 10} for i in range(40)]
    data = [*files(tmp_path / "rows.jsonl", rows, "quality: {column: score}"), f"paths.outputs={tmp_path}"]
    annotate(*data, "num_workers=1")
    said = annotate("edges", "quality.scorer=people", "quality.min_examples=20", f"paths.outputs={tmp_path}")
    assert "English" in said and "40" in said
    annotate(
        *data, "num_workers=1", "annotator=quality", "annotator.quality.scorer=people",
        "annotator.quality.min_examples=20",
    )  # fmt: skip
    found = [one["quality_bucket"].values[0] for _, one in Sidecar(tmp_path / "annotations", taxonomy).items()]
    assert {bucket: found.count(bucket) for bucket in "1234"} == dict.fromkeys("1234", 10)
