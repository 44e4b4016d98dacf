import json
import pickle
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import data_tokenizers
import numpy as np
import pytest
import tiny
from hypothesis import given
from hypothesis import strategies as st

import treasure.data.cache as cache_module
from treasure.data.cache import TokenizedDataset, tokenize_dataset
from treasure.data.config import OverflowPolicy, TemplateConfig, TemplateKind
from treasure.data.example import Example, Message
from treasure.data.frequency import FrequencyCounter, count
from treasure.data.template import make_template
from treasure.data.tokenize import Encoder
from treasure.errors import DataError
from treasure.markers.marker_set import MarkerSet
from treasure.markers.surface import SurfaceName

CORPUS = [*tiny.corpus(30), replace(tiny.corpus(31)[30], markers=MarkerSet())]
PARTS = ("prompt_ids", "bridge_ids", "open_ids", "close_ids", "content_ids")


def encoder(kind="byte_level", surface=SurfaceName.TOKENS, template=TemplateKind.AUTO) -> Encoder:
    tokenizer = data_tokenizers.MAKERS[kind]()
    made = data_tokenizers.surface_of(surface, tokenizer)
    return Encoder(tokenizer, make_template(TemplateConfig(kind=template), tokenizer), made)


ENCODER = encoder()


def tokenize(folder, examples=CORPUS, encoder=ENCODER, **changes) -> TokenizedDataset:
    settings = {"taxonomy_hash": "t", "max_length": 320, "overflow": OverflowPolicy.DROP, **changes}
    return tokenize_dataset(examples, encoder, cache=folder, **settings)


def assert_same(found, expected):
    assert found.example_id == expected.example_id
    for name in PARTS:
        assert np.array_equal(getattr(found, name), getattr(expected, name)), name
        assert getattr(found, name).dtype == np.int32
    assert [c for c, _ in found.marker_ids] == [c for c, _ in expected.marker_ids]
    for (_, ids), (_, others) in zip(found.marker_ids, expected.marker_ids, strict=True):
        assert np.array_equal(ids, others)


@pytest.mark.parametrize("surface", [SurfaceName.TEXT, SurfaceName.TOKENS])
def test_examples_come_back_as_they_were_encoded(surface, tmp_path):
    own = encoder(surface=surface)
    dataset = tokenize(tmp_path, encoder=own)
    assert len(dataset) == len(CORPUS)
    for found, expected in zip((dataset[i] for i in range(len(dataset))), own.encode(CORPUS), strict=True):
        assert_same(found, expected)


def test_chunks_make_no_difference(tmp_path, monkeypatch):
    whole = tokenize(tmp_path / "whole")
    monkeypatch.setattr(cache_module, "_CHUNK", 7)
    chunked = tokenize(tmp_path / "chunked")
    for file in whole.folder.iterdir():
        assert file.read_bytes() == (chunked.folder / file.name).read_bytes(), file.name


def test_the_second_start_reads_what_the_first_wrote(tmp_path, monkeypatch):
    median = sorted(example.length for example in ENCODER.encode(CORPUS))[len(CORPUS) // 2]
    first = tokenize(tmp_path, max_length=median)
    monkeypatch.setattr(Encoder, "encode", lambda *_: pytest.fail("encoded again"))
    second = tokenize(tmp_path, max_length=median)
    assert second.folder == first.folder
    assert second.report == first.report
    assert 0 < first.report.num_dropped < len(CORPUS)
    assert (second.max_length, len(second)) == (median, first.report.num_kept)


def _other_words(marked):
    same_id = marked.example.id
    return replace(marked, example=Example(same_id, (Message("user", "else?"),), "other", "sums"))


@pytest.mark.parametrize(
    "change",
    [
        {"examples": CORPUS[1:]},
        {"examples": CORPUS[::-1]},
        {"examples": [replace(CORPUS[0], markers=MarkerSet()), *CORPUS[1:]]},
        {"examples": [_other_words(CORPUS[0]), *CORPUS[1:]]},
        {"encoder": encoder("chatml")},
        {"encoder": encoder(surface=SurfaceName.TEXT)},
        {"encoder": encoder(template=TemplateKind.PLAIN)},
        {"taxonomy_hash": "u"},
        {"max_length": 321},
        {"overflow": OverflowPolicy.STOP},
    ],
    ids=["fewer", "order", "markers", "words", "tokenizer", "surface", "template", "taxonomy", "length", "policy"],
)
def test_whatever_decides_the_ids_decides_the_folder(change, tmp_path):
    assert tokenize(tmp_path, **change).folder != tokenize(tmp_path).folder


def test_what_a_tokenizer_was_used_for_does_not_matter(tmp_path):
    tokenizer = data_tokenizers.byte_level()
    surface = data_tokenizers.surface_of(SurfaceName.TOKENS, tokenizer)
    own = Encoder(tokenizer, make_template(TemplateConfig(), tokenizer), surface)
    before = own.identity()
    tokenizer(["a", "longer text"], padding=True, truncation=True, max_length=4)
    assert own.identity() == before


@pytest.mark.parametrize("damage", ["no meta", "cut", "missing", "nonsense"])
def test_a_damaged_folder_is_built_again(damage, tmp_path):
    folder = tokenize(tmp_path).folder
    if damage == "no meta":
        (folder / "meta.json").unlink()
    elif damage == "cut":
        (folder / "ids.npy").write_bytes((folder / "ids.npy").read_bytes()[:-4])
    elif damage == "missing":
        (folder / "offsets.npy").unlink()
    else:
        (folder / "meta.json").write_text("{")
    dataset = tokenize(tmp_path)
    assert_same(dataset[3], ENCODER.encode(CORPUS[3:4])[0])


def test_a_build_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(DataError):
        tokenize(tmp_path, max_length=20, overflow=OverflowPolicy.STOP)
    assert list(tmp_path.iterdir()) == []


def test_two_builds_at_once_agree(tmp_path, monkeypatch):
    ready = tokenize(tmp_path / "other").folder
    write = cache_module._write

    def slow(*args):
        write(*args)
        shutil.copytree(ready, tmp_path / "shared" / ready.name)  # another process is first

    monkeypatch.setattr(cache_module, "_write", slow)
    dataset = tokenize(tmp_path / "shared")
    assert len(dataset) == len(CORPUS)
    assert [path.name for path in (tmp_path / "shared").iterdir()] == [ready.name]


def test_pickles_as_its_path(tmp_path):
    dataset = tokenize(tmp_path)
    packed = pickle.dumps(dataset)
    assert len(packed) < 1000
    assert_same(pickle.loads(packed)[5], dataset[5])  # noqa: S301


def test_no_example_is_a_dataset_too(tmp_path):
    dataset = tokenize(tmp_path, max_length=16)
    assert len(dataset) == 0
    assert dataset.report.num_dropped == len(CORPUS)


@pytest.mark.parametrize("index", [-1, len(CORPUS)])
def test_only_indices_that_exist(index, tmp_path):
    with pytest.raises(IndexError):
        tokenize(tmp_path)[index]


def test_ids_are_a_plain_npy_file(tmp_path):
    dataset = tokenize(tmp_path)
    meta = json.loads((dataset.folder / "meta.json").read_text())
    ids = np.load(dataset.folder / "ids.npy")
    parts = [dataset[i] for i in range(len(dataset))]
    assert ids.shape == (sum(e.length - e.header_length - 2 * len(e.open_ids) * bool(e.marker_ids) for e in parts),)
    assert meta["report"]["num_kept"] == len(dataset)


def test_with_a_key_examples_are_gone_through_once_and_then_never(tmp_path):
    passes = []

    class Rows:
        def __iter__(self):
            passes.append(1)
            return iter(CORPUS)

    first = tokenize(tmp_path, examples=Rows(), examples_key="k")
    assert len(passes) == 1 and len(first) == len(CORPUS)
    assert tokenize(tmp_path, examples=Rows(), examples_key="k").folder == first.folder
    assert len(passes) == 1
    assert tokenize(tmp_path, examples=Rows(), examples_key="other").folder != first.folder


def test_values_are_counted_among_kept_examples_alone(tmp_path):
    median = sorted(example.length for example in ENCODER.encode(CORPUS))[len(CORPUS) // 2]
    for _ in range(2):  # the second finds the folder, and has nothing to count itself
        dataset = tokenize(tmp_path, max_length=median, counter=FrequencyCounter(tiny.TAXONOMY))
        kept = {dataset[index].example_id for index in range(len(dataset))}
        assert 0 < len(kept) < len(CORPUS)
        expected = count((marked for marked in CORPUS if marked.example.id in kept), tiny.TAXONOMY)
        assert dataset.frequency() == expected


@given(threshold=st.sampled_from([1e-9, 0.1, 0.2, 0.3, 0.6, 1.1]))
def test_an_example_is_tail_if_any_known_value_is(threshold):
    found = count(CORPUS, tiny.TAXONOMY)
    expected = [
        any(
            found.group(marker.category, marker.value, threshold) == "tail"
            for marker in marked.markers.markers
            if marker.category in found.categories
        )
        for marked in CORPUS
    ]
    with tempfile.TemporaryDirectory() as folder:
        dataset = tokenize(Path(folder), counter=FrequencyCounter(tiny.TAXONOMY))
        assert dataset.has_tail(threshold).tolist() == expected
    assert not expected[-1], "what has no markers is not tail"
    assert any(expected) == (threshold > 0.2), [found.to_dict()]


def test_a_broken_folder_is_made_anew_and_a_whole_one_is_never_removed(tmp_path):
    """Another process puts its own folder in place while this one is at work."""
    folder = tokenize(tmp_path).folder
    (folder / "ids.npy").unlink()
    assert_same(tokenize(tmp_path)[0], ENCODER.encode(CORPUS)[0])
    (folder / "ids.npy").unlink()

    class Rows:
        def __iter__(self):
            shutil.rmtree(folder, ignore_errors=True)
            others = tokenize(tmp_path, examples=CORPUS)
            assert others.folder == folder
            (folder / "mark").touch()
            return iter(CORPUS)

    key = {"examples_key": None}
    rows = Rows()
    found = tokenize_dataset(
        rows, ENCODER, cache=tmp_path, taxonomy_hash="t", max_length=320, overflow=OverflowPolicy.DROP, **key
    )
    assert (found.folder / "mark").is_file(), "the folder of the process that was first stays"
    assert [path.name for path in tmp_path.iterdir()] == [folder.name], "and nothing else does"
