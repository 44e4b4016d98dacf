"""Annotators that tests send to other processes."""

import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from treasure.annotation.basic import known_language
from treasure.annotation.build import Phase
from treasure.annotation.chain import Task, categories_of
from treasure.annotation.finding import Finding, Outcome
from treasure.data.example import Example
from treasure.data.readers import DatasetConfig
from treasure.jsonl import write_jsonl

LANGUAGES = ("English", "French", "Greek")
DOMAINS = ("Legal", "Code", "Math")


@dataclass
class Guesser:
    """Says something of each category by the letters of the completion, and notes whom it was asked about.

    It cannot stand a completion with 'boom', abstains on 'hm', says what cannot be of 'nonsense', and kills its process
    at 'die' unless the file `spared` is there.
    """

    categories: tuple[str, ...] = ("domain", "task", "lang")
    name: str = "guesser"
    version: str = "1"
    reads: tuple[str, ...] = ("lang",)
    pause_s: float = 0.0
    asked: list = field(default_factory=list)
    log: str = ""
    spared: str = ""

    def annotate(self, examples: Sequence[Example], known: Sequence[Mapping[str, Finding]]) -> list[dict[str, Finding]]:
        time.sleep(self.pause_s)
        found = [self._of(example, before) for example, before in zip(examples, known, strict=True)]
        if self.log:
            with Path(self.log).open("a") as file:
                file.writelines(
                    f"{example.id} {','.join(says)}\n" for example, says in zip(examples, found, strict=True)
                )
        return found

    def _of(self, example: Example, known: Mapping[str, Finding]) -> dict[str, Finding]:
        text = example.completion
        if "boom" in text:
            raise ValueError("this text is too much")
        if "die" in text and not Path(self.spared or "/").is_file():
            os.kill(os.getpid(), signal.SIGKILL)
        found = {}
        for name in self.categories:
            if name in known and known[name].settles:
                continue
            self.asked.append((example.id, name, known_language((known,))))
            found[name] = self._says(name, text)
        return found

    def _says(self, name: str, text: str) -> Finding:
        if "hm" in text:
            return Finding(self.name, Outcome.ABSTAINED, note="not sure")
        if "nonsense" in text:
            return Finding(self.name, Outcome.FOUND, ("no such value",))
        number = len(text)
        values = {
            "domain": (DOMAINS[number % 3],), "task": ("Explanation", "Reasoning"), "lang": (LANGUAGES[number % 3],),
            "quality": (number / 7,), "style": ("Formal",),
        }  # fmt: skip
        return Finding(self.name, Outcome.FOUND, values[name], 1 / (number + 1))


@dataclass(frozen=True)
class Guessers:
    """Makes guessers wherever they are needed; pickles as it is."""

    options: tuple[tuple[str, object], ...] = ()

    def __call__(self) -> list[Guesser]:
        return [Guesser(**dict(self.options))]


def phase(*, in_workers: bool = True, **options) -> Phase:
    return Phase((str(options.get("name", "guesser")),), in_workers, Guessers(tuple(options.items())))


def rows_file(path: Path, count: int, text: str = "Answer {number}.") -> DatasetConfig:
    """A dataset of `count` rows that differ."""
    write_jsonl(path, ({"prompt": f"q{n}", "completion": text.format(number=n) + "x" * (n % 5)} for n in range(count)))
    return DatasetConfig(path=str(path), name=path.stem, facts={"source": "Human"})


def task_for(folder: Path, taxonomy, *categories: str, **options) -> Task:
    return Task(folder, taxonomy, categories_of(taxonomy, categories), **options)
