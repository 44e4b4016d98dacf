"""Judges pairs and writes the games, once, at the end: the process that a test kills.

python judge_client.py <records> <base url> <number of pairs> <output>
"""

import json
import sys
from pathlib import Path

from treasure.evaluation.judge.config import JudgeConfig
from treasure.evaluation.judge.game import Pair
from treasure.evaluation.judge.judge import Judge
from treasure.llm.config import RunnerConfig

RUNNER = {"concurrency": 4, "timeout_s": 3.0, "backoff_s": 0.05, "max_backoff_s": 0.2, "max_attempts": 8}


def pairs(count):
    return [
        Pair(prompt_id=f"p{n}", prompt=f"Question {n}?", answer=f"grade={n % 7}", opponent=f"I say grade={n % 5}")
        for n in range(count)
    ]


def main(records, base_url, count, output):
    config = JudgeConfig(model="fake", records=records, base_url=base_url, runner=RunnerConfig(**RUNNER))
    games = Judge(config).compare(pairs(int(count)))
    Path(output).write_text(json.dumps([[game.to_dict() for game in both] for both in games]))


if __name__ == "__main__":
    main(*sys.argv[1:])
