"""Writes generated rows of an instruction dataset as JSON Lines: `python -m bench.pipeline_rows <spec as JSON>`.

Each row is different; words are drawn by a Zipf law from made-up ones, lengths and the share of each domain and
language vary as in mixed instruction data.
"""

import json
import sys
from pathlib import Path

import numpy as np

SEED = 0
NUM_WORDS = 20_000
MEAN_PROMPT_WORDS, MEAN_COMPLETION_WORDS = 18, 60
CHUNK = 10_000
DOMAINS = {"Conversation": 0.4, "Sciences": 0.3, "Code": 0.15, "Culture": 0.1, "Legal": 0.03, "Medical": 0.02}
LANGUAGES = {"English": 0.8, "French": 0.1, "German": 0.06, "Spanish": 0.04}
SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "is")]


def main() -> None:
    """Writes the rows."""
    spec = json.loads(sys.argv[1])
    rng = np.random.default_rng(SEED)
    words = ["".join(rng.choice(SYLLABLES, size=rng.integers(1, 4))) for _ in range(NUM_WORDS)]
    with Path(spec["path"]).open("w", encoding="utf-8") as file:
        for start in range(0, spec["rows"], CHUNK):
            for row in _rows(start, min(CHUNK, spec["rows"] - start), words, rng):
                file.write(json.dumps(row) + "\n")


def _rows(start: int, count: int, words: list[str], rng: np.random.Generator) -> list[dict[str, str]]:
    lengths = 1 + rng.geometric([[1 / MEAN_PROMPT_WORDS, 1 / MEAN_COMPLETION_WORDS]], size=(count, 2)).clip(max=300)
    domains = rng.choice(list(DOMAINS), p=list(DOMAINS.values()), size=count)
    languages = rng.choice(list(LANGUAGES), p=list(LANGUAGES.values()), size=count)
    drawn = iter(((rng.zipf(1.1, size=int(lengths.sum())) - 1) % NUM_WORDS).tolist())
    return [
        {
            "prompt": f"{start + index}: " + " ".join(words[next(drawn)] for _ in range(prompt)) + "?",
            "completion": " ".join(words[next(drawn)] for _ in range(completion)) + ".",
            "domain": str(domains[index]),
            "lang": str(languages[index]),
        }
        for index, (prompt, completion) in enumerate(lengths.tolist())
    ]


if __name__ == "__main__":
    main()
