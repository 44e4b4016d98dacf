"""What `make bench` is asked for: how long to measure, on which cores and data."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.shapes import SHAPES, shape_of


@dataclass(frozen=True, kw_only=True)
class Options:
    """`quick` shows that everything works; its numbers say little. `work` keeps corpora and caches, `data` is where
    public data sets lie. `model` is a folder with a model of the world that generates; without, one is trained.

    `tried` are TRL's settings of an earlier time with their speeds, by shape and kind; shapes without are tried anew.
    """

    quick: bool
    work: Path
    tokenizer: Path
    alpaca: Path
    pipeline_rows: int
    data: Path
    model: Path | None = None
    shapes: tuple[str, ...] = tuple(SHAPES)
    tried: Mapping[str, Any] = field(default_factory=dict)

    @property
    def num_rounds(self) -> int:
        """Rounds a contender runs; the page shows their median."""
        return 2 if self.quick else 7

    def steps(self, shape: str) -> dict[str, Any]:
        """The part of a contender's specification that says how long it runs, in optimizer steps: those of a round, and
        those before the first, in which memory settles and code compiles.
        """
        size = 3 if self.quick else shape_of(shape).round_steps
        return {"warmup_steps": min(20, size), "round_steps": size}

    def to_dict(self) -> dict[str, Any]:
        """JSON values for the results."""
        return {
            name: str(value) if isinstance(value, Path) else value
            for name, value in asdict(self).items()
            if name != "tried"
        }
