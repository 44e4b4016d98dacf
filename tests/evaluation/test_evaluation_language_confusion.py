"""Language Confusion Benchmark: what passes by line and by word, which rows are read, and the stored real answers."""

import csv
import gzip
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from treasure.errors import ConfigError, DataError
from treasure.evaluation.benchmarks.language_confusion import LanguageConfusion, stored_answers
from treasure.evaluation.benchmarks.language_confusion_config import LANGUAGES, LanguageConfusionConfig
from treasure.evaluation.benchmarks.protocol import Answer, Benchmark
from treasure.evaluation.metrics.language_confusion import clean, judge_language
from treasure.evaluation.metrics.language_tools import LanguageTools, language_tools, split_words

SHARED = Path(os.environ.get("TREASURE_SHARED", Path(__file__).parents[3] / "shared"))
FOLDER = SHARED / "data" / "eval" / "language_confusion"
GERMAN = "Der Hund läuft heute durch den großen Garten."
ENGLISH = "The dog runs through the big garden today."
RUSSIAN = "Собака сегодня весело бегает по большому саду."
needs_data = pytest.mark.skipif(not FOLDER.is_dir(), reason="the benchmark's files are not here")


@pytest.fixture(scope="module")
def tools() -> LanguageTools:
    real = language_tools()
    return LanguageTools(real.split, real.identify, lambda: frozenset({"garden", "through"}))


def test_all_lines_in_the_language_pass_and_one_in_another_fails(tools: LanguageTools) -> None:
    both = judge_language(f"{GERMAN}\n\n{ENGLISH}", "de", tools)
    assert judge_language(GERMAN, "de", tools).scores == {"line_pass": 1, "line_accuracy": 1, "line_pass_strict": 1}
    assert both.scores == {"line_pass": 0, "line_accuracy": 0.5, "line_pass_strict": 0}
    assert (both.judged, both.wrong) == (2, ("en",))


def test_lines_of_fewer_than_five_words_are_not_judged(tools: LanguageTools) -> None:
    assert judge_language(f"{GERMAN}\nThe dog runs here", "de", tools).scores["line_pass"] == 1
    assert judge_language(f"{GERMAN}\nThe dog runs here today", "de", tools).scores["line_pass"] == 0


@pytest.mark.parametrize("nothing", ["", "  \n\n ", "...", "— — — — — —", "1 2 3", "|-|-|-|"])
def test_an_answer_that_says_nothing_has_no_score_by_the_reference_and_fails_in_the_strict_form(
    nothing: str, tools: LanguageTools
) -> None:
    scores = judge_language(nothing, "ru", tools).scores
    assert scores == {"line_pass_strict": 0, "word_pass_strict": 0}
    assert judge_language(nothing, "en", language_tools_of_letters()).scores == {"line_pass_strict": 0}


def test_an_answer_of_short_lines_is_judged_as_one_line_in_the_strict_form_alone(tools: LanguageTools) -> None:
    assert judge_language("Собака бегает\nпо саду", "ru", tools).scores == {
        "line_pass_strict": 1,
        "word_pass_strict": 1,
    }
    assert judge_language("The dog runs", "ru", tools).scores == {"line_pass_strict": 0, "word_pass_strict": 0}


def test_words_count_only_where_lines_pass_and_letters_differ(tools: LanguageTools) -> None:
    mixed = judge_language(RUSSIAN.replace("саду", "garden"), "ru", tools)
    assert mixed.scores["line_pass"] == 1
    assert (mixed.scores["word_pass"], mixed.scores["word_pass_strict"]) == (0, 0)
    assert mixed.english == ("garden",)
    assert judge_language(RUSSIAN, "ru", tools).scores["word_pass"] == 1
    assert "word_pass" not in judge_language(ENGLISH, "ru", tools).scores
    assert "word_pass" not in judge_language(GERMAN.replace("Garten", "garden"), "de", tools).scores


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_are_judged_in_the_six_languages_of_the_reference(language: str) -> None:
    tools = LanguageTools(lambda line, _: line.split(), lambda _: language, lambda: frozenset({"garden"}))
    scores = judge_language("a b c d garden", language, tools).scores
    own_letters = ("ar", "hi", "ja", "ko", "ru", "zh")
    assert scores.get("word_pass") == scores.get("word_pass_strict") == (0 if language in own_letters else None)


def test_capitals_hide_a_word_as_in_the_reference(tools: LanguageTools) -> None:
    assert judge_language(RUSSIAN.replace("саду", "Garden"), "ru", tools).scores["word_pass"] == 1


def test_a_question_that_the_model_asks_itself_is_cut_and_punctuation_goes() -> None:
    assert clean(f"  {GERMAN}\nQ: {ENGLISH}") == GERMAN.rstrip(".")
    assert clean("a—b, c# d،") == "a b c d"


@given(st.lists(st.sampled_from([GERMAN, ENGLISH, RUSSIAN, "kurz", ""])), st.sampled_from(["de", "ru", "en"]))
def test_the_strict_form_never_passes_what_the_reference_fails(lines: list[str], language: str) -> None:
    found = judge_language("\n".join(lines), language, language_tools_of_letters())
    scores = found.scores
    assert scores["line_pass_strict"] == scores.get("line_pass", scores["line_pass_strict"])
    assert scores.get("word_pass_strict", 0) <= scores["line_pass_strict"]
    assert found.judged or "line_pass" not in scores


def language_tools_of_letters() -> LanguageTools:
    """Tools that a test can foresee: Cyrillic is ru, umlauts are de, the rest en."""

    def identify(line: str) -> str:
        if any("а" <= letter <= "я" for letter in line.lower()):
            return "ru"
        return "de" if set("äöüß") & set(line) else "en"

    return LanguageTools(lambda line, _: line.split(), identify, frozenset)


def test_half_a_surrogate_pair_and_long_lines_are_judged(tools: LanguageTools) -> None:
    assert tools.identify(f"{GERMAN} \ud83d") == "de"
    assert tools.identify(f"{GERMAN * 200} {ENGLISH}") == "de"


def test_chinese_and_japanese_are_split_into_words() -> None:
    pytest.importorskip("jieba")
    pytest.importorskip("fugashi")
    assert split_words("我来到北京清华大学", "zh") == ["我", "来到", "北京", "清华大学"]
    assert split_words("これはテストです", "ja") == ["これ", "は", "テスト", "です"]
    assert split_words("我来到北京清华大学", "ko") == ["我来到北京清华大学"]


@pytest.mark.parametrize(("score", "named"), [(0.3, "unknown"), (0.31, "de")])
def test_a_language_is_named_from_a_probability_of_more_than_three_tenths(
    score: float, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unsure:
        def detect(self, _line: str, k: int) -> list[dict[str, object]]:
            return [{"lang": "de", "score": score}][:k]

    monkeypatch.setattr("treasure.evaluation.metrics.language_tools._detector", lambda _: Unsure())
    assert language_tools().identify("?") == named


@pytest.mark.slow
def test_the_list_of_english_words_is_that_of_webster() -> None:
    pytest.importorskip("english_words")
    words = language_tools().english_words()
    assert {"love", "this", "data", "garden"} <= words
    assert not {"the", "and", "London", "paris"} & words
    assert 200_000 < len(words) < 220_000


def test_unknown_options_are_refused_with_what_is_allowed(tmp_path: Path) -> None:
    for given_options, message in (
        ({"tasks": ["bilingual"]}, "monolingual"),
        ({"languages": ["xx"]}, "vi, zh"),
        ({"tasks": []}, "empty"),
        ({"file": " "}, "test_sets"),
    ):
        with pytest.raises(ConfigError, match=message):
            LanguageConfusionConfig(**{"file": "f", **given_options})
    no_model = tmp_path / "no.bin"
    for model in (str(no_model), str(tmp_path / "missing.bin")):
        no_model.write_bytes(b"no model")
        benchmark = LanguageConfusion(LanguageConfusionConfig(file="f", lid_model=model))
        with pytest.raises(ConfigError, match="lid_model"):
            benchmark.score([])


ROW = {"task": "crosslingual", "subset": "okapi", "row": 3, "prompt": "Reply in German.", "language": "de"}


def test_one_file_and_the_public_folder_give_the_same_prompts(tmp_path: Path) -> None:
    file, folder = tmp_path / "prompts.jsonl.gz", tmp_path / "test_sets" / "crosslingual" / "okapi"
    with gzip.open(file, "wt") as out:
        for row in range(2):
            out.write(json.dumps({**ROW, "row": row}) + "\n")
    folder.mkdir(parents=True)
    with (folder / "de.csv").open("w") as out:
        writer = csv.DictWriter(out, ["prompt", "source", "language"])
        writer.writeheader()
        writer.writerows([{"prompt": ROW["prompt"], "source": "okapi", "language": "German"}] * 2)
    loaded = [
        LanguageConfusion(LanguageConfusionConfig(file=str(path))).prompts() for path in (file, tmp_path / "test_sets")
    ]
    assert loaded[0] == loaded[1]
    assert [prompt.id for prompt in loaded[0]] == ["crosslingual/okapi/de/0", "crosslingual/okapi/de/1"]
    assert loaded[0][0].levers == {"lang": "German"}
    assert loaded[0][0].slices == {"lang": "de", "task": "crosslingual", "subset": "okapi", "row": "0"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"language": "tlh"}, "'tlh'"),
        ({"task": "x"}, "monolingual"),
        ({"prompt": " "}, "prompt"),
        ({"row": "a"}, "row"),
    ],
)
def test_a_bad_row_is_named_with_file_and_line(change: dict[str, str], message: str, tmp_path: Path) -> None:
    file = tmp_path / "prompts.jsonl"
    file.write_text(json.dumps(ROW) + "\n" + json.dumps({**ROW, **change}) + "\n")
    with pytest.raises(DataError, match=message) as caught:
        LanguageConfusion(LanguageConfusionConfig(file=str(file))).prompts()
    assert (caught.value.path, caught.value.line) == (str(file), 2)


def test_options_that_leave_no_prompt_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "prompts.jsonl"
    file.write_text(json.dumps(ROW) + "\n")
    with pytest.raises(DataError, match="No prompt is left"):
        LanguageConfusion(LanguageConfusionConfig(file=str(file), languages=["fr"])).prompts()


def test_stored_answers_of_the_public_csv_are_numbered_within_their_language(tmp_path: Path) -> None:
    file = tmp_path / "model.csv"
    with file.open("w") as out:
        writer = csv.DictWriter(out, ["model", "completion", "task", "source", "language"])
        writer.writeheader()
        for language in ("de", "fr", "de"):
            writer.writerow(
                {"model": "m", "completion": "x", "task": "crosslingual", "source": "okapi", "language": language}
            )
    assert [answer.prompt_id.split("/", 2)[2] for answer in stored_answers(str(file))] == ["de/0", "fr/0", "de/1"]
    for options, languages in (
        ({"languages": ["fr"]}, ["fr"]),
        ({"tasks": ["monolingual"]}, []),
        ({}, ["de", "fr", "de"]),
    ):
        chosen = LanguageConfusion(LanguageConfusionConfig(file="nowhere.jsonl", **options)).stored_answers(str(file))
        assert [answer.reference["language"] for answer in chosen] == languages


def test_scores_come_in_the_order_of_the_answers_and_from_them_alone() -> None:
    benchmark = LanguageConfusion(LanguageConfusionConfig(file="nowhere.jsonl"))
    assert isinstance(benchmark, Benchmark)
    answers = [
        Answer(prompt_id=str(number), prompt="", content=text, reference={"language": "de"})
        for number, text in enumerate([GERMAN, ENGLISH, ""])
    ]
    scores = benchmark.score(answers)
    assert [score.scores.get("line_pass") for score in scores] == [1, 0, None]
    assert scores[1].details == {"lines": 1, "wrong": ["en"], "english": []}


@needs_data
def test_the_real_files_are_read_to_the_last_row_and_stored_answers_belong_to_prompts() -> None:
    prompts = LanguageConfusion(LanguageConfusionConfig(file=str(FOLDER / "prompts.jsonl.gz"))).prompts()
    ids = {prompt.id for prompt in prompts}
    assert (len(prompts), len(ids)) == (3300, 3300)
    sizes = {}
    for file in sorted((FOLDER / "outputs").glob("*.jsonl.gz")):
        answers = stored_answers(str(file))
        assert {answer.prompt_id for answer in answers} <= ids
        sizes[file.name.split(".")[0]] = len(answers)
    assert sizes == {"command-r-plus": 3300, "llama-2-instruct": 3271, "llama-3-instruct": 3300}
