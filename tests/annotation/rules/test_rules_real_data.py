"""The rules against truth that exists: languages of sentences and files, programming languages of code.

The files lie beside the repository and are not part of it; without them these tests are skipped. `pytest -s` shows the
numbers, which are those of docs/annotation.md.
"""

import gzip
import json
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from treasure.annotation.lengths import LANGUAGE_CODES, count_lengths
from treasure.annotation.rules.annotator import RulesAnnotator
from treasure.annotation.rules.config import RulesConfig
from treasure.data.example import Example, Message

REPOSITORY = Path(__file__).parents[3]
SHARED = REPOSITORY.parent / "shared" / "data"
TRAIN, EVAL = SHARED / "train", SHARED / "eval"
NTREX = {
    "arb": "Arabic", "ces": "Czech", "deu": "German", "ell": "Greek", "eng": "English", "fas": "Persian",
    "fra": "French", "heb": "Hebrew", "hin": "Hindi", "ind": "Indonesian", "ita": "Italian",
    "jpn": "Japanese", "kor": "Korean",
    "nld": "Dutch", "pol": "Polish", "por": "Portuguese", "por-BR": "Portuguese", "ron": "Romanian", "rus": "Russian",
    "spa": "Spanish", "spa-MX": "Spanish", "tur": "Turkish", "ukr": "Ukrainian", "vie": "Vietnamese",
    "zho-CN": "Chinese", "zho-TW": "Chinese",
}  # fmt: skip
pytestmark = [
    pytest.mark.skipif(not SHARED.is_dir(), reason="the public data sets are not on this machine"),
    pytest.mark.slow,
]


def rows_of(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def sentences() -> Iterator[tuple[str, list[str]]]:
    """(code of the language, its sentences of 30 characters or more) of all NTREX files."""
    for path in sorted((TRAIN / "ntrex128").glob("newstest2019-*.txt.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            yield path.name.split(".")[1], [line.strip() for line in lines if len(line.strip()) >= 30]


def values_of(category: str, texts: Iterable[tuple[str, str]], taxonomy) -> Counter[str]:
    """How often each value was found in (completion, prompt); '-' where the rules abstained, '+' joins several."""
    names = {"lang": "language"}
    rules = {
        name: name == names.get(category, category) for name in ("language", "lengths", "code_type", "format", "style")
    }
    annotator = RulesAnnotator(RulesConfig(**rules), taxonomy)
    examples = [Example("x", (Message("user", prompt),), completion, "d") for completion, prompt in texts]
    found = annotator.annotate(examples, [{}] * len(examples))
    return Counter("+".join(map(str, one[category].values)) or "-" for one in found)


def test_languages_of_ntrex(taxonomy):
    right = total = false = other = 0
    for code, lines in sentences():
        counts = values_of("lang", ((line, "") for line in lines), taxonomy)
        if code in NTREX:
            right, total = right + counts[NTREX[code]], total + len(lines)
            print(
                f"{code} {NTREX[code]}: {counts[NTREX[code]] / len(lines):.2%} of {len(lines)}; {counts.most_common(4)}"
            )
        else:
            false, other = false + len(lines) - counts["-"], other + len(lines)
            print(f"{code}, not ours: {1 - counts['-'] / len(lines):.2%} of {len(lines)}; {counts.most_common(4)}")
    print(
        f"ours: {right / total:.3%} of {total}; others wrongly given a language of ours: {false / other:.3%} of {other}"
    )
    assert right / total >= 0.99
    assert false / other <= 0.03


def file_texts() -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    """(file, its language, rows) of files that are known to be in one language."""
    zh = rows_of(TRAIN / "alpaca_zh_demo.jsonl.gz")
    yield "alpaca_zh_demo", "Chinese", [(row["output"], row["instruction"]) for row in zh]
    oasst = rows_of(TRAIN / "oasst_sft_zh.jsonl.gz")
    yield "oasst_sft_zh", "Chinese", [(row["output"], row["instruction"]) for row in oasst]
    ru = rows_of(TRAIN / "pairs_ru_gpt4_graded.jsonl.gz")
    yield "pairs_ru_gpt4_graded", "Russian", [(row["left_answer"], row["instruction"]) for row in ru]
    fr = rows_of(TRAIN / "oasst_fr.jsonl.gz")
    yield "oasst_fr", "French", [(row["conversation"][1]["content"], row["conversation"][0]["content"]) for row in fr]
    lima = rows_of(TRAIN / "lima.jsonl.gz")
    yield "lima", "English", [(row["output"], row["instruction"]) for row in lima]
    names = {code: name for name, code in LANGUAGE_CODES.items()}
    by_language: dict[str, list[tuple[str, str]]] = {}
    for row in rows_of(TRAIN / "xquad.jsonl.gz"):
        by_language.setdefault(row["lang"], []).append((row["context"], ""))
    for code, texts in by_language.items():
        yield f"xquad {code}", names.get(code, "-"), texts


def test_languages_of_files(taxonomy):
    right = total = 0
    for name, language, texts in file_texts():
        counts = values_of("lang", texts, taxonomy)
        print(f"{name}: {language} {counts[language] / len(texts):.2%} of {len(texts)}; {counts.most_common(4)}")
        right, total = right + counts[language], total + len(texts)
    print(f"all: {right / total:.2%} of {total}")
    assert right / total >= 0.97


def code_texts() -> Iterator[tuple[str, str, float, list[tuple[str, str]]]]:
    """(file, its programming language, the share that must be right, rows)."""
    pairs = rows_of(TRAIN / "codexglue_java_cs.jsonl.gz")
    yield "codexglue java", "java", 0.95, [(row["java"], "") for row in pairs]
    yield "codexglue cs", "csharp", 0.9, [(row["cs"], "") for row in pairs]  # much of it was Java once and reads so
    fixes = rows_of(TRAIN / "codexglue_refinement_small.jsonl.gz")
    yield "codexglue refinement", "java", 0.95, [(row["fixed"], "") for row in fixes]
    yield (
        "codexglue refinement, named",
        "java",
        0.97,
        [(row["fixed"], "Fix the bug in this Java method.") for row in fixes],
    )
    for name, language in (
        ("cpp", "cpp"),
        ("go", "go"),
        ("java", "java"),
        ("js", "javascript"),
        ("python", "python"),
        ("rust", "rust"),
    ):
        rows = rows_of(EVAL / "humanevalpack" / f"{name}.jsonl.gz")
        yield (
            f"humanevalpack {name}",
            language,
            0.95,
            [(row["declaration"] + row["canonical_solution"], "") for row in rows],
        )


def test_code_types(taxonomy):
    failed = []
    for name, language, least, texts in code_texts():
        counts = values_of("code_type", texts, taxonomy)
        share = counts[language] / len(texts)
        print(f"{name}: {share:.2%} of {len(texts)}; {counts.most_common(4)}")
        if share < least:
            failed.append(name)
    assert failed == []


def test_code_types_that_prompts_name(taxonomy):
    """CodeAlpaca has no column for it, but many prompts name one language; the rule does not see the prompt."""
    spoken = {
        "Python": "python",
        "JavaScript": "javascript",
        "Java": "java",
        "C++": "cpp",
        "C#": "csharp",
        "PHP": "php",
        "SQL": "sql",
        "Ruby": "ruby",
        "Swift": "swift",
        "Kotlin": "kotlin",
        "Rust": "rust",
        "TypeScript": "typescript",
        "Bash": "shell",
    }
    cases: dict[str, list[tuple[str, str]]] = {}
    for file in ("code_alpaca_2k", "code_gpt4_4.5k"):
        for row in rows_of(TRAIN / f"{file}.jsonl.gz"):
            words = row["instruction"].replace(",", " ").replace(".", " ").split()
            named = {spoken[word] for word in words if word in spoken}
            code_like = any(mark in row["output"] for mark in (";", "\n", "(")) and len(row["output"]) > 60
            if len(named) == 1 and code_like:
                cases.setdefault(named.pop(), []).append((row["output"], ""))
    right = total = answered = 0
    for language, texts in sorted(cases.items()):
        counts = values_of("code_type", texts, taxonomy)
        print(f"{language}: {counts[language] / len(texts):.1%} of {len(texts)}; {counts.most_common(5)}")
        right, total, answered = right + counts[language], total + len(texts), answered + len(texts) - counts["-"]
    print(f"all: {right / total:.2%} of {total}; {right / answered:.2%} of {answered} that were answered")
    assert right / answered >= 0.85


def test_lengths_are_those_of_spacy_in_all_languages():
    from treasure.annotation.lengths import _pipeline

    names = {**NTREX}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for code, lines in sentences():
            if code not in names:
                continue
            pipeline = _pipeline(names[code])
            if "sentencizer" not in pipeline.pipe_names:
                pipeline.add_pipe("sentencizer")
            texts = [" ".join(lines[i : i + 3]) for i in range(0, 600, 3)]
            for text in texts:
                doc = pipeline(text)
                sizes = count_lengths(text, names[code])
                assert (sizes.tokens, sizes.sentences) == (sum(not t.is_space for t in doc), len(list(doc.sents))), (
                    code,
                    text,
                )
