"""Translation: which rows are asked, and segment sums that give sacrebleu's own numbers for any set of segments."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treasure.errors import ConfigError, DataError, ScorerError
from treasure.evaluation.benchmarks.language_pairs import ends, spoken
from treasure.evaluation.benchmarks.protocol import Answer, Benchmark
from treasure.evaluation.benchmarks.translation import Translation
from treasure.evaluation.benchmarks.translation_config import TranslationConfig
from treasure.evaluation.metrics.translation import bleu_of, bleu_sums, chrf_of, chrf_sums, signatures
from treasure.evaluation.suite import stored_answers

sacrebleu = pytest.importorskip("sacrebleu.metrics")
SHARED = Path(os.environ.get("TREASURE_SHARED", Path(__file__).parents[3] / "shared"))
FOLDER = SHARED / "data" / "eval" / "wmt24"
needs_data = pytest.mark.skipif(not FOLDER.is_dir(), reason="the benchmark's files are not here")
WMT24: dict[str, Any] = {"line": 1, "pair": "en-de", "domain": "news", "doc_id": "d", "src": "Hello.", "refA": "Hallo."}
WMT24PP: dict[str, Any] = {
    "lp": "en-pt_BR", "domain": "news", "document_id": "d", "segment_id": 7, "is_bad_source": False,
    "source": "Hello.", "target": "Olá.", "original_target": "Ola.",
}  # fmt: skip
sentences = st.lists(st.sampled_from(["the", "dog,", "runs", "Ünder", "x1", ".", "house", "a-b"]), max_size=8).map(
    " ".join
)


def written(folder: Path, *rows: dict[str, Any]) -> str:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def answer(text: str, target: str, language: str = "de") -> Answer:
    return Answer(
        prompt_id="1", prompt="", content=text, reference={"source": "s", "target": target, "language": language}
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(sentences, sentences.filter(bool)), min_size=1, max_size=5))
def test_sums_of_segments_give_the_numbers_of_sacrebleu(pairs: list[tuple[str, str]]) -> None:
    answers, targets = [a for a, _ in pairs], [t for _, t in pairs]
    bleu = np.sum([bleu_sums(a, [t], "de") for a, t in pairs], axis=0)
    chrf = np.sum([chrf_sums(a, [t]) for a, t in pairs], axis=0)
    assert bleu_of(bleu) == pytest.approx(sacrebleu.BLEU(force=True).corpus_score(answers, [targets]).score)
    assert chrf_of(chrf) == pytest.approx(sacrebleu.CHRF(word_order=2).corpus_score(answers, [targets]).score)


@given(sentences.filter(lambda text: len(text.split()) >= 4))
def test_the_same_text_scores_a_hundred_and_an_empty_one_nothing(text: str) -> None:
    assert chrf_of(np.array(chrf_sums(text, [text]))) == pytest.approx(100)
    assert bleu_of(np.array(bleu_sums(text, [text], "de"))) == pytest.approx(100)
    assert bleu_of(np.array(bleu_sums("", [text], "de"))) == chrf_of(np.array(chrf_sums("", [text]))) == 0


@pytest.mark.parametrize(
    ("language", "tokenizer"), [("ja", "ja-mecab"), ("zh", "zh"), ("ko", "ko-mecab"), ("de", "13a")]
)
def test_each_language_has_the_tokenizer_that_sacrebleu_recommends(language: str, tokenizer: str) -> None:
    assert f"tok:{tokenizer}" in signatures(language)["bleu"]
    assert "nw:2" in signatures(language)["chrf"]


def test_languages_without_blanks_are_scored_by_words_and_not_as_one_word() -> None:
    assert bleu_of(np.array(bleu_sums("私は毎日学校へ歩いて行きます。", ["私は毎日学校へ歩いて行く。"], "ja"))) > 50


def test_both_shapes_are_read_and_bad_rows_and_canaries_are_not_asked(tmp_path: Path) -> None:
    canary = {**WMT24, "line": 0, "domain": "canary", "doc_id": "canary"}
    file = written(tmp_path, canary, WMT24, WMT24PP, {**WMT24PP, "segment_id": 8, "is_bad_source": True})
    first, second = Translation(TranslationConfig(files=[file])).prompts()
    assert (first.id, second.id) == ("en-de/1", "en-pt_BR/7")
    assert "from English into German" in first.messages[0].content
    assert first.messages[0].content.endswith("\n\nHello.")
    assert "into Portuguese (Brazil)" in second.messages[0].content
    assert second.levers == {"lang": "Portuguese", "task": "Translation"}
    assert second.reference == {"source": "Hello.", "target": "Olá.", "language": "pt"}
    assert first.slices == {"pair": "en-de", "lang": "German", "domain": "news", "document": "d"}


def test_answers_are_found_by_the_words_of_a_prompt_that_stands_there_twice_too(tmp_path: Path) -> None:
    found = Translation(TranslationConfig(files=[written(tmp_path, WMT24, {**WMT24, "line": 2, "refA": "Servus."})]))
    text = found.prompts()[0].messages[0].content
    answers = tmp_path / "answers.jsonl"

    def said(*names: dict[str, str]) -> list[tuple[str, str, str]]:
        rows = [{**name, "content": str(place)} for place, name in enumerate(names)]
        answers.write_text("".join(json.dumps(row) + "\n" for row in rows))
        stored = stored_answers("translation", found, answers)
        return [(one.prompt_id, one.content, one.reference["target"]) for one in stored]

    first, second = {"prompt_id": "en-de/1"}, {"prompt_id": "en-de/2"}
    assert said({"prompt": text}, {"prompt": text}) == [("en-de/1", "0", "Hallo."), ("en-de/2", "1", "Servus.")]
    assert said(second, first) == [("en-de/2", "0", "Servus."), ("en-de/1", "1", "Hallo.")]
    for names in ([first, first], [{"prompt": text}] * 3):
        with pytest.raises(DataError, match="has an answer already"):
            said(*names)


def test_the_second_reference_is_taken_where_there_is_one(tmp_path: Path) -> None:
    file = written(tmp_path, {**WMT24, "refB": "Servus."}, {**WMT24, "pair": "en-cs", "refA": "Ahoj."})
    prompts = Translation(TranslationConfig(files=[file], reference="refB")).prompts()
    assert [prompt.reference["target"] for prompt in prompts] == ["Servus.", "Ahoj."]


@pytest.mark.parametrize(
    ("change", "message"),
    [({"pair": "en-xx"}, "'xx'"), ({"src": ""}, "'src'"), ({"line": "x"}, "line"), ({"refA": 1}, "refA")],
)
def test_a_bad_row_is_named_with_file_and_line(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    file = written(tmp_path, WMT24, {**WMT24, **change})
    with pytest.raises(DataError, match=message) as caught:
        Translation(TranslationConfig(files=[file])).prompts()
    assert (caught.value.path, caught.value.line) == (file, 2)


def test_a_pair_that_is_in_no_file_is_refused_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"en-fr is in none .* en-de"):
        Translation(TranslationConfig(files=[written(tmp_path, WMT24)], pairs=["en-fr"])).prompts()


@pytest.mark.parametrize(
    "options",
    [
        {"files": []}, {"metrics": ["ter"]}, {"metrics": []}, {"reference": "refC"},
        {"instruction": "Translate."}, {"instruction": "{text} {x}"}, {"instruction": "{text"},
    ],
)  # fmt: skip
def test_options_that_cannot_be_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        TranslationConfig(**{"files": ["f"], **options})


def test_xcomet_without_its_environment_is_refused_when_the_benchmark_is_made() -> None:
    with pytest.raises(ScorerError, match="python3 -m venv"):
        Translation(TranslationConfig(files=["f"], metrics=["bleu", "xcomet"]))


def test_only_the_metrics_that_are_asked_for_are_there() -> None:
    benchmark = Translation(TranslationConfig(files=["f"], metrics=["chrf"]))
    assert isinstance(benchmark, Benchmark)
    (score,) = benchmark.score([answer(" Der Hund läuft.\n", "Der Hund läuft.")])
    assert score.scores == {"chrf": pytest.approx(100)}
    assert list(score.details) == ["chrf"]


def test_pairs_and_locales_have_names() -> None:
    assert ends("en-zh_TW") == ("en", "zh")
    assert [spoken("de_DE"), spoken("zh_TW"), spoken("is")] == ["German", "Chinese (traditional script)", "Icelandic"]


@needs_data
def test_the_real_files_are_read_to_the_last_row_without_their_canaries() -> None:
    config = TranslationConfig(files=[str(FOLDER / "*.jsonl.gz")])
    prompts = Translation(config).prompts()
    lines = sum(gzip.decompress(file.read_bytes()).count(b"\n") for file in FOLDER.glob("*.jsonl.gz"))
    assert len(prompts) == len({prompt.id for prompt in prompts}) == lines - 11
    assert not any("CANARY" in prompt.messages[0].content for prompt in prompts)
    assert len({prompt.slices["pair"] for prompt in prompts}) == 11
