import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasure.analysis.annotations import Status, Vocabulary, settle
from treasure.analysis.sidecar_blocks import check_annotator, fact_blocks, prompt_keys, sidecar_blocks
from treasure.annotation.finding import Finding, Outcome
from treasure.annotation.parts import PartIdentity, meaning, write_block, write_part
from treasure.annotation.sidecar import Sidecar, SidecarInfo, write_info
from treasure.data.readers import DatasetConfig
from treasure.errors import DataError
from treasure.jsonl import write_jsonl
from treasure.taxonomy.taxonomy import Category, Kind, Taxonomy, Value

TAXONOMY = Taxonomy(
    "small",
    (
        Category("lang", Kind.NOMINAL, values=tuple(map(Value, ("English", "Greek")))),
        Category("domain", Kind.NOMINAL, values=tuple(map(Value, ("Legal", "Math"))), multiple=True),
    ),
)
ORDER = ("zeal", "age")  # trust is not the order of names
ODD = "a/b ä%2F"


def write_sidecar(folder, blocks):
    """(dataset, block, ids, (annotator, category) -> rows of (id, finding))."""
    write_info(folder, SidecarInfo(TAXONOMY.name, TAXONOMY.hash, 10, ORDER, {}))
    for dataset, block, ids, parts in blocks:
        write_block(folder, dataset, block, ids)
        for (annotator, name), rows in parts.items():
            text = meaning(TAXONOMY.category(name))
            identity = PartIdentity(annotator, "1", name, text, dataset, block, "", "")
            write_part(folder, identity, rows, {})


def example_id(number):
    return f"{number:016x}"


found = st.sampled_from(
    [
        *(Finding("", outcome) for outcome in (Outcome.NOT_APPLICABLE, Outcome.ABSTAINED, Outcome.FAILED)),
        Finding("", Outcome.FOUND, ("Math",), 0.5),
        Finding("", Outcome.FOUND, ("Legal", "Math")),
    ]
)


@given(rows=st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(ORDER, found)), min_size=1, max_size=25))
def test_what_is_settled_is_what_training_takes(rows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sidecar")
    blocks = []
    for block in range(0, len(rows), 10):
        ids = [example_id(k) for k in range(block, min(block + 10, len(rows)))]
        parts = {
            (name, "domain"): [
                (example_id(k), Finding(name, f.outcome, f.values, f.probability))
                for k in range(block, block + len(ids))
                if (f := rows[k].get(name)) is not None
            ]
            for name in ORDER
        }
        blocks.append((ODD, block // 10, ids, {key: part for key, part in parts.items() if part}))
    write_sidecar(folder, blocks)
    sidecar, seen = Sidecar(folder), 0
    for block in sidecar_blocks(folder):
        assert block.dataset == ODD
        vocabulary = Vocabulary()
        got = settle(block, "domain", vocabulary)
        for key, code, probability in zip(block.ids, got.codes, got.probabilities, strict=True):
            seen += 1
            expected = (sidecar.findings(key) or {}).get("domain")
            if expected is None or not expected.settles:
                assert code < Status.NOT_APPLICABLE
                continue
            assert (code >= 0) == (expected.outcome is Outcome.FOUND)
            assert code < 0 or vocabulary.sets[code] == expected.values
            assert np.isnan(probability) if expected.probability is None else probability == expected.probability
    assert seen == len(rows)


def test_examples_of_which_nothing_was_said_are_there(tmp_path):
    write_sidecar(tmp_path, [("d", 0, [example_id(1), example_id(2)], {})])
    (block,) = sidecar_blocks(tmp_path)
    assert block.ids.tolist() == [example_id(1), example_id(2)] and block.parts == ()


def test_annotators_are_known_by_name(tmp_path):
    write_sidecar(tmp_path, [])
    check_annotator(tmp_path, "zeal")
    with pytest.raises(DataError, match=r"No annotator 'seal' has spoken here\. Did you mean 'zeal'"):
        check_annotator(tmp_path, "seal")
    with pytest.raises(DataError, match="Nothing is annotated here yet"):
        list(sidecar_blocks(tmp_path))


def test_no_sidecar_and_broken_parts_are_told(tmp_path):
    with pytest.raises(DataError, match="no sidecar"):
        list(sidecar_blocks(tmp_path / "none"))
    finding = Finding("zeal", Outcome.FOUND, ("Greek",))
    write_sidecar(tmp_path, [("d", 0, [example_id(1)], {("zeal", "lang"): [(example_id(1), finding)]})])
    (part,) = tmp_path.glob("parts/*/*/*/*.parquet")
    part.write_bytes(b"PAR1 no")
    with pytest.raises(DataError, match="broken"):
        list(sidecar_blocks(tmp_path))


def test_facts_and_prompts_of_files(tmp_path):
    lines = [{"prompt": f"p{k // 2}", "completion": f"c{k}", "l": "Greek" if k % 2 else None} for k in range(6)]
    write_jsonl(tmp_path / "a.jsonl", lines)
    dataset = DatasetConfig(path=str(tmp_path / "a.jsonl"), name="a", facts={"domain": "Math"})
    (block,) = fact_blocks({"a": dataset}, TAXONOMY)
    vocabulary = Vocabulary()
    assert (settle(block, "domain", vocabulary).codes == 0).all() and vocabulary.sets == [("Math",)]
    keys, prompts = prompt_keys({"a": dataset})
    assert len(np.unique(keys)) == 6 and len(np.unique(prompts)) == 3
    assert (prompts[::2] == prompts[1::2]).all()
