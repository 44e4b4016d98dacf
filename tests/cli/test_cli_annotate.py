"""`treasure-annotate` as people start it."""

import gzip
import json
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from commands import call

from treasure.annotation.sidecar import Sidecar
from treasure.config.run_lock import run_lock
from treasure.data.config import DataConfig, DataSource
from treasure.data.readers import DatasetConfig
from treasure.data.shapes import Shape
from treasure.taxonomy.taxonomy import Taxonomy
from treasure.training.corpus import build_corpus

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def quick(tmp_path_factory) -> tuple[Path, str]:
    """The folder of outputs, and what the command said."""
    folder, said = tmp_path_factory.mktemp("quick"), StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        code = call("treasure-annotate", "experiments=annotate_quick", f"paths.outputs={folder}", columns=160)
    assert code == 0, said.getvalue()
    return folder, said.getvalue()


def test_the_quick_experiment_annotates(quick, taxonomy: Taxonomy):
    folder, said = quick
    sidecar = Sidecar(folder / "annotations" / "quick", taxonomy)
    assert len(sidecar) == 13
    assert "letters: 8 rows of shape prompt_completion gave 7 examples; 1 bad row and" in said
    cells = [[cell.strip() for cell in line.split("│")] for line in said.splitlines()]
    assert ["length_tokens", "rules", "13", "0", "0", "0"] in cells
    assert "13 examples of 2 datasets" in said and "data.annotations=" in said


def test_started_again_it_asks_nothing(quick, annotate):
    folder, _ = quick
    assert "0 questions were new" in annotate("experiments=annotate_quick", f"paths.outputs={folder}")
    said = annotate("experiments=annotate_quick", f"paths.outputs={folder}", "dry_run=true")
    assert "nothing was asked or written" in said and "length_tokens" not in said


def test_a_training_takes_the_markers(quick, taxonomy: Taxonomy, tmp_path):
    folder, _ = quick
    data = DataConfig(
        source=DataSource.FILES,
        validation_fraction=0.0,
        annotations=str(folder / "annotations" / "quick"),
        datasets={
            "snippets": DatasetConfig(
                path=str(REPOSITORY / "tests/annotation/quick/snippets.jsonl"), shape=Shape.INSTRUCTION
            )
        },
    )
    corpus = build_corpus(data, taxonomy, world=None, cache=tmp_path)
    train = list(corpus.train)
    assert [marked.markers.value("code_type") for marked in train] == ["python", "python", "sql", "go", None, "shell"]
    assert corpus.notes[-1].startswith("6 of 6 examples have annotations; 0 have none")


@pytest.mark.parametrize("name", ["marked.jsonl.gz", "marked.parquet"])
def test_export_writes_markers_and_who_gave_them(quick, annotate, tmp_path, name):
    folder, _ = quick
    output = tmp_path / name
    said = annotate("export", "experiments=annotate_quick", f"paths.outputs={folder}", f"output={output}")
    assert "13 examples" in said
    if name.endswith(".parquet"):
        rows = [{**row, "markers": json.loads(row["markers"])} for row in pq.read_table(output).to_pylist()]
    else:
        rows = [json.loads(line) for line in gzip.decompress(output.read_bytes()).decode().splitlines()]
    assert rows[1]["markers"]["lang"] == "French" and rows[1]["completion"] == "Oui, avec trois mois de préavis."
    assert rows[0]["messages"] == [{"role": "user", "content": "May my landlord enter without notice?"}]


def test_export_takes_no_world_for_files_that_were_forgotten(quick, annotate):
    folder, _ = quick
    sidecar = folder / "annotations" / "quick"
    said = annotate("export", f"folder={sidecar}", f"paths.outputs={folder}", code=2)
    assert "Missing option: data.source" in said and "data=world" in said
    assert not sidecar.with_suffix(".jsonl").exists()


def test_one_process_at_a_time(quick, annotate):
    folder, _ = quick
    with run_lock(folder / "annotations" / "quick"):
        said = annotate("experiments=annotate_quick", f"paths.outputs={folder}", code=2)
    assert "is in use by process" in said


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "data.source is world"),
        (["experiments=annotate_quick", "block_size=0"], "block_size must be at least 1, got 0"),
        (["experiments=annotate_quick", "annotator.order=[facts,rule]"], "there is no annotator 'rule'"),
        (["experiments=annotate_quick", "categories=[domian]"], "Did you mean 'domain'"),
        (["experiments=annotate_quick", "ray_address=auto"], "engine=ray alone"),
        (["experiments=annotate_quick", "data.datasets.letters.path=nowhere.jsonl"], "nowhere.jsonl"),
    ],
    ids=str,
)
def test_mistakes_are_told_in_a_paragraph(annotate, tmp_path, arguments, reason):
    said = annotate(*arguments, f"paths.outputs={tmp_path}", code=2)
    assert reason in said and "Traceback" not in said


def test_help_tells_all_options(annotate):
    said = annotate("--help")
    for option in ("engine", "num_workers", "block_size", "limit", "dry_run", "retry_failed", "annotator.order"):
        assert option in said
