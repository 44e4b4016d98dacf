"""Sidecars: what is written comes back, what fits is kept, what changed is made anew, nothing is lost."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from annotators import DOMAINS, Guesser, phase, rows_file, task_for

from treasure.annotation.blocks import Block
from treasure.annotation.build import build_annotators
from treasure.annotation.chain import annotate_block
from treasure.annotation.config import AnnotationOptions, AnnotatorsConfig
from treasure.annotation.finding import Finding, Outcome
from treasure.annotation.lengths import count_lengths
from treasure.annotation.parts import find_parts, part_path, read_metadata
from treasure.annotation.run import annotate_datasets, rehearse
from treasure.annotation.sidecar import Sidecar, rows_of
from treasure.data.readers import DatasetConfig, read_dataset
from treasure.errors import AnnotationError, ConfigError, DataError
from treasure.jsonl import write_jsonl
from treasure.taxonomy.load import load_taxonomy

HERE, REPOSITORY = Path(__file__).parent, Path(__file__).parents[2]
ONE = AnnotationOptions(num_workers=1, block_size=4)


def run(task, data, *phases, options=ONE):
    data = data if isinstance(data, list) else [data]
    return annotate_datasets({config.name: config for config in data}, task, phases, options)


def tables(folder: Path) -> dict[str, bytes]:
    """All that a sidecar holds, byte by byte."""
    files = [*folder.rglob("*.parquet"), folder / "sidecar.json"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def times(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in find_parts(folder)}


def test_what_is_found_comes_back_by_id(tmp_path, taxonomy):
    data = rows_file(tmp_path / "letters.jsonl", 10)
    summary = run(
        task_for(tmp_path / "side", taxonomy),
        data,
        *build_annotators(AnnotatorsConfig(order=["facts", "lengths"]), taxonomy),
        phase(),
    )
    sidecar = Sidecar(tmp_path / "side", taxonomy)
    examples = list(read_dataset(data))
    assert len(sidecar) == sidecar.num_known(example.id for example in examples) == 10
    for example in examples:
        findings = sidecar.findings(example.id)
        number = len(example.completion)
        assert findings["source"] == Finding("facts", Outcome.FOUND, ("Human",))
        tokens = count_lengths(example.completion).tokens
        assert findings["length_tokens"] == Finding("lengths", Outcome.FOUND, (tokens,))
        assert findings["domain"].values == (DOMAINS[number % 3],) and findings["domain"].annotator == "guesser"
        assert findings["domain"].probability == pytest.approx(1 / (number + 1))
        assert findings["task"].values == ("Explanation", "Reasoning")
        assert "style" not in findings
    assert sidecar.findings("0" * 16) is None and "0" * 16 not in sidecar
    assert summary.num_examples == {"letters": 10}
    assert summary.tally.outcomes["guesser", "domain", "found"] == 10
    assert Sidecar(tmp_path / "side").findings(examples[3].id) == sidecar.findings(examples[3].id)


def test_a_part_says_what_it_is(tmp_path, taxonomy):
    data = rows_file(tmp_path / "a b.jsonl", 6)
    run(task_for(tmp_path / "side", taxonomy, "domain"), data, phase())
    path = part_path(tmp_path / "side", "guesser", "domain", "a b", 1)
    table, told = pq.read_table(path), read_metadata(path)
    assert table.column_names == ["id", "outcome", "values", "probability", "annotator", "note"]
    assert len(table) == 2
    assert {"annotator": "guesser", "version": "1", "category": "domain", "dataset": "a b", "block": "1"}.items() <= (
        told.items()
    )
    assert told["taxonomy_hash"] == taxonomy.hash and json.loads(told["meaning"])["name"] == "domain"


def test_each_sees_what_those_before_it_found(tmp_path, taxonomy):
    """Facts of the dataset leave less to ask; NOT_ASKED and abstentions settle nothing for those who come later."""
    data = rows_file(tmp_path / "letters.jsonl", 4, "{number} hm")
    data.facts = {"domain": "Legal"}
    first, second = Guesser(("domain", "lang")), Guesser(("domain", "lang"), name="second")
    examples = list(read_dataset(data))
    task = task_for(tmp_path, taxonomy, "domain", "lang")
    facts = build_annotators(AnnotatorsConfig(order=["facts"]), taxonomy)[0].build()
    tally = annotate_block(task, Block("letters", 0, 4, ""), examples, [*facts, first, second])
    assert {name for _, name, _ in first.asked} == {"lang"}
    assert len(second.asked) == 4
    assert tally.outcomes == {
        ("facts", "domain", "found"): 4, ("guesser", "lang", "abstained"): 4, ("second", "lang", "abstained"): 4,
    }  # fmt: skip


def test_a_second_start_asks_nothing(tmp_path, taxonomy):
    data, task = rows_file(tmp_path / "letters.jsonl", 10), task_for(tmp_path / "side", taxonomy)
    phases = [*build_annotators(AnnotatorsConfig(order=["facts", "lengths"]), taxonomy), phase()]
    first = run(task, data, *phases)
    before = times(task.folder)
    second = run(task, data, *phases)
    assert times(task.folder) == before
    assert second.tally.num_asked == {} and second.tally.outcomes == first.tally.outcomes


def test_an_added_category_is_asked_alone(tmp_path, taxonomy):
    data, folder = rows_file(tmp_path / "letters.jsonl", 10, "hm {number}"), tmp_path / "side"
    run(task_for(folder, taxonomy, "domain"), data, phase(categories=("domain", "task"), log=str(tmp_path / "first")))
    before = times(folder)
    summary = run(
        task_for(folder, taxonomy, "domain", "task"),
        data,
        phase(categories=("domain", "task"), log=str(tmp_path / "second")),
    )
    assert {path: time for path, time in times(folder).items() if path in before} == before
    assert {line.split()[1] for line in (tmp_path / "second").read_text().splitlines()} == {"task"}
    assert summary.tally.num_asked == {("guesser", "task"): 10}


def test_a_category_added_to_the_taxonomy_leaves_the_others(tmp_path, taxonomy):
    data, folder = rows_file(tmp_path / "letters.jsonl", 10), tmp_path / "side"
    data.facts = {}
    run(task_for(folder, taxonomy.only(["domain"])), data, phase())
    before = times(folder)
    run(task_for(folder, taxonomy), data, phase())
    assert {path: time for path, time in times(folder).items() if path in before} == before
    assert set(Sidecar(folder, taxonomy).categories) == {"domain", "task", "lang"}


def test_what_it_found_before_is_told_to_it(tmp_path, taxonomy):
    """As it would know it in a run of all categories at once."""
    data, folder = rows_file(tmp_path / "letters.jsonl", 4), tmp_path / "side"
    run(task_for(folder, taxonomy, "lang"), data, phase())
    examples, guesser = list(read_dataset(data)), Guesser()
    annotate_block(task_for(folder, taxonomy, "lang", "task"), Block("letters", 0, 4, ""), examples, [guesser])
    assert [(name, language) for _, name, language in guesser.asked] == [
        ("task", Guesser()._says("lang", example.completion).values[0]) for example in examples
    ]


@pytest.mark.parametrize("change", ["text", "fact", "version", "values"])
def test_what_changed_is_made_anew_and_no_more(tmp_path, taxonomy, change):
    path, folder = tmp_path / "letters.jsonl", tmp_path / "side"
    data = rows_file(path, 12)
    facts = build_annotators(AnnotatorsConfig(order=["facts"]), taxonomy)
    run(task_for(folder, taxonomy, "domain", "task"), data, *facts, phase())
    before = times(folder)
    if change == "text":
        lines = path.read_text().splitlines()
        path.write_text("\n".join([*lines[:5], lines[5].replace("Answer", "Reply"), *lines[6:]]))
    elif change == "fact":
        data.facts = {"task": "Reasoning"}
    elif change == "values":
        (tmp_path / "own.yaml").write_text(
            "name: own\nextends: treasure_hunt\ncategories: {domain: {values: [Legal, Code, Math, Technology]}}\n"
        )
        taxonomy = load_taxonomy(tmp_path / "own.yaml", REPOSITORY / "conf" / "taxonomy")
    run(task_for(folder, taxonomy, "domain", "task"), data, *facts, phase(version="2" if change == "version" else "1"))
    after = times(folder)
    changed = {name for name in before if after.get(name) != before[name]}
    expected = {
        "text": lambda name: "00001" in name,
        "fact": lambda name: "task" in name,
        "version": lambda name: "guesser" in name,
        "values": lambda name: "domain" in name,
    }[change]
    assert changed == {name for name in before if expected(name)}
    findings = Sidecar(folder, taxonomy).findings(next(read_dataset(data)).id)
    assert findings["task"].annotator == ("facts" if change == "fact" else "guesser")


def test_blocks_that_are_gone_are_forgotten(tmp_path, taxonomy):
    path, task = tmp_path / "letters.jsonl", task_for(tmp_path / "side", taxonomy)
    run(task, rows_file(path, 12), phase())
    run(task, rows_file(path, 5), phase())
    assert len(Sidecar(task.folder)) == 5
    assert {part.stem for part in find_parts(task.folder)} == {"00000", "00001"}
    run(task, rows_file(path, 5), phase(), options=replace(ONE, limit=2))
    assert len(Sidecar(task.folder)) == 3 and (task.folder / "blocks/letters/00001.parquet").is_file()


def test_a_broken_part_is_made_anew(tmp_path, taxonomy):
    data, task = rows_file(tmp_path / "letters.jsonl", 8), task_for(tmp_path / "side", taxonomy, "domain")
    run(task, data, phase())
    whole = tables(task.folder)
    part = find_parts(task.folder)[0]
    part.write_bytes(part.read_bytes()[:40])
    with pytest.raises(DataError, match="broken"):
        Sidecar(task.folder, taxonomy)
    run(task, data, phase())
    assert tables(task.folder) == whole


def test_one_bad_example_fails_alone(tmp_path, taxonomy):
    rows = [{"prompt": "p", "completion": text} for text in ("fine", "boom", "nonsense", "good", "also fine")]
    write_jsonl(tmp_path / "a.jsonl", rows)
    data, task = DatasetConfig(path=str(tmp_path / "a.jsonl"), name="a"), task_for(tmp_path / "s", taxonomy)
    summary = run(task, data, phase(categories=("domain",)))
    assert summary.tally.outcomes == {("guesser", "domain", "found"): 3, ("guesser", "domain", "failed"): 2}
    found = dict(rows_of(task.folder, "guesser", taxonomy.category("domain")))
    notes = sorted(finding.note for finding in found.values() if finding.outcome is Outcome.FAILED)
    assert notes[0] == "ValueError: this text is too much" and notes[1].startswith(
        "it said what cannot be: Unknown value"
    )
    again = run(task, data, phase(categories=("domain",)))
    assert again.tally.num_asked == {}
    retried = run(replace(task, retry_failed=True), data, phase(categories=("domain",)))
    assert retried.tally.num_asked == {("guesser", "domain"): 4}, "the block with failures, and no other"


def test_workers_give_the_same_as_one_process(tmp_path, taxonomy):
    data = rows_file(tmp_path / "letters.jsonl", 23)
    phases = [*build_annotators(AnnotatorsConfig(order=["facts", "lengths"]), taxonomy), phase()]
    for name, workers in (("one", 1), ("two", 2)):
        run(task_for(tmp_path / name, taxonomy), data, *phases, options=replace(ONE, num_workers=workers))
    assert tables(tmp_path / "one") == tables(tmp_path / "two")
    run(task_for(tmp_path / "here", taxonomy), data, *phases[:-1], phase(in_workers=False))
    assert tables(tmp_path / "here") == tables(tmp_path / "one")


def test_a_killed_worker_is_told_and_nothing_is_lost(tmp_path, taxonomy):
    write_jsonl(
        tmp_path / "a.jsonl",
        ({"prompt": f"{n}", "completion": "die" if n == 13 else f"text {n}"} for n in range(16)),
    )
    data, task = DatasetConfig(path=str(tmp_path / "a.jsonl"), name="a"), task_for(tmp_path / "s", taxonomy)
    spared = tmp_path / "spared"
    deadly = phase(categories=("domain",), spared=str(spared))
    with pytest.raises(AnnotationError, match="worker process died"):
        run(task, data, deadly, options=replace(ONE, num_workers=2))
    done = times(task.folder)
    assert len(done) >= 1, "what was done before is kept"
    spared.touch()
    run(task, data, deadly, options=replace(ONE, num_workers=2))
    assert len(Sidecar(task.folder)) == 16 and done.items() <= times(task.folder).items()


def test_errors_of_workers_come_through(tmp_path, taxonomy):
    data, task = rows_file(tmp_path / "a.jsonl", 16), task_for(tmp_path / "s", taxonomy)
    with pytest.raises(RuntimeError, match="unexpected keyword argument 'colour'"):
        run(task, data, phase(colour="red"), options=replace(ONE, num_workers=2))


def test_wrong_facts_are_told_with_their_place(tmp_path, taxonomy):
    data = rows_file(tmp_path / "a.jsonl", 3)
    data.facts = {"domain": "Medical", "code_type": "python"}
    with pytest.raises(DataError, match=r"a\.jsonl:1: Dataset 'a'.*code_type"):
        run(task_for(tmp_path / "s", taxonomy), data, phase())


def test_another_size_of_blocks_is_refused(tmp_path, taxonomy):
    data, task = rows_file(tmp_path / "a.jsonl", 3), task_for(tmp_path / "s", taxonomy)
    run(task, data, phase())
    for go in (run, lambda task, data, phase, options: rehearse({"a": data}, task, [phase], options)):
        with pytest.raises(ConfigError, match="block_size=4"):
            go(task, data, phase(), options=replace(ONE, block_size=5))


def test_another_meaning_is_refused_with_what_differs(tmp_path, taxonomy):
    run(task_for(tmp_path / "s", taxonomy), rows_file(tmp_path / "a.jsonl", 3), phase())
    own = "name: own\nextends: treasure_hunt\nonly: [lang, domain]\ncategories: {domain: {values: [Legal, Code]}}\n"
    (tmp_path / "own.yaml").write_text(own)
    here = load_taxonomy(tmp_path / "own.yaml", REPOSITORY / "conf" / "taxonomy")
    with pytest.raises(DataError, match=r"has another 'domain': values is Sciences, .* there and Legal, Code here"):
        Sidecar(tmp_path / "s", here)
    (tmp_path / "own.yaml").write_text("name: own\ncategories: {tone: {kind: nominal, values: [loud, quiet]}}\n")
    with pytest.raises(DataError, match="no category of 'own', which has tone"):
        Sidecar(tmp_path / "s", load_taxonomy(tmp_path / "own.yaml"))
    with pytest.raises(DataError, match="no sidecar"):
        Sidecar(tmp_path, taxonomy)


def test_a_rehearsal_counts_and_writes_nothing(tmp_path, taxonomy):
    data, task = rows_file(tmp_path / "a.jsonl", 10), task_for(tmp_path / "s", taxonomy, "domain", "lang")
    assert rehearse({"a": data}, task, [phase()], ONE).tally.num_asked == {
        ("guesser", "domain"): 10, ("guesser", "lang"): 10,
    }  # fmt: skip
    assert not task.folder.exists()
    run(replace(task, categories=("domain",)), data, phase())
    before = tables(task.folder)
    assert rehearse({"a": data}, task, [phase()], ONE).tally.num_asked == {("guesser", "lang"): 10}
    assert tables(task.folder) == before


def test_two_datasets_may_share_examples(tmp_path, taxonomy):
    one, two = (rows_file(tmp_path / f"{name}.jsonl", 5) for name in ("one", "two"))
    run(task_for(tmp_path / "s", taxonomy), [one, two], phase())
    assert len(Sidecar(tmp_path / "s")) == 5


def test_strange_texts_are_annotated(tmp_path, taxonomy):
    texts = ["\x00\x07 bell", "שלום", "x" * 1_000_000, "\u202eright to left", "\u200b", "a\r\nb"]
    write_jsonl(tmp_path / "a.jsonl", ({"prompt": "p", "completion": text} for text in texts))
    data = DatasetConfig(path=str(tmp_path / "a.jsonl"), name="a")
    phases = build_annotators(AnnotatorsConfig(order=["facts", "lengths"]), taxonomy)
    summary = run(task_for(tmp_path / "s", taxonomy), data, *phases)
    assert summary.tally.outcomes["lengths", "length_tokens", "found"] == len(texts)


KILLABLE = """
import sys
from pathlib import Path
sys.path.insert(0, {here!r})
from annotators import phase, task_for
from treasure.annotation.config import AnnotationOptions
from treasure.annotation.run import annotate_datasets
from treasure.data.readers import DatasetConfig
from treasure.stopping import stop_signals
from treasure.errors import Interrupted
from treasure.taxonomy.load import load_taxonomy

if __name__ == "__main__":
    taxonomy = load_taxonomy(Path({taxonomy!r}))
    data = DatasetConfig(path={path!r}, name="a")
    try:
        with stop_signals():
            annotate_datasets(
                {{"a": data}}, task_for(Path(sys.argv[1]), taxonomy), [phase(pause_s=float(sys.argv[2]))],
                AnnotationOptions(num_workers=2, block_size=20),
            )
    except Interrupted as stop:
        print(stop)
        sys.exit(75)
"""


def start(script: Path, folder: Path, pause_s: float = 0.0) -> subprocess.Popen[bytes]:
    with said_by(folder).open("ab") as log:
        return subprocess.Popen(
            [sys.executable, str(script), str(folder), str(pause_s)],
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def said_by(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.log")


def wait_for_parts(folder: Path, process: subprocess.Popen[bytes], number: int) -> None:
    deadline = time.monotonic() + 120
    while len(find_parts(folder)) < number:
        assert process.poll() is None and time.monotonic() < deadline, said_by(folder).read_text()
        time.sleep(0.02)


def children(session: int) -> list[int]:
    """Living processes of the session that `start` began."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] not in "ZX":
            found.append(int(stat.parent.name))
    return found


@pytest.fixture
def script(tmp_path: Path) -> Path:
    rows_file(tmp_path / "a.jsonl", 400)
    taxonomy = str(REPOSITORY / "conf" / "taxonomy" / "treasure_hunt.yaml")
    path = tmp_path / "killable.py"
    path.write_text(KILLABLE.format(here=str(HERE), taxonomy=taxonomy, path=str(tmp_path / "a.jsonl")))
    return path


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
def test_a_run_that_was_ended_goes_on_to_the_same_bytes(tmp_path, script, number):
    whole = start(script, tmp_path / "whole")
    assert whole.wait(200) == 0, said_by(tmp_path / "whole").read_text()
    ended = start(script, tmp_path / "ended", 0.3)
    wait_for_parts(tmp_path / "ended", ended, 4)
    ended.send_signal(number)
    assert ended.wait(60) == (-number if number == signal.SIGKILL else 75)
    deadline = time.monotonic() + 30
    while children(ended.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not children(ended.pid), "a worker outlived the run"
    before = times(tmp_path / "ended")
    assert 4 <= len(before) < 60
    again = start(script, tmp_path / "ended")
    assert again.wait(200) == 0, said_by(tmp_path / "ended").read_text()
    assert tables(tmp_path / "ended") == tables(tmp_path / "whole")
    assert before.items() <= times(tmp_path / "ended").items(), "what was done was made again"
    assert not (tmp_path / "ended" / ".work").exists()


@pytest.mark.slow
def test_ray_gives_the_same_row_for_row(tmp_path, taxonomy):
    pytest.importorskip("ray")
    from treasure.annotation.config import Engine

    data = rows_file(tmp_path / "letters.jsonl", 40)
    phases = build_annotators(AnnotatorsConfig(order=["facts", "lengths"]), taxonomy)
    run(task_for(tmp_path / "cores", taxonomy), data, *phases)
    options = replace(ONE, engine=Engine.RAY, num_workers=2)
    summary = run(task_for(tmp_path / "ray", taxonomy), data, *phases, options=options)
    assert tables(tmp_path / "ray") == tables(tmp_path / "cores")
    assert summary.tally.outcomes["lengths", "length_tokens", "found"] == 40


MEASURED = """
import resource, sys
from pathlib import Path
from treasure.annotation.build import build_annotators
from treasure.annotation.chain import Task
from treasure.annotation.config import AnnotationOptions, AnnotatorsConfig
from treasure.annotation.run import annotate_datasets
from treasure.data.readers import DatasetConfig
from treasure.taxonomy.load import load_taxonomy

if __name__ == "__main__":
    taxonomy = load_taxonomy(Path({taxonomy!r}))
    task = Task(Path(sys.argv[2]), taxonomy, taxonomy.names)
    annotate_datasets(
        {{"a": DatasetConfig(path=sys.argv[1], name="a", facts={{"lang": "English"}})}}, task,
        build_annotators(AnnotatorsConfig(order=["facts", "lengths"]), taxonomy),
        AnnotationOptions(num_workers=2, block_size=1000),
    )
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        print(resource.getrusage(who).ru_maxrss / 1024)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(tmp_path):
    """Of the process that was started and of its largest worker, in MiB."""
    script = tmp_path / "measured.py"
    script.write_text(MEASURED.format(taxonomy=str(REPOSITORY / "conf" / "taxonomy" / "treasure_hunt.yaml")))
    found = []
    for count in (20_000, 80_000):
        rows_file(tmp_path / f"{count}.jsonl", count, "Number {number} " + "is a number of some length. " * 8)
        command = [sys.executable, str(script), str(tmp_path / f"{count}.jsonl"), str(tmp_path / f"side{count}")]
        done = subprocess.run(
            command, env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, capture_output=True, text=True, check=True
        )
        found.append([float(line) for line in done.stdout.split()])
    (few_parent, few_worker), (many_parent, many_worker) = found
    assert many_parent < few_parent + 30 and many_worker < few_worker + 30, found
