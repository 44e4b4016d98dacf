"""What `make bench` is asked for: how long to measure, on which cores and data."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.shapes import SHAPES


@dataclass(frozen=True, kw_only=True)
class Options:
    """`quick` shows that everything works; its numbers say little. `work` keeps corpora and caches."""

    quick: bool
    work: Path
    tokenizer: Path
    alpaca: Path
    pipeline_rows: int
    shapes: tuple[str, ...] = tuple(SHAPES)

    @property
    def num_rounds(self) -> int:
        """Rounds a contender runs; the page shows their median."""
        return 2 if self.quick else 7

    @property
    def round_steps(self) -> int:
        """Optimizer steps of a round."""
        return 3 if self.quick else 25

    @property
    def warmup_steps(self) -> int:
        """Steps before the first round, in which memory settles and code compiles for all shapes."""
        return 3 if self.quick else 20

    def steps(self) -> dict[str, Any]:
        """The part of a contender's specification that says how long it runs."""
        return {"warmup_steps": self.warmup_steps, "round_steps": self.round_steps}

    def to_dict(self) -> dict[str, Any]:
        """JSON values for the results."""
        return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()}
