"""The rules of annotation: what each category costs, how many examples a second two processes annotate.

Texts have about 100 words. They are NTREX sentences in the 23 languages and programs of CodeAlpaca where these files
are at hand (`--data`), else answers of the world, whose words repeat more.
"""

import gzip
import json
import multiprocessing
import random
import resource
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.contest import ROOT, say
from bench.options import Options
from treasure.annotation.finding import Finding, Outcome
from treasure.annotation.rules.annotator import RulesAnnotator
from treasure.annotation.rules.config import RulesConfig
from treasure.annotation.rules.language import detect_by_model
from treasure.data.example import Example, Message
from treasure.taxonomy.load import load_taxonomy
from treasure.world.config import WorldConfig
from treasure.world.world import World

GOAL_EXAMPLES_PER_S = 4_000
NUM_PROCESSES = 2
BLOCK = 500
"""Examples that are annotated at once; the command's own blocks are larger."""
WORDS, CHARACTERS = 100, 250
"""Sizes of a text, in words, or in characters where blanks do not part words."""
CODE_SHARE = 0.15
RULES = ("language", "lengths", "code_type", "format", "style")
_LANGUAGES = {
    "arb": "Arabic", "ces": "Czech", "deu": "German", "ell": "Greek", "eng": "English", "fas": "Persian",
    "fra": "French", "heb": "Hebrew", "hin": "Hindi", "ind": "Indonesian", "ita": "Italian",
    "jpn": "Japanese", "kor": "Korean",
    "nld": "Dutch", "pol": "Polish", "por": "Portuguese", "ron": "Romanian", "rus": "Russian", "spa": "Spanish",
    "tur": "Turkish", "ukr": "Ukrainian", "vie": "Vietnamese", "zho-CN": "Chinese",
}  # fmt: skip
Case = tuple[Example, str]
"""An example and its language."""


def measure(options: Options) -> dict[str, Any]:
    """What each category costs in one process, and how fast several are together."""
    size = 600 if options.quick else 12_000
    cases = _cases(options.data, size)
    say(f"annotation: {len(cases):,} texts of {_source(options.data)}")
    alone = _alone(cases, options.num_rounds)
    together = [_together(cases) for _ in range(options.num_rounds)]
    return {
        "source": _source(options.data),
        "num_examples": len(cases),
        "words": sum(len(one.completion.split()) for one, _ in cases) / len(cases),
        "characters": sum(len(one.completion) for one, _ in cases) / len(cases),
        "us": {name: sorted(rounds)[len(rounds) // 2] for name, rounds in alone.items()},
        "us_rounds": alone,
        "num_processes": NUM_PROCESSES,
        "examples_per_s_rounds": [one["examples_per_s"] for one in together],
        "examples_per_s": sorted(one["examples_per_s"] for one in together)[len(together) // 2],
        "rss_mib_first_quarter": max(one["rss_mib_first_quarter"] for one in together),
        "rss_mib": max(one["rss_mib"] for one in together),
        "goals": {"examples_per_s": GOAL_EXAMPLES_PER_S, "slowest_against_language": 1.0},
    }


def _source(data: Path) -> str:
    return "NTREX and CodeAlpaca" if (data / "train" / "ntrex128").is_dir() else "the world"


def _cases(data: Path, size: int) -> list[Case]:
    texts = list(_real(data / "train")) if _source(data) != "the world" else list(_of_world(size))
    random.Random(1).shuffle(texts)
    return [
        (Example(f"{number:016x}", (Message("user", prompt),), completion, "bench"), language)
        for number, (prompt, completion, language) in enumerate(texts[:size])
    ]


def _real(train: Path) -> Iterator[tuple[str, str, str]]:
    """(prompt, completion, language), with programs among them."""
    num_prose = 0
    for code, language in _LANGUAGES.items():
        kind = "src" if code == "eng" else "ref"
        with gzip.open(train / "ntrex128" / f"newstest2019-{kind}.{code}.txt.gz", "rt", encoding="utf-8") as lines:
            for text in _joined(map(str.strip, lines)):
                num_prose += 1
                yield text[:60], text, language
    with gzip.open(train / "code_gpt4_4.5k.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line, _ in zip(lines, range(int(num_prose * CODE_SHARE / (1 - CODE_SHARE))), strict=False):
            row = json.loads(line)
            yield row["instruction"], row["output"], "English"


def _of_world(size: int) -> Iterator[tuple[str, str, str]]:
    taxonomy = load_taxonomy(ROOT / "conf" / "taxonomy" / "world.yaml")
    world = World(WorldConfig(num_train_examples=size * 8, num_prompts_per_benchmark=1), taxonomy)
    by_language: dict[str, list[str]] = {}
    for marked in world.train_examples():
        by_language.setdefault(str(marked.markers.value("lang")), []).append(marked.example.completion)
    for language, completions in by_language.items():
        for text in _joined(iter(completions)):
            yield text[:60], text, language


def _joined(texts: Iterator[str]) -> Iterator[str]:
    """Texts put together until they have the size that is measured."""
    parts: list[str] = []
    for text in texts:
        parts.append(text)
        joined = " ".join(parts)
        if len(joined.split()) >= WORDS or (joined.count(" ") < len(joined) / 30 and len(joined) >= CHARACTERS):
            yield joined
            parts = []


def _alone(cases: list[Case], num_rounds: int) -> dict[str, list[float]]:
    """Name -> CPU time of one process in µs an example, round by round; the rounds of all take turns."""
    examples = [one for one, _ in cases]
    spoken = [{"lang": Finding("bench", Outcome.FOUND, (language,))} for _, language in cases]
    runs: dict[str, Callable[[], object]] = {
        "lid.176 alone": lambda: [detect_by_model(one.completion) for one in examples]
    }
    for name in RULES:
        known = [{} for _ in cases] if name == "language" else spoken
        runs[name] = _run_of(_annotator([name]), examples, known)
    runs["all rules"] = _run_of(_annotator(list(RULES)), examples, [{} for _ in cases])
    found: dict[str, list[float]] = {name: [] for name in runs}
    for round_number in range(num_rounds + 1):
        for name, run in runs.items():
            began = time.process_time()
            run()
            if round_number:  # before the first, tables are read and words are learned
                found[name].append(1e6 * (time.process_time() - began) / len(cases))
    return found


def _run_of(
    annotator: RulesAnnotator, examples: list[Example], known: list[dict[str, Finding]]
) -> Callable[[], object]:
    return lambda: annotator.annotate(examples, known)


def _annotator(rules: list[str]) -> RulesAnnotator:
    warnings.filterwarnings("ignore", message=".*(are counted in|counting by general).*")
    config = RulesConfig(**{name: name in rules for name in RULES})
    return RulesAnnotator(config, load_taxonomy(ROOT / "conf" / "taxonomy" / "treasure_hunt.yaml"))


def _together(cases: list[Case]) -> dict[str, float]:
    """Examples a second of all processes, each with its share of the examples. Before, each has seen one text of each
    language, which reads spaCy's tables; all other words are new to it.
    """
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(NUM_PROCESSES)
    results = context.Queue()
    shares = [[one for one, _ in cases[number::NUM_PROCESSES]] for number in range(NUM_PROCESSES)]
    first = list({language: one for one, language in cases}.values())
    workers = [context.Process(target=_work, args=(first, share, barrier, results)) for share in shares]
    for worker in workers:
        worker.start()
    spans = [results.get(timeout=120) for _ in workers]
    for worker in workers:
        worker.join()
    seconds = max(end for _, end, _, _ in spans) - min(start for start, _, _, _ in spans)
    return {
        "examples_per_s": len(cases) / seconds,
        "rss_mib_first_quarter": max(first for _, _, first, _ in spans),
        "rss_mib": max(last for _, _, _, last in spans),
    }


def _work(first: list[Example], examples: list[Example], barrier: Any, results: Any) -> None:
    annotator = _annotator(list(RULES))
    annotator.annotate(first, [{} for _ in first])
    barrier.wait()
    began = time.monotonic()
    after_quarter = 0.0
    for start in range(0, len(examples), BLOCK):
        if start >= len(examples) // 4 and not after_quarter:
            after_quarter = _rss_mib()
        block = examples[start : start + BLOCK]
        annotator.annotate(block, [{} for _ in block])
    results.put((began, time.monotonic(), after_quarter, _rss_mib()))


def _rss_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
