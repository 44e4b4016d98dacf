"""The public files are read whole, mistakes in them are named, and answers are scored by instruction."""

import gzip
import json
import sys
from pathlib import Path

import pytest

from treasure.errors import ConfigError, DataError, MissingExtraError
from treasure.evaluation.benchmarks.ifeval import IFEval
from treasure.evaluation.benchmarks.ifeval_config import IFEvalConfig
from treasure.evaluation.benchmarks.ifeval_levers import levers_of
from treasure.evaluation.benchmarks.protocol import Answer, Benchmark
from treasure.evaluation.metrics.ifeval.registry import CHECKS
from treasure.evaluation.metrics.ifeval.units import japanese_tokenizer
from treasure.markers.marker_set import MarkerSet
from treasure.taxonomy.load import load_taxonomy

REPOSITORY = Path(__file__).parents[2]
PUBLIC = REPOSITORY.parent / "shared" / "data" / "eval" / "ifeval"
ROW = {
    "key": 7,
    "prompt": "Write two words without commas.",
    "instruction_id_list": ["punctuation:no_comma", "length_constraints:number_words"],
    "kwargs": [{}, {"num_words": 3, "relation": "less than", "keywords": None}],
}


def _write(folder: Path, rows: list[dict], code: str = "en") -> IFEval:
    (folder / f"{code}_input_data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return IFEval(IFEvalConfig(folder=str(folder), languages=[code]))


def test_ids_without_language_are_english_and_null_is_not_given(tmp_path):
    benchmark = _write(tmp_path, [ROW])
    assert isinstance(benchmark, Benchmark)
    (prompt,) = benchmark.prompts()
    assert prompt.id == "en-7"
    assert prompt.messages[0].content == ROW["prompt"]
    assert prompt.fixed_messages is None
    assert prompt.reference["instructions"] == [
        {"id": "en:punctuation:no_comma", "arguments": {}},
        {"id": "en:length_constraints:number_words", "arguments": {"num_words": 3, "relation": "less than"}},
    ]


def test_answers_are_scored_by_instruction_strictly_and_loosely(tmp_path):
    (prompt,) = _write(tmp_path, [ROW]).prompts()
    reference = json.loads(json.dumps(prompt.reference))
    contents = ["Two words", "Here, then:\nTwo words", "one, two, three", ""]
    answers = [Answer(prompt_id=prompt.id, prompt="", content=content, reference=reference) for content in contents]
    found = [
        [s.scores[name] for name in ("prompt_strict", "prompt_loose", "followed_strict", "followed_loose")]
        for s in IFEval(IFEvalConfig(folder=str(tmp_path))).score(answers)
    ]
    assert found == [[1, 1, 2, 2], [0, 1, 0, 2], [0, 0, 0, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"instruction_id_list": ["punctuation:no_coma", "length_constraints:number_words"]}, "Did you mean 'en:punct"),
        ({"kwargs": [{"num_words": 3}, {"num_words": 3, "relation": "less than"}]}, "takes no arguments"),
        ({"kwargs": [{}, {"num_words": 3, "relation": None}]}, "needs 'relation'"),
        ({"kwargs": [{}, {"num_words": 3, "relation": "about"}]}, "none of at least"),
        ({"kwargs": [{}, {"num_words": "3", "relation": "less than"}]}, "must be a whole number"),
        ({"kwargs": [{}]}, "one each"),
        ({"prompt": None}, "'prompt'"),
        ({"key": 6}, "stands in line 1"),
    ],
)
def test_a_bad_row_is_named_with_file_and_line(tmp_path, change, said):
    benchmark = _write(tmp_path, [{**ROW, "key": 6}, {**ROW, **change}])
    with pytest.raises(DataError, match=said) as caught:
        benchmark.prompts()
    assert caught.value.line == 2
    assert str(caught.value.path).endswith("en_input_data.jsonl")


def test_a_packed_file_is_read_and_a_missing_one_named(tmp_path):
    with gzip.open(tmp_path / "en_input_data.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(json.dumps(ROW) + "\n")
    assert len(IFEval(IFEvalConfig(folder=str(tmp_path), languages=["en"])).prompts()) == 1
    with pytest.raises(DataError, match="fr_input_data"):
        IFEval(IFEvalConfig(folder=str(tmp_path), languages=["fr"])).prompts()


@pytest.mark.parametrize("languages", [[], ["de"]])
def test_other_languages_are_refused(languages):
    with pytest.raises(ConfigError, match="en, es, fr, ja"):
        IFEvalConfig(folder="x", languages=languages)


def test_japanese_words_without_their_tokenizer_are_refused_before_anything_is_asked(tmp_path, monkeypatch):
    row = {"key": 1, "prompt": "夢", "instruction_id_list": ["ja:keywords:existence"], "kwargs": [{"keywords": ["夢"]}]}
    monkeypatch.setitem(sys.modules, "janome.tokenizer", None)
    japanese_tokenizer.cache_clear()
    with pytest.raises(MissingExtraError, match=r"treasure\[eval\]"):
        _write(tmp_path, [row], "ja").prompts()


def _words(number: int, relation: str, code: str = "en") -> tuple[str, dict]:
    return f"{code}:length_constraints:number_words", {"num_words": number, "relation": relation}


@pytest.mark.parametrize(
    ("instructions", "levers"),
    [
        ([_words(100, "at least")], {"length_tokens": 140}),
        ([_words(100, "less than")], {"length_tokens": 100}),
        ([_words(100, "at least"), _words(201, "less than")], {"length_tokens": (140 + 201) // 2}),
        (
            [("en:length_constraints:number_sentences", {"num_sentences": 5, "relation": "less than"})],
            {"length_sentences": 4},
        ),
        (
            [("es:length_constraints:number_sentences", {"num_sentences": 5, "relation": "como máximo"})],
            {"length_sentences": 5},
        ),
        ([("en:language:response_language", {"language": "de"})], {"lang": "German"}),
        ([("en:language:response_language", {"language": "kn"})], {}),
        ([("fr:change_case:french_capital", {})], {"lang": "French"}),
        (
            [
                ("en:detectable_format:json_format", {}),
                ("en:detectable_format:number_bullet_lists", {"num_bullets": 2}),
            ],
            {"format": ["JSON", "Enumeration"]},
        ),
        ([("ja:detectable_format:number_highlighted_sections", {"num_highlights": 2})], {}),
        ([("en:change_case:capital_word_frequency", {"capital_frequency": 1, "capital_relation": "at least"})], {}),
        ([("en:length_constraints:number_paragraphs", {"num_paragraphs": 3})], {}),
    ],
)
def test_levers_say_what_the_instructions_do(instructions, levers):
    assert levers_of(instructions) == levers


@pytest.mark.skipif(not PUBLIC.is_dir(), reason="the public files are not here")
def test_the_public_files_hold_every_instruction_and_only_levers_that_exist():
    pytest.importorskip("janome")
    prompts = IFEval(IFEvalConfig(folder=str(PUBLIC))).prompts()
    by_language = [sum(prompt.slices["lang"] == code for prompt in prompts) for code in ("en", "es", "fr", "ja")]
    assert by_language == [541, 115, 235, 172]
    assert {one["id"] for prompt in prompts for one in prompt.reference["instructions"]} == set(CHECKS)
    taxonomy = load_taxonomy(REPOSITORY / "conf" / "taxonomy" / "treasure_hunt.yaml")
    for prompt in prompts:
        MarkerSet.of(taxonomy, prompt.levers)
