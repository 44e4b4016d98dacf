"""Runs contenders in turn, A B C A B C …, so that whatever else the machine does hits all of them alike."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import IO, Any

from bench.gate import Round

ROOT = Path(__file__).parents[1]


class ContenderError(RuntimeError):
    """A contender ended before its time; the message holds the end of what it said."""


@dataclass(frozen=True)
class Score:
    """All rounds of one contender, and how long it took to get warm (start, data, compilation)."""

    rounds: tuple[Round, ...]
    warmup_seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Rates of all rounds with their median, and the peak of memory."""
        rates = [done.num_tokens / done.seconds for done in self.rounds]
        last = self.rounds[-1]
        return {
            "tokens_per_s": median(rates),
            "tokens_per_s_rounds": rates,
            "tokens_per_cpu_s": median(done.num_tokens / done.cpu_seconds for done in self.rounds),
            "examples_per_s": median(done.num_examples / done.seconds for done in self.rounds),
            "tokens_per_example": sum(d.num_tokens for d in self.rounds) / sum(d.num_examples for d in self.rounds),
            "predicted_share": sum(d.num_predicted for d in self.rounds) / sum(d.num_tokens for d in self.rounds),
            "peak_rss_mib": last.peak_rss_mib,
            "warmup_s": self.warmup_seconds,
        }


class _Contender:
    def __init__(self, name: str, module: str, spec: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        self.name = name
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by `close`
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, json.dumps(spec)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=ROOT,
            env={**os.environ, "TOKENIZERS_PARALLELISM": "false", "WANDB_MODE": "disabled", **environment},
        )

    def report(self) -> Round:
        line = _pipe(self._process.stdout).readline()
        if not line:
            self._process.wait()
            self._errors.seek(0)
            raise ContenderError(f"{self.name}: {self._errors.read()[-2000:]}")
        return Round(**json.loads(line))

    def go(self) -> None:
        stdin = _pipe(self._process.stdin)
        stdin.write("go\n")
        stdin.flush()

    def close(self) -> None:
        """Ends the process; its pipes are closed first, which it takes as a sign."""
        _pipe(self._process.stdin).close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        _pipe(self._process.stdout).close()
        self._errors.close()


def _pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def contest(
    contenders: Mapping[str, tuple[str, Mapping[str, Any]]],
    num_rounds: int,
    *,
    environment: Mapping[str, str] | None = None,
) -> dict[str, Score]:
    """Name -> (module, specification) to name -> what it did in `num_rounds` rounds.

    Raises:
        ContenderError: one of them failed.
    """
    running: dict[str, _Contender] = {}
    warm: dict[str, float] = {}
    rounds: dict[str, list[Round]] = {name: [] for name in contenders}
    try:
        for name, (module, spec) in contenders.items():
            running[name] = _Contender(name, module, {**spec, "num_rounds": num_rounds}, environment or {})
            warm[name] = running[name].report().seconds
            say(f"  {name}: warm after {warm[name]:.0f} s")
        for number in range(num_rounds):
            for name, contender in running.items():
                contender.go()
                done = contender.report()
                rounds[name].append(done)
                say(f"  round {number + 1}/{num_rounds} {name}: {done.num_tokens / done.seconds:,.0f} tokens/s")
    finally:
        for contender in running.values():
            contender.close()
    return {name: Score(tuple(done), warm[name]) for name, done in rounds.items()}


def say(text: str) -> None:
    """Tells how far the measurements are."""
    print(text, file=sys.stderr, flush=True)
